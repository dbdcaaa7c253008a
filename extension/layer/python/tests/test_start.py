"""How the injector comes into a process: sitecustomize, import hooks, and Lambda's own runtime client."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from tests.local import Bed, layer

CLIENT = """
import boto3, os
from botocore.config import Config
client = boto3.client("sqs", endpoint_url=os.environ["AWS"], config=Config(retries={"total_max_attempts": 1}))
client.send_message(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/orders", MessageBody="x")
"""
AIO_CLIENT = """
import asyncio, os, aiobotocore.session
async def send():
    async with aiobotocore.session.get_session().create_client("sqs", endpoint_url=os.environ["AWS"]) as client:
        await client.send_message(QueueUrl="https://sqs.eu-central-1.amazonaws.com/1/orders", MessageBody="x")
asyncio.run(send())
"""


class Process(Bed):
    """A test that starts Python with the layer first on its path."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(textwrap.dedent(text))
        return path

    def environ(self, *path, **more):
        environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON", "HOPGUARD_"))
        }
        environ.update(
            AWS="http://" + self.aws.address,
            AWS_ACCESS_KEY_ID="a",
            AWS_SECRET_ACCESS_KEY="b",
            AWS_DEFAULT_REGION="eu-central-1",
            HOPGUARD_PROXY=self.extension.address,
            HOPGUARD_REPORTS=self.extension.reports_address,
            PYTHONDONTWRITEBYTECODE="1",
            PYTHONPATH=os.pathsep.join([layer()] + list(path)),
        )
        environ.update(more)
        return environ

    def run_python(self, text, *path, arguments=("-c",), **more):
        """The output of a program with the layer first on its path."""
        command = [sys.executable, *arguments, textwrap.dedent(text)]
        run = subprocess.run(
            command, env=self.environ(*path, **more), cwd=self.folder, capture_output=True, text=True, timeout=60
        )
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def assert_written(self):
        self.assert_attributes(self.arrived().json()["MessageAttributes"])
        self.aws.requests.clear()


class Start(Process):
    def test_clients_of_boto3_and_aiobotocore(self):
        for program in (CLIENT, AIO_CLIENT):
            self.run_python(program)
            self.assert_written()
        self.assertEqual(self.asked(), [{"invocation": None, "sends": 1, "service": "SQS", "target": "orders"}] * 2)

    def test_nothing_is_imported_before_it_is_needed(self):
        wanted = "'hopguard_injector', 'botocore', 'socket', 'json', 're', 'importlib.util'"
        program = "import sys; print([name for name in (%s) if name in sys.modules])" % wanted
        self.assertEqual(self.run_python(program), self.run_python(program, PYTHONPATH=""))

    def test_botocore_was_there_before(self):
        program = "import sys; sys.path.insert(0, %r); import botocore.client; import sitecustomize" % layer() + CLIENT
        self.run_python(program, PYTHONPATH="")
        self.assert_written()
        # A client that is older than the hook is left alone, one that is younger than it is not.
        self.run_python("import boto3; boto3.client('sqs')\n" + program, PYTHONPATH="")
        self.assert_written()

    def test_the_path_may_have_changed_since(self):
        self.run_python("import sys; sys.path.remove(%r)\n" % layer() + CLIENT)
        self.assert_written()

    def test_without_the_extension_nothing_happens(self):
        program = "import sys; import botocore.client; print('hopguard_injector' in sys.modules)\n" + CLIENT
        for environ in ({"HOPGUARD_PROXY": ""}, {"HOPGUARD_PROXY": "garbage"}):
            self.run_python(program, **environ)
            self.assertNotIn("MessageAttributes", self.arrived().json())
            self.aws.requests.clear()
        self.assertEqual(self.extension.report("fault")["fault"]["where"], "botocore.client")

    def test_without_reports(self):
        self.run_python(CLIENT, HOPGUARD_REPORTS="")
        self.assert_written()

    def test_an_injector_that_does_not_load(self):
        broken = os.path.join(self.folder, "layer")
        os.mkdir(broken)
        with open(layer("sitecustomize.py"), encoding="utf-8") as file:
            self.write("layer/sitecustomize.py", file.read())
        for text in ("def", "raise SystemError('x')"):
            self.write("layer/hopguard_injector.py", text)
            self.run_python(CLIENT, PYTHONPATH=broken)
            self.assertNotIn("MessageAttributes", self.arrived().json())
            self.aws.requests.clear()
        self.assertEqual(self.extension.report("fault")["fault"]["injector"], "python")

    def test_the_users_sitecustomize_runs(self):
        self.write("user/sitecustomize.py", "import sys; print('user', __name__, __file__)\nX = 1")
        user = os.path.join(self.folder, "user")
        program = "import sitecustomize; print(sitecustomize.X)\n" + CLIENT
        output = self.run_python(program, os.path.join(self.folder, "none"), user)
        self.assertEqual(output, "user sitecustomize %s\n1\n" % os.path.join(user, "sitecustomize.py"))
        self.assert_written()
        self.assertEqual(self.run_python(program, user, HOPGUARD_PROXY=""), output, "without the extension too")

    def test_the_users_sitecustomize_may_fail(self):
        self.write("user/sitecustomize.py", "raise ValueError('the user')")
        user = os.path.join(self.folder, "user")
        environ = self.environ(user)
        for path in (environ["PYTHONPATH"], user):
            run = subprocess.run(
                [sys.executable, "-c", "print(1)"], env=dict(environ, PYTHONPATH=path), capture_output=True, text=True
            )
            self.assertEqual((run.returncode, run.stdout), (0, "1\n"))
            self.assertIn("ValueError: the user", run.stderr)

    def test_a_sitecustomize_that_runs_the_next_one_itself(self):
        # As agents do: it leaves out its own folder, and so finds ours again.
        self.write(
            "agent/sitecustomize.py",
            """
            import os, sys
            from importlib.machinery import PathFinder
            from importlib.util import module_from_spec
            print("agent")
            here = os.path.dirname(__file__)
            spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if path != here])
            if spec is not None:
                spec.loader.exec_module(module_from_spec(spec))
            """,
        )
        self.write("user/sitecustomize.py", "print('user')")
        folders = [os.path.join(self.folder, name) for name in ("agent", "user")]
        for more in ({}, {"HOPGUARD_PROXY": ""}):
            self.assertEqual(self.run_python(CLIENT, *folders, **more), "agent\nuser\n")
        ours_second = os.pathsep.join([folders[0], layer(), folders[1]])
        self.aws.requests.clear()
        self.assertEqual(self.run_python(CLIENT, PYTHONPATH=ours_second), "agent\nuser\n")
        self.assert_written()

    def test_the_users_path_and_packages(self):
        self.write("user/orders.py", "NAME = 'orders'")
        output = self.run_python("import orders; print(orders.NAME)", os.path.join(self.folder, "user"))
        self.assertEqual(output, "orders\n")

    def test_other_import_hooks(self):
        program = """
            import importlib.util, sys

            class Other:
                busy = False

                def find_spec(self, name, path=None, target=None):
                    if name != "botocore.client" or Other.busy:
                        return None
                    Other.busy = True
                    try:
                        return importlib.util.find_spec(name)
                    finally:
                        Other.busy = False

            class Old:
                def find_module(self, name, path=None):
                    return None

            sys.meta_path.insert(0, Other())
            sys.meta_path.insert(0, Old()) if sys.version_info < (3, 12) else None
            import botocore.client
            assert botocore.client.__loader__ is botocore.client.__spec__.loader
            assert type(botocore.client.__loader__).__name__ == "SourceFileLoader"
        """
        self.run_python(textwrap.dedent(program) + CLIENT, arguments=("-W", "ignore", "-c"))
        attributes = self.arrived().json()["MessageAttributes"]
        self.assert_attributes(attributes)
        self.assertEqual(self.extension.report()["outcomes"], {"written": 1}, "one handler, not two")
        self.assertTrue(self.extension.no_report())

    def test_a_module_that_is_loaded_again(self):
        self.run_python("import importlib, botocore.client; importlib.reload(botocore.client)" + CLIENT)
        self.assert_written()

    def test_a_spawned_process_has_an_injector_of_its_own(self):
        self.write("work.py", "def send():\n" + textwrap.indent(CLIENT, "    "))
        program = """
            import multiprocessing, sys
            import work
            if __name__ == "__main__":
                process = multiprocessing.get_context("spawn").Process(target=work.send)
                process.start()
                process.join()
                sys.exit(process.exitcode)
        """
        self.run_python(self.write("main.py", program), self.folder, arguments=())
        self.assert_written()


HANDLER = """
import json, os, threading
import boto3
from botocore.config import Config

client = boto3.client("sqs", endpoint_url=os.environ["AWS"], config=Config(retries={"total_max_attempts": 1}))
QUEUE = "https://sqs.eu-central-1.amazonaws.com/1/orders"
client.send_message(QueueUrl=QUEUE, MessageBody="init")

def handler(event, context):
    send = lambda: client.send_message(QueueUrl=QUEUE, MessageBody=context.aws_request_id)
    thread = threading.Thread(target=send)
    thread.start()
    thread.join()
    return send() and "done"
"""


class Runtime(Process):
    def setUp(self):
        super().setUp()
        self.events = ["first", "second"]
        self.answered = []
        self.extension.instead = self.runtime_api

    def runtime_api(self, request):
        """The proxy's other half, the Runtime API."""
        if request.path.endswith("/invocation/next"):
            if not self.events:
                return None
            headers = [
                ("Lambda-Runtime-Aws-Request-Id", self.events.pop(0)),
                ("Lambda-Runtime-Deadline-Ms", "9999999999999"),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn"),
                ("Lambda-Runtime-Trace-Id", "Root=1-5759e988-bd862e3fe1be46a994272793"),
                ("Content-Type", "application/json"),
            ]
            return 200, b"{}", headers
        if request.path.endswith("/hopguard/v1/sends"):
            asked = request.json()
            if asked["invocation"] is None:
                return 404, b""
            return 200, json.dumps(self.extension.tokens(asked["invocation"], asked["sends"])).encode()
        self.answered.append((request.path, request.body))
        return 202, b""

    def test_each_send_names_its_invocation(self):
        try:
            import awslambdaric  # noqa: F401
        except ImportError:
            self.skipTest("awslambdaric is not installed")
        self.write("function.py", HANDLER)
        environ = self.environ(
            self.folder,
            AWS_LAMBDA_RUNTIME_API=self.extension.address,
            AWS_LAMBDA_FUNCTION_NAME="f",
            LAMBDA_TASK_ROOT=self.folder,
        )
        command = [sys.executable, "-m", "awslambdaric", "function.handler"]
        subprocess.run(command, env=environ, cwd=self.folder, capture_output=True, timeout=60)
        paths = ["/2018-06-01/runtime/invocation/%s/response" % name for name in ("first", "second")]
        self.assertEqual(self.answered, [(path, b'"done"') for path in paths])
        asked = [request.json() for request in self.extension.requests if request.path.endswith("sends")]
        self.assertEqual([each["invocation"] for each in asked], [None, "first", "first", "second", "second"])
        bodies = [
            (request.json()["MessageBody"], "MessageAttributes" in request.json()) for request in self.aws.requests
        ]
        expected = [("init", False), ("first", True), ("first", True), ("second", True), ("second", True)]
        self.assertEqual(bodies, expected)
        reported = [self.extension.report()["call"]["invocation"] for _ in range(5)]
        self.assertEqual(reported, [None, "first", "first", "second", "second"])


if __name__ == "__main__":
    unittest.main()

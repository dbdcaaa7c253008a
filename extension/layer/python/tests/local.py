"""What the tests run against, all on 127.0.0.1: a server that takes AWS's part, and one that takes the extension's."""

import json
import os
import socket
import threading
import time
import types
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import botocore.client
from botocore.config import Config

import hopguard_injector

CHAIN = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
STALE = "01-%s-90-256-68fd508a:9" % CHAIN
TRACEPARENT = "^00-%s-[0-9a-f]{16}-01$" % CHAIN
INVOCATION = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"


def token(nth):
    """The token that the stand-in of the proxy gives the nth message of a call; its credit tells them apart."""
    return "01-%s-4-%d-68fd508a:3" % (CHAIN, 100 + nth)


class Request:
    """A request as it arrived."""

    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body

    def json(self):
        return json.loads(self.body)

    def form(self):
        return {name: values[0] for name, values in urllib.parse.parse_qs(self.body.decode()).items()}


class Server:
    """An HTTP/1.1 server on a free port that records what arrives and asks `answer` what to say."""

    def __init__(self, answer):
        self.requests = []
        self.connections = 0
        #: Whether connections are closed after a reply, without a word.
        self.closes = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self):
                super().setup()
                server.connections += 1

            def answer(self):
                request = Request(self, self.read_body())
                server.requests.append(request)
                reply = answer(request)
                self.close_connection = server.closes or reply is None
                if reply is not None:
                    self.wfile.write(reply if isinstance(reply, bytes) else http_reply(*reply))

            def read_body(self):
                return self.rfile.read(int(self.headers.get("content-length") or 0))

            def log_message(self, *args):
                pass

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        class Listener(ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *args):
                pass

        self.http = Listener(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.address = "127.0.0.1:%d" % self.http.server_port
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def http_reply(status, body=b"{}", headers=()):
    lines = ["HTTP/1.1 %d x" % status, "content-length: %d" % len(body)]
    lines += ["%s: %s" % header for header in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Aws(Server):
    """Takes the part of every AWS service that the injector writes to."""

    def __init__(self):
        #: Replies to give first, whatever is asked.
        self.first = []
        super().__init__(self.reply)

    def reply(self, request):
        if self.first:
            return self.first.pop(0)
        if request.path.startswith("/2015-03-31/functions/"):
            return 202 if request.headers.get("x-amz-invocation-type") == "Event" else 200, b"{}"
        if "x-amz-target" in request.headers:
            return 200, b"{}", [("content-type", "application/x-amz-json-1.0")]
        if request.body.startswith(b"Action="):
            action = request.form()["Action"]
            xml = "<{0}Response><{0}Result><MessageId>1</MessageId></{0}Result></{0}Response>".format(action)
            return 200, xml.encode()
        return self.s3_reply(request)

    @staticmethod
    def s3_reply(request):
        headers = [("etag", '"1"'), ("x-amz-request-id", "1")]
        if request.method == "POST" and "uploads" in request.path:
            upload = b"<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>"
            return 200, upload, headers
        if "x-amz-copy-source" in request.headers:
            return 200, b"<CopyObjectResult><ETag>1</ETag></CopyObjectResult>", headers
        return 200, b"<Result/>" if request.method == "POST" else b"", headers


class Extension(Server):
    """Takes the part of the extension: the proxy's answer to `sends`, and the reports."""

    def __init__(self):
        self.reusable = False
        self.others = ""
        #: A reply to give instead of tokens: a tuple, bytes, or a function that is called with the request.
        self.instead = None
        self.reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.reports.bind(("127.0.0.1", 0))
        self.reports_address = "127.0.0.1:%d" % self.reports.getsockname()[1]
        super().__init__(self.reply)

    def reply(self, request):
        if self.instead is not None:
            return self.instead(request) if callable(self.instead) else self.instead
        asked = request.json()
        return 200, json.dumps(self.tokens(asked["invocation"], asked["sends"])).encode()

    def tokens(self, invocation, sends):
        return {
            "invocation": invocation or INVOCATION,
            "trace": CHAIN,
            "parent": PARENT,
            "flags": "01",
            "others": self.others,
            "tokens": [token(nth) for nth in range(1 if self.reusable else sends)],
            "reusable": self.reusable,
        }

    def report(self, kind="call", timeout=5.0):
        """The next report that has a member of this kind."""
        deadline = time.monotonic() + timeout
        while True:
            self.reports.settimeout(max(deadline - time.monotonic(), 0.001))
            datagram = self.reports.recv(65536)
            assert len(datagram) <= 8192, len(datagram)
            report = json.loads(datagram)
            if kind in report:
                return report

    def no_report(self, kind="call"):
        """Whether no such report arrives any more."""
        try:
            return self.report(kind, 0.1) is None
        except socket.timeout:
            return True

    def close(self):
        super().close()
        self.reports.close()


#: The injector of this process; each test gives it an extension of its own.
HOOK = types.SimpleNamespace(invocation=INVOCATION)
INJECTOR = hopguard_injector.watch(
    botocore.client.BaseClient, HOOK, {"HOPGUARD_PROXY": "127.0.0.1:9", "HOPGUARD_REPORTS": "127.0.0.1:9"}
)


#: Loads the services' models once.
SESSION = boto3.session.Session()


class Bed(unittest.TestCase):
    """A test with a stand-in of AWS and one of the extension."""

    def setUp(self):
        self.aws, self.extension = Aws(), Extension()
        self.addCleanup(self.aws.close)
        self.addCleanup(self.extension.close)
        self.addCleanup(INJECTOR.forget)
        HOOK.invocation = INVOCATION
        INJECTOR.proxy = hopguard_injector.Proxy(hopguard_injector.address_of(self.extension.address))
        INJECTOR.reports = hopguard_injector.Reports(hopguard_injector.address_of(self.extension.reports_address))
        INJECTOR.tables = frozenset()

    def settings(self, **config):
        config.setdefault("retries", {"total_max_attempts": 1})
        return {
            "region_name": "eu-central-1",
            "endpoint_url": "http://" + self.aws.address,
            "aws_access_key_id": "a",
            "aws_secret_access_key": "b",
            "config": Config(
                inject_host_prefix=False, s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=5, **config
            ),
        }

    def client(self, service, **config):
        client = SESSION.client(service, **self.settings(**config))
        self.addCleanup(client.close)
        return client

    def resource(self, service):
        resource = SESSION.resource(service, **self.settings())
        self.addCleanup(resource.meta.client.close)
        return resource

    def arrived(self):
        """The only request that has arrived."""
        self.assertEqual(len(self.aws.requests), 1)
        return self.aws.requests[0]

    def asked(self):
        """What the proxy was asked."""
        return [request.json() for request in self.extension.requests]

    def outcomes(self):
        return self.extension.report("outcomes")["outcomes"]

    def assert_field(self, field, nth=0, others=""):
        self.assertRegex(field["traceparent"], TRACEPARENT)
        self.assertEqual(field["tracestate"], "hopguard=" + token(nth) + others)

    def assert_attributes(self, attributes, nth=0):
        self.assertEqual(attributes["traceparent"]["DataType"], "String")
        self.assert_field({name: attributes[name]["StringValue"] for name in ("traceparent", "tracestate")}, nth)


def layer(*names):
    """A path in the layer's folder for Python."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), *names)

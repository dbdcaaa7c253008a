"""Starts ministack as the test bed needs it: python -c PROGRAM."""
import gzip
import io
import json
import re
import socketserver
import zipfile

import cbor2
from ministack.app import main
from ministack.core import iam_actions
from ministack.services import lambda_svc

# The Runtime API's server writes an event's head and body apart, so that Nagle's algorithm and the client's delayed
# acknowledgement hold each body for 40 ms. No event is changed by sending at once.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

dispatch = lambda_svc._execute_function_dispatch
lambda_action = iam_actions._lambda_action
iam_action = iam_actions.extract_iam_action
resource_arn = iam_actions.extract_resource_arn
condition_keys = iam_actions.request_tag_context

# What ministack takes for another action, or for none, and so would allow or deny by the wrong statement of a policy.
LAMBDA_ACTIONS = {
    ("GET", "concurrency"): "GetFunctionConcurrency",
    ("DELETE", "concurrency"): "DeleteFunctionConcurrency",
    ("GET", "event-invoke-config"): "GetFunctionEventInvokeConfig",
    ("GET", "recursion-config"): "GetFunctionRecursionConfig",
}


def execute(func, config, *invocation):
    """Runs a package with the test bed's `bootstrap` in it by the Runtime API, whatever runtime the function says.

    ministack's own workers for Python and Node.js have neither that API nor layers; the test bed's program has both, and the
    function is to be described as its users' are: with the runtime of its code.
    """
    package = func.get("code_zip")
    if package and not str(config.get("Runtime")).startswith("provided"):
        with zipfile.ZipFile(io.BytesIO(package)) as names:
            packed = {"bootstrap", "environment.json"} <= set(names.namelist())
        if packed:
            config = {**config, "Runtime": "provided.al2023"}
            func = {**func, "config": config}
    return dispatch(func, config, *invocation)


def named_lambda_action(method, path):
    """The action of a call on one function, by the last part of its path."""
    parts = [part for part in path.split("/") if part]
    if "layers" in parts and "versions" in parts and method == "GET":
        return "GetLayerVersion" if parts[-1] != "versions" else "ListLayerVersions"
    if "event-source-mappings" in parts and len(parts) == 3:
        return {"GET": "GetEventSourceMapping", "PUT": "UpdateEventSourceMapping"}.get(method) or lambda_action(method, path)
    named = LAMBDA_ACTIONS.get((method, parts[-1] if "functions" in parts else ""))
    return named or lambda_action(method, path)


def named_action(service, method, path, headers, body, parameters):
    """What a call of Smithy's CBOR protocol is: its path says it."""
    called = re.fullmatch(r"/service/[^/]+/operation/(\w+)", path)
    if service == "monitoring" and called:
        return f"cloudwatch:{called.group(1)}"
    return iam_action(service, method, path, headers, body, parameters)


def read_cbor(body):
    """What a call of that protocol says, which may be compressed."""
    return cbor2.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)


def named_resource(service, method, path, headers, body, *rest):
    """What such a call is about: ministack reads JSON."""
    if service == "monitoring" and path.startswith("/service/"):
        body = json.dumps(read_cbor(body), default=str).encode()
    return resource_arn(service, method, path, headers, body, *rest)


def named_conditions(service, action, body, parameters):
    """The namespace of PutMetricData, which policies name in a condition."""
    keys = condition_keys(service, action, body, parameters)
    if action == "cloudwatch:PutMetricData":
        keys = {**keys, "cloudwatch:namespace": read_cbor(body).get("Namespace", "")}
    return keys


lambda_svc._execute_function_dispatch = execute
iam_actions._lambda_action = named_lambda_action
iam_actions.extract_iam_action = named_action
iam_actions.extract_resource_arn = named_resource
iam_actions.request_tag_context = named_conditions
main()

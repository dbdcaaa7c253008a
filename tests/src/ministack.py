"""Starts ministack as the test bed needs it: python -c PROGRAM."""
import gzip
import io
import json
import os
import re
import socketserver
import zipfile

import botocore.session
import cbor2
from botocore import xform_name
from ministack.app import main
from ministack.core import iam_actions, iam_evaluator
from ministack.core.lambda_runtime import execution_credentials
from ministack.services import eventbridge, iam, lambda_svc, scheduler

# The Runtime API's server writes an event's head and body apart, so that Nagle's algorithm and the client's delayed
# acknowledgement hold each body for 40 ms. No event is changed by sending at once.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

dispatch = lambda_svc._execute_function_dispatch
lambda_action = iam_actions._lambda_action
iam_action = iam_actions.extract_iam_action
resource_arn = iam_actions.extract_resource_arn
condition_keys = iam_actions.request_tag_context
invoke_target = eventbridge._invoke_target
simulate_principal_policy = iam._simulate_principal_policy
evaluate = iam_evaluator.evaluate

# Schedules are looked through this often, in seconds.
scheduler._SCHEDULE_TICK_INTERVAL = 1

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


def parameter(parameters, name):
    """A parameter of a request's query or form."""
    value = parameters.get(name)
    return value[0] if isinstance(value, list) and value else value


def named_action(service, method, path, headers, body, parameters):
    """What a call of Smithy's CBOR protocol is, whose path says it, and GetLayerVersionByArn, which is GetLayerVersion."""
    if service == "lambda" and parameter(parameters, "find") == "LayerVersion":
        return "lambda:GetLayerVersion"
    called = re.fullmatch(r"/service/[^/]+/operation/(\w+)", path)
    if service == "monitoring" and called:
        return f"cloudwatch:{called.group(1)}"
    return iam_action(service, method, path, headers, body, parameters)


def read_cbor(body):
    """What a call of that protocol says, which may be compressed."""
    return cbor2.loads(gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body)


def named_resource(service, method, path, headers, body, parameters, *rest):
    """What such a call is about, where ministack does not see it: a layer's version, the role of a simulation, what CBOR says."""
    if service == "lambda" and parameter(parameters, "find") == "LayerVersion":
        return parameter(parameters, "Arn")
    if service == "iam" and parameter(parameters, "PolicySourceArn"):
        return parameter(parameters, "PolicySourceArn")
    if service == "monitoring" and path.startswith("/service/"):
        body = json.dumps(read_cbor(body), default=str).encode()
    return resource_arn(service, method, path, headers, body, parameters, *rest)


def named_conditions(service, action, body, parameters):
    """The namespace of PutMetricData, which policies name in a condition."""
    keys = condition_keys(service, action, body, parameters)
    if action == "cloudwatch:PutMetricData":
        keys = {**keys, "cloudwatch:namespace": read_cbor(body).get("Namespace", "")}
    return keys


def invoke(target, event, rule, view=None):
    """Calls the AWS API that a schedule's universal target names, by the role of the target. ministack has EventBridge's targets alone."""
    service, _, action = target["Arn"].partition(":scheduler:::aws-sdk:")[2].partition(":")
    if not action:
        return invoke_target(target, event, rule, view)
    call = json.loads(target["Input"])
    role = {"FunctionArn": call["FunctionName"], "FunctionName": "scheduler", "Role": target["RoleArn"]}
    credentials = {name.lower(): value or None for name, value in execution_credentials(role).items()}
    client = botocore.session.get_session().create_client(service, endpoint_url=os.environ["AWS_ENDPOINT_URL"], **credentials)
    return getattr(client, xform_name(action))(**call)


simulated = {}


def simulate(parameters):
    """SimulatePrincipalPolicy with the context that it is told, which ministack passes over."""
    number = 1
    while key := parameter(parameters, f"ContextEntries.member.{number}.ContextKeyName"):
        simulated[key.lower()] = parameter(parameters, f"ContextEntries.member.{number}.ContextKeyValues.member.1")
        number += 1
    try:
        return simulate_principal_policy(parameters)
    finally:
        simulated.clear()


def evaluate_simulated(context, *policies, **options):
    context.service_context.update(simulated)
    return evaluate(context, *policies, **options)


eventbridge._invoke_target = invoke
iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate
iam_evaluator.evaluate = evaluate_simulated
lambda_svc._execute_function_dispatch = execute
iam_actions._lambda_action = named_lambda_action
iam_actions.extract_iam_action = named_action
iam_actions.extract_resource_arn = named_resource
iam_actions.request_tag_context = named_conditions
main()

#!/usr/bin/env python3
"""A function without a runtime library: it polls the Runtime API, tells the witness, and does what its environment says.

WITNESS  host:port that gets one JSON line per run
FEEDS    URL of a queue that each run sends a message to
TRIPS    set: each run asks Lambda to set the function's concurrency to 0, and the witness hears the status
BEHAVES  fail: the invocation fails; partial: all records are reported as failed; unset: it succeeds
"""
import datetime
import hashlib
import hmac
import http.client
import json
import os
import socket
import urllib.parse

name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
behaves = os.environ.get("BEHAVES")
host, port = os.environ["WITNESS"].split(":")
witness = socket.create_connection((host, int(port)))
runtime = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
cloud = http.client.HTTPConnection(urllib.parse.urlparse(os.environ["AWS_ENDPOINT_URL"]).netloc)


def call(connection, method, path, body=None, headers={}):
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.headers, answer.read(), answer.status


def signed(method, path, body, service="lambda", region="us-east-1"):
    """Headers with signature version 4: the emulator, where it authorises, checks it as AWS does."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": cloud.host + f":{cloud.port}", "x-amz-date": now,
               "x-amz-security-token": os.environ["AWS_SESSION_TOKEN"]}
    names, scope = ";".join(headers), f"{now[:8]}/{region}/{service}/aws4_request"
    canonical = "\n".join([method, path, "", *(f"{key}:{value}" for key, value in headers.items()), "", names,
                           hashlib.sha256(body.encode()).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return headers | {"Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={key.hex()}"}


run = 0
while True:
    headers, event, _ = call(runtime, "GET", "/2018-06-01/runtime/invocation/next")
    run += 1
    event = json.loads(event)
    line = {"function": name, "process": os.getpid(), "run": run, "event": event}
    if "TRIPS" in os.environ:
        path, body = f"/2017-10-31/functions/{name}/concurrency", '{"ReservedConcurrentExecutions":0}'
        line["status"] = call(cloud, "PUT", path, body, signed("PUT", path, body))[2]
    witness.sendall(json.dumps(line).encode() + b"\n")
    print(f"{name} ran", flush=True)
    if "FEEDS" in os.environ:
        message = {"QueueUrl": os.environ["FEEDS"], "MessageBody": f"{name} {run}"}
        call(cloud, "POST", "/", json.dumps(message),
             {"X-Amz-Target": "AmazonSQS.SendMessage", "Content-Type": "application/x-amz-json-1.0"})
    outcome, answer = "response", {}
    if behaves == "partial":
        answer = {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in event["Records"]]}
    elif behaves == "fail":
        outcome, answer = "error", {"errorType": "Refused", "errorMessage": "told to fail"}
    request = headers["Lambda-Runtime-Aws-Request-Id"]
    call(runtime, "POST", f"/2018-06-01/runtime/invocation/{request}/{outcome}", json.dumps(answer))

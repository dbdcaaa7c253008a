"""A function that does with each record what its PLAN says (tests/src/plan.rs), and tells the witness what it got.

PLAN     JSON: what to send for each record, and how to fail
WITNESS  host:port that gets one JSON line per record
CLIENT   aiobotocore: sends with asynchronous clients; unset: with boto3
"""
import asyncio
import base64
import json
import os
import socket
import time

import boto3
from botocore.config import Config

NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
PLAN = json.loads(os.environ.get("PLAN", "{}"))
ASYNCHRONOUS = os.environ.get("CLIENT") == "aiobotocore"
# The id outside of the execution environment, where no two processes have the same.
PROCESS = int(os.readlink("/proc/self"))
CONFIG = {"s3": {"addressing_style": "path"}}

clients = {}
deliveries = {}
sent = 0
witness = None


def handler(event, context):
    if ASYNCHRONOUS:
        return asyncio.run(handle(event, context))
    # Nothing in it waits: it runs to its end at the first step.
    try:
        handle(event, context).send(None)
    except StopIteration as end:
        return end.value


async def handle(event, context):
    failures = []
    for item in items(event, context):
        try:
            await process(item, context)
        except Exception:
            if not PLAN.get("each") or item["source"] != "sqs":
                raise
            failures.append({"itemIdentifier": item["id"]})
    return {"batchItemFailures": failures}


async def process(item, context):
    attempt = item["attempt"]
    if attempt is None:
        attempt = deliveries[item["text"]] = deliveries.get(item["text"], 0) + 1
    line = {"kind": "run", "function": NAME, "request": context.aws_request_id, "process": PROCESS,
            "source": item["source"], "id": item["id"], "attempt": attempt, "text": item["text"], "record": item["record"]}
    if context.client_context:
        line["client_context"] = {"custom": context.client_context.custom, "env": context.client_context.env}
    report(line)
    print(f"{NAME} ran", flush=True)
    wait = PLAN.get("wait_ms", 0) / 1000
    await asyncio.sleep(wait) if ASYNCHRONOUS else time.sleep(wait)
    if attempt <= PLAN.get("fail_first", 0):
        raise RuntimeError(f"told to fail delivery {attempt}")
    if not stops(item):
        for send in PLAN.get("sends", []):
            for service, operation, arguments in calls(send, item):
                check(await call(service, operation, arguments))


def report(line):
    global witness
    if "WITNESS" not in os.environ:
        return
    if witness is None:
        host, port = os.environ["WITNESS"].split(":")
        witness = socket.create_connection((host, int(port)), timeout=10)
    witness.sendall(json.dumps(line).encode() + b"\n")


async def call(service, operation, arguments):
    if ASYNCHRONOUS:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        # A client belongs to the event loop of one invocation.
        async with get_session().create_client(service, config=AioConfig(**CONFIG)) as client:
            answer = await getattr(client, operation)(**arguments)
            if "Payload" in answer:
                answer["Payload"] = await answer["Payload"].read()
            return answer
    if service not in clients:
        clients[service] = boto3.client(service, config=Config(**CONFIG))
    answer = getattr(clients[service], operation)(**arguments)
    if "Payload" in answer:
        answer["Payload"] = answer["Payload"].read()
    return answer


def check(answer):
    if answer.get("FunctionError"):
        raise RuntimeError(f"the invoked function failed: {answer['Payload'].decode()}")
    if answer.get("Failed") or answer.get("FailedEntryCount"):
        raise RuntimeError(f"entries of a batch were refused: {answer}")


def items(event, context):
    """The records of an event; an event without records is one itself."""
    if not isinstance(event, dict) or not isinstance(event.get("Records"), list):
        of_bus = isinstance(event, dict) and "detail-type" in event
        source, text = ("eventbridge", event["detail"]) if of_bus else ("invoke", event)
        yield {"source": source, "id": context.aws_request_id, "group": None, "attempt": None, "key": None,
               "text": compact(text), "attributes": {}, "record": event}
        return
    for record in event["Records"]:
        attributes, attempt, group, id = {}, None, None, None
        if record.get("eventSource") == "aws:sqs":
            source, id, text = "sqs", record["messageId"], record["body"]
            attempt = int(record["attributes"]["ApproximateReceiveCount"])
            group = record["attributes"].get("MessageGroupId")
            attributes = {name: held["stringValue"] for name, held in record["messageAttributes"].items()
                          if "stringValue" in held}
        elif "Sns" in record:
            source, id, text = "sns", record["Sns"]["MessageId"], record["Sns"]["Message"]
            attributes = {name: held["Value"] for name, held in record["Sns"].get("MessageAttributes", {}).items()}
        elif record.get("eventSource") == "aws:kinesis":
            source, id, text = "kinesis", record["eventID"], base64.b64decode(record["kinesis"]["data"]).decode()
        elif record.get("eventSource") == "aws:dynamodb":
            source, id, text = "dynamodb", record["eventID"], compact(record["dynamodb"]["NewImage"])
        else:
            source, text = "s3", compact(record)
        yield {"source": source, "id": id, "group": group, "attempt": attempt, "key": key(text), "text": text,
               "attributes": attributes, "record": record}


def key(text):
    """The key of the object that a text names, in an S3 notification or an SNS message around one."""
    value = parsed(text)
    if isinstance(value.get("Message"), str):
        return key(value["Message"])
    record = (value.get("Records") or [value])[0]
    return record.get("s3", {}).get("object", {}).get("key") if isinstance(record, dict) else None


def stops(item):
    return parsed(item["text"]).get("stop") is True or "stop" in (item["key"] or "")


def parsed(text):
    """The object that a text is, or an empty one."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def unique():
    global sent
    sent += 1
    return f"{NAME}-{sent}-{PROCESS}"


def calls(send, item):
    """The calls that one send of the plan comes to: service, operation, arguments."""
    (kind, send), = send.items()
    text = item["text"]
    plain = {"copied": False, "attributes": {}}
    if kind == "queue":
        yield from to_queue(send["url"], item, [plain] * send["copies"], send["batch"])
    elif kind == "topic":
        yield from to_topic(send["arn"], item, [plain] * send["copies"], send["batch"])
    elif kind == "dressed":
        to = to_topic if send["target"].startswith("arn:") else to_queue
        yield from to(send["target"], item, send["messages"], len(send["messages"]) > 1)
    elif kind == "object":
        yield "s3", "put_object", {"Bucket": send["bucket"], "Key": send["prefix"] + unique(), "Body": text.encode()}
    elif kind == "copy":
        yield "s3", "copy_object", {"Bucket": send["bucket"], "Key": send["prefix"] + unique(),
                                    "CopySource": f"{send['bucket']}/{item['key']}"}
    elif kind == "invoke":
        yield "lambda", "invoke", {"FunctionName": send["function"], "Payload": text.encode(),
                                   "InvocationType": "RequestResponse" if send["synchronous"] else "Event"}
    elif kind == "bus":
        detail = text if parsed(text) else compact({"text": text})
        yield "events", "put_events", {"Entries": [{"EventBusName": send["bus"], "Source": NAME, "DetailType": "forwarded",
                                                    "Detail": detail}]}
    elif kind == "stream":
        yield "kinesis", "put_record", {"StreamName": send["stream"], "PartitionKey": "p", "Data": text.encode()}
    elif kind == "item":
        yield "dynamodb", "put_item", {"TableName": send["table"], "Item": parsed(text) | {"id": {"S": unique()}}}
    else:
        raise ValueError(f"the plan has an unknown send: {kind}")


def to_queue(url, item, messages, batch):
    def message(dress):
        message = {"MessageBody": item["text"], **dressed(item, dress)}
        if url.endswith(".fifo"):
            message |= {"MessageGroupId": item["group"] or "g", "MessageDeduplicationId": unique()}
        return message

    if batch:
        entries = [{"Id": f"m{place}", **message(dress)} for place, dress in enumerate(messages)]
        yield "sqs", "send_message_batch", {"QueueUrl": url, "Entries": entries}
    else:
        for dress in messages:
            yield "sqs", "send_message", {"QueueUrl": url, **message(dress)}


def to_topic(arn, item, messages, batch):
    messages = [{"Message": item["text"], **dressed(item, dress)} for dress in messages]
    if batch:
        entries = [{"Id": f"m{place}", **message} for place, message in enumerate(messages)]
        yield "sns", "publish_batch", {"TopicArn": arn, "PublishBatchRequestEntries": entries}
    else:
        for message in messages:
            yield "sns", "publish", {"TopicArn": arn, **message}


def dressed(item, dress):
    own = (item["attributes"] if dress["copied"] else {}) | dress["attributes"]
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in own.items()}
    return {"MessageAttributes": attributes} if attributes else {}

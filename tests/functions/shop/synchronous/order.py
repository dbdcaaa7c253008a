"""Takes an order, and waits until it is paid and invoiced: the customer waits, and so does the bill."""
import json
import os
import time

import boto3

functions = boto3.client("lambda")
# How slowly it works; 1 is its usual pace.
PACE = float(os.environ.get("PACE", "1"))


def handler(event, context):
    time.sleep(0.05 * PACE)
    answer = functions.invoke(FunctionName=os.environ["PAYMENT"], Payload=json.dumps(event))
    return {"order": event["order"], "payment": json.load(answer["Payload"])}

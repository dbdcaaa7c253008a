"""Keeps a receipt: writes the object and the row at once."""
import os
from concurrent.futures import ThreadPoolExecutor

import boto3

objects = boto3.client("s3")
rows = boto3.client("dynamodb")
workers = ThreadPoolExecutor(max_workers=2)


def handler(event, context):
    key = f"receipts/{event['order']}.json"
    item = {"order": {"S": str(event["order"])}, "key": {"S": key}}
    writes = [
        workers.submit(objects.put_object, Bucket=os.environ["BUCKET"], Key=key, Body=b"a receipt"),
        workers.submit(rows.put_item, TableName=os.environ["TABLE"], Item=item),
    ]
    for write in writes:
        write.result()

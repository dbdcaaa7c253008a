"""Keeps a receipt: writes the object, then the row. Neither needs the other."""
import os

import boto3

objects = boto3.client("s3")
rows = boto3.client("dynamodb")


def handler(event, context):
    key = f"receipts/{event['order']}.json"
    objects.put_object(Bucket=os.environ["BUCKET"], Key=key, Body=b"a receipt")
    rows.put_item(TableName=os.environ["TABLE"], Item={"order": {"S": str(event["order"])}, "key": {"S": key}})

"""Takes orders, and nothing else."""
import os

import boto3

rows = boto3.client("dynamodb")


def handler(event, context):
    rows.put_item(TableName=os.environ["TABLE"], Item={"order": {"S": "1"}})
    return {"statusCode": 200}

"""The whole shop in one function: every route, every source of events, every service behind it."""
import json
import os
import time

import boto3

# What it imports for all routes is paid for by each cold start.
time.sleep(0.5)

bucket, table, queue, topic = (os.environ[name] for name in ("BUCKET", "TABLE", "QUEUE", "TOPIC"))
objects, rows, queues, topics = (boto3.client(service) for service in ("s3", "dynamodb", "sqs", "sns"))


def key(event):
    return {"order": {"S": event.get("pathParameters", {}).get("order", "1")}}


ROUTES = {
    "POST /orders": lambda event: rows.put_item(TableName=table, Item=key(event)),
    "GET /orders/{order}": lambda event: rows.get_item(TableName=table, Key=key(event)),
    "GET /orders": lambda event: rows.scan(TableName=table, Limit=10),
    "PATCH /orders/{order}": lambda event: rows.update_item(
        TableName=table, Key=key(event), UpdateExpression="SET paid = :paid", ExpressionAttributeValues={":paid": {"BOOL": True}}),
    "DELETE /orders/{order}": lambda event: rows.delete_item(TableName=table, Key=key(event)),
    "POST /payments": lambda event: queues.send_message(QueueUrl=queue, MessageBody="a payment"),
    "GET /payments": lambda event: queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"]),
    "POST /invoices": lambda event: objects.put_object(Bucket=bucket, Key="invoices/1", Body=b"an invoice"),
    "GET /invoices": lambda event: objects.list_objects_v2(Bucket=bucket, MaxKeys=10),
    "GET /invoices/{order}": lambda event: objects.head_object(Bucket=bucket, Key="invoices/1"),
    "DELETE /invoices/{order}": lambda event: objects.delete_object(Bucket=bucket, Key="invoices/2"),
    "POST /news": lambda event: topics.publish(TopicArn=topic, Message="news"),
}


def handler(event, context):
    ROUTES[event["routeKey"]](event)
    return {"statusCode": 200, "body": json.dumps({"route": event["routeKey"]})}

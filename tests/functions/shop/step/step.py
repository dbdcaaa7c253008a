"""One step of a checkout."""
import time


def handler(order, context):
    time.sleep(0.1)
    return {"done": True}

"""Writes an invoice."""
import os
import time

# How slowly it works; 1 is its usual pace.
PACE = float(os.environ.get("PACE", "1"))


def handler(event, context):
    time.sleep(0.2 * PACE)
    return {"invoice": f"invoice of order {event['order']}"}

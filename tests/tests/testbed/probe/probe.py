"""A function that says where it runs, and fails in the ways that a function can."""
import os
import time


def handler(event, context):
    what = event.get("do")
    if what == "fail":
        raise ValueError("told to fail")
    if what == "exit":
        os._exit(3)
    time.sleep(event.get("wait_ms", 0) / 1000)
    print("probe ran", flush=True)
    return {
        "request": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "left_ms": context.get_remaining_time_in_millis(),
        "custom": context.client_context and context.client_context.custom,
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
        "wrapped": os.environ.get("WRAPPED"),
        "runtime": os.environ.get("AWS_EXECUTION_ENV"),
        "process": int(os.readlink("/proc/self")),
        "tmp": os.listdir("/tmp"),
        "opt": sorted(os.listdir("/opt")),
        "code_is_read_only": not os.access("/var/task", os.W_OK),
    }

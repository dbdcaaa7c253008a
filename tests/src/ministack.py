"""Starts ministack as the test bed needs it: python -c PROGRAM."""
import io
import socketserver
import zipfile

from ministack.app import main
from ministack.services import lambda_svc

# The Runtime API's server writes an event's head and body apart, so that Nagle's algorithm and the client's delayed
# acknowledgement hold each body for 40 ms. No event is changed by sending at once.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

dispatch = lambda_svc._execute_function_dispatch


def execute(func, config, *invocation):
    """Runs a package with the test bed's `bootstrap` in it by the Runtime API, whatever runtime the function says.

    ministack's own workers for Python and Node.js have neither that API nor layers; the test bed's program has both, and the
    function is to be described as its users' are: with the runtime of its code.
    """
    package = func.get("code_zip")
    if package and not str(config.get("Runtime")).startswith("provided"):
        with zipfile.ZipFile(io.BytesIO(package)) as names:
            packed = {"bootstrap", "environment.json"} <= set(names.namelist())
        if packed:
            config = {**config, "Runtime": "provided.al2023"}
            func = {**func, "config": config}
    return dispatch(func, config, *invocation)


lambda_svc._execute_function_dispatch = execute
main()

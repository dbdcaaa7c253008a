"""Brings hopguard's injector into a Python function. `wrap` puts this folder first on `PYTHONPATH`.

Python imports `sitecustomize` at its start, so that this file does next to nothing: it asks to be told when botocore
and Lambda's runtime client are imported, and runs the `sitecustomize` that would have run without it. The injector
itself is loaded with botocore's clients; a function that never imports botocore never pays for it.
"""

import os
import sys

# What `importlib` is made of is there already. Importing `importlib` itself takes longer than all that is done here.
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder

HERE = os.path.dirname(os.path.abspath(__file__))


class Hook:
    """Sees modules being imported, and knows which invocation is under way. One a process, on `sys.meta_path`."""

    is_hopguard = True

    def __init__(self):
        #: The request id of the invocation under way or, between two, of the last one; `None` where it cannot be known.
        self.invocation = None
        #: The folders whose `sitecustomize` has run.
        self.chained = [HERE]
        self.watched = {}
        if os.environ.get("HOPGUARD_PROXY"):
            self.watched["awslambdaric.lambda_runtime_client"] = self.remember_invocations
            self.watched["botocore.client"] = self.load_injector

    def find_spec(self, name, path=None, target=None):
        """The spec of a watched module, as the other finders give it; nothing for any other module."""
        if name not in self.watched:
            return None
        for finder in sys.meta_path:
            find_spec = None if finder is self else getattr(finder, "find_spec", None)
            spec = find_spec and find_spec(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = Loader(spec.loader, self)
                return spec
        return None

    def imported(self, module):
        """Takes note of a watched module that has been imported."""
        try:
            self.watched[module.__name__](module)
        except Exception as error:
            report_fault(module.__name__, error)

    def remember_invocations(self, module):
        """Notes each invocation that Lambda's runtime client receives: a process has one at a time."""
        for client in [value for value in vars(module).values() if isinstance(value, type)]:
            wait = vars(client).get("wait_next_invocation")
            if wait is not None and not hasattr(wait, "is_hopguard"):
                client.wait_next_invocation = self.remembering(wait)

    def remembering(self, wait):
        def wait_next_invocation(*args, **kwargs):
            request = wait(*args, **kwargs)
            self.invocation = getattr(request, "invoke_id", None)
            return request

        wait_next_invocation.__wrapped__ = wait
        wait_next_invocation.is_hopguard = True
        return wait_next_invocation

    def load_injector(self, module):
        """Loads the injector from this folder, whatever has become of `sys.path` in the meantime."""
        injector = sys.modules.get("hopguard_injector")
        if injector is None:
            spec = PathFinder.find_spec("hopguard_injector", [HERE])
            injector = sys.modules[spec.name] = module_from_spec(spec)
            try:
                spec.loader.exec_module(injector)
            except BaseException:
                del sys.modules[spec.name]
                raise
        injector.watch(module.BaseClient, self, os.environ)


class Loader:
    """A module's own loader, which tells the hook when the module has been executed."""

    def __init__(self, loader, hook):
        self.loader = loader
        self.hook = hook

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        # From here on nobody sees that it was not the module's own loader.
        module.__loader__ = module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        self.hook.imported(module)


def report_fault(where, error):
    """Says what went wrong before there was an injector to say it; never fails."""
    try:
        import json
        import socket

        host, _, port = os.environ["HOPGUARD_REPORTS"].rpartition(":")
        text = "{}: {}".format(type(error).__name__, error)[:200]
        report = {"fault": {"injector": "python", "where": where, "error": text}}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as reports:
            reports.setblocking(False)
            reports.sendto(json.dumps(report).encode(), (host, int(port)))
    except Exception:
        pass


def install():
    """Puts the hook in place, once a process."""
    for finder in sys.meta_path:
        if getattr(finder, "is_hopguard", False):
            return finder
    hook = Hook()
    sys.meta_path.insert(0, hook)
    for name in hook.watched:
        if name in sys.modules:
            hook.imported(sys.modules[name])
    return hook


def run_next(hook):
    """Runs the `sitecustomize` that stands next on `sys.path`, as if this one were not there: its errors are its own.

    One that does the same finds this file again. What has run is therefore remembered, and what stands before this
    folder has run already.
    """
    folders = [os.path.abspath(folder) for folder in sys.path]
    behind = folders[folders.index(HERE) + 1 :] if HERE in folders else folders
    folders = [folder for folder in behind if folder not in hook.chained]
    spec = PathFinder.find_spec("sitecustomize", folders)
    if spec is None or not hasattr(spec.loader, "exec_module"):
        return
    if spec.origin:
        hook.chained.append(os.path.dirname(os.path.abspath(spec.origin)))
    module = sys.modules["sitecustomize"] = module_from_spec(spec)
    spec.loader.exec_module(module)


def main():
    hook = None
    try:
        hook = install()
    except Exception as error:
        report_fault("sitecustomize", error)
    run_next(hook or Hook())


main()

"""Runs a program in a session of its own, and ends all of it when the test that wanted it is gone.

Arguments: a folder to remove at the end, then the command. The test holds the other end of standard input: it ends when
the test closes it and also when the test is killed, which no destructor would see. The functions that the cloud starts
are in the same process group as the cloud, so one signal reaches them all.
"""
import os
import shutil
import signal
import subprocess
import sys
import threading

folder, command = sys.argv[1], sys.argv[2:]
program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
# The end of standard input alone ends the supervisor, else something would be left to clean up.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)


def end():
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def watch():
    while os.read(0, 4096):
        pass
    end()


threading.Thread(target=watch, daemon=True).start()
code = program.wait()
end()
shutil.rmtree(folder, ignore_errors=True)
os._exit(code if code >= 0 else 0)

"""A command of ours that is interrupted by Ctrl-C as soon as it has said its first line."""

import os
import signal
import subprocess
import sys


def interrupted(*arguments: str, first: str) -> str:
    """Run `ravelar`, interrupt it, see it end with 130, and return what it said on standard error after its first line.

    Args:
        arguments: Of the command line.
        first: How its first line begins.
    """
    command = [sys.executable, "-m", "ravelar", *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(first)
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(timeout=60) == 130
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    return rest

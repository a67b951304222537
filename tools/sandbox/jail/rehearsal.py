"""A dry run of the worker's loop in the parent: what it warms up there, no worker has to pay for.

Python specialises bytecode and fills caches as code runs. In a forked worker each of these writes copies a page;
done here before, the pages stay shared. It about halves what a worker costs.
"""

import signal
import socket
import sys

from ravelar.tools.sandbox.frames import pack
from ravelar.tools.sandbox.jail.harness import Harness

_ROUNDS = 16  # Python specialises after about eight
_SOURCE = "def verify(response, reference):\n    return float(response == reference)\n"
_NONCE = "0" * 16
_REQUEST = {
    "cpu_s": 1e6,
    "load_s": 1e6,
    "memory_mb": 1,
    "output_bytes": 1024,
    "value_bytes": 1024,
    "script": False,
}


def rehearse() -> None:
    """Load and call a program as workers do, over a socket to ourselves."""
    streams = sys.stdout, sys.stderr
    for kept in (True, False) * _ROUNDS:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            program = {"source": _SOURCE, "entry": "verify", "kind": "function", "returns": "reward"}
            calls = [["x", "x"], ["", "y"], [1, None]]
            ours.sendall(pack(["load", _NONCE, program]) + pack(["calls", _NONCE, False, calls]))
            ours.shutdown(socket.SHUT_WR)
            Harness(theirs.fileno(), _REQUEST | {"kept": kept}).serve()
    signal.setitimer(signal.ITIMER_PROF, 0)
    sys.modules.pop("program", None)
    sys.stdout, sys.stderr = streams

"""The first process: enters the namespaces, forks the parent into them, and waits for its end.

Whoever enters a PID namespace is not in it, only its children are; so there are two processes. The launcher
has one thread, which makes the parent-death signal exact; the caller's threads may come and go.
"""

import os
import socket
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.frames import parse
from ravelar.tools.sandbox.jail import namespaces
from ravelar.tools.sandbox.jail.parent import Parent

_CONFIG_BYTES = 1 << 16


def main(control_fd: int) -> None:
    """Read the configuration from the control socket and become, or wait for, the parent."""
    control = socket.socket(fileno=control_fd)
    config: dict[str, Any] = parse(control.recv(_CONFIG_BYTES))
    _offer_to_oom_killer()
    entered = namespaces.enter(config["layers"])
    child = os.fork()
    if child == 0:
        Parent(control).run(config, entered)
        os._exit(0)
    control.close()
    os.waitpid(child, 0)


def _offer_to_oom_killer() -> None:
    """Be the first to go when the machine runs out of memory: a training run is worth more than a worker."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return  # no /proc, or not ours to write: the kernel's own choice stands

"""A worker: forked from the sealed parent, it seals itself further and then serves one program.

Its descriptors: 0, 1 and 2 are /dev/null, 3 is the channel; for scripts, 4 and 5 are files in memory.
"""

import os
import resource
import signal
from typing import Any, NoReturn

from ravelar.tools.sandbox.jail import privileges
from ravelar.tools.sandbox.jail.capture import STDIN_FILE, STDOUT_FILE
from ravelar.tools.sandbox.jail.harness import Harness
from ravelar.tools.sandbox.jail.seccomp import WorkerFilter

CHANNEL = 3
EXIT_OUT_OF_MEMORY = 77


def main(channel: int, request: dict[str, Any], seccomp: WorkerFilter | None) -> NoReturn:
    """Serve the channel; leave without the interpreter's farewell, which a program could have changed.

    Args:
        channel: Descriptor of the channel, as the parent knows it.
        request: The program's limits, and as "rlimits" what follows from them.
        seccomp: The filter, unless the layer is off.
    """
    code = 1
    try:
        _keep_only(channel)
        _seal(request, seccomp)
        Harness(CHANNEL, request).serve()
        code = 0
    except MemoryError:
        code = EXIT_OUT_OF_MEMORY
    finally:
        os._exit(code)


def _keep_only(channel: int) -> None:
    """Close what the parent has open but for the channel, which becomes descriptor 3."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(channel, CHANNEL, inheritable=False)
    os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))


def _seal(request: dict[str, Any], seccomp: WorkerFilter | None) -> None:
    """Put on a worker's own layers: limits, and the filter that knows its process id."""
    if request["script"]:
        _open_files()
    for kind, value in request["rlimits"]:
        resource.setrlimit(kind, (value, value))
    privileges.die_with_parent()
    if seccomp is not None:
        seccomp.install_for(os.getpid())


def _open_files() -> None:
    """Give a script files in memory for its input and output; for each call they become descriptors 0 and 1."""
    for descriptor in (STDIN_FILE, STDOUT_FILE):
        file = os.memfd_create("script")
        if file != descriptor:
            os.dup2(file, descriptor)
            os.close(file)

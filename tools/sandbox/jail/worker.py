"""A worker: forked from the sealed parent, it seals itself further and then serves one program.

Its descriptors: 0, 1 and 2 are /dev/null (for scripts, 0 and 1 are files in memory), 3 is the channel.
"""

import os
import resource
import signal
from typing import Any, NoReturn

from ravelar.tools.sandbox.jail import privileges
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
    """Give a script files in memory as its standard input and output, whatever way it reads and writes them."""
    for descriptor, name in ((0, "stdin"), (1, "stdout")):
        file = os.memfd_create(name)
        os.dup2(file, descriptor)
        os.close(file)

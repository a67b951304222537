"""A worker: forked from the sealed parent, it seals itself further and then serves one program.

Its descriptors: 0, 1 and 2 are /dev/null (for scripts, 0 and 1 are files in memory), 3 is the channel.
"""

import math
import os
import signal
from typing import Any, NoReturn

from ravelar.tools.sandbox.jail import privileges, rlimits, seccomp
from ravelar.tools.sandbox.jail.harness import Harness
from ravelar.tools.sandbox.jail.seal import Sealed

CHANNEL = 3
EXIT_OUT_OF_MEMORY = 77
_LIFE_CPU_CALLS = 16
_LEAST_LIFE_CPU_S = 60
_LEAST_FILE_BYTES = 1 << 24


def main(channel: int, request: dict[str, Any], sealed: Sealed) -> NoReturn:
    """Serve the channel; leave without the interpreter's farewell, which a program could have changed."""
    code = 1
    try:
        _keep_only(channel)
        _seal(request, sealed)
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


def _seal(request: dict[str, Any], sealed: Sealed) -> None:
    """Put on a worker's own layers: limits, and the filter that knows its process id."""
    if request["script"]:
        _open_files()
    rlimits.limit_worker(
        address_space=sealed.address_space,
        memory_mb=request["memory_mb"],
        cpu_s=_life_cpu_s(request["cpu_s"]),
        file_bytes=max(_LEAST_FILE_BYTES, request["output_bytes"]),
        tasks=request["tasks"],
    )
    privileges.die_with_parent()
    if sealed.on("seccomp"):
        seccomp.install(seccomp.worker_rules(os.getpid(), files=sealed.files))


def _life_cpu_s(cpu_s: float) -> int:
    """Return a worker's processor time for all its calls; one that nears it is replaced between calls."""
    return max(_LEAST_LIFE_CPU_S, math.ceil(_LIFE_CPU_CALLS * cpu_s))


def _open_files() -> None:
    """Give a script files in memory as its standard input and output, whatever way it reads and writes them."""
    for descriptor, name in ((0, "stdin"), (1, "stdout")):
        file = os.memfd_create(name)
        os.dup2(file, descriptor)
        os.close(file)

"""Resource limits of a worker: hard ones, so that none can be raised again."""

import math
import resource
from pathlib import Path
from typing import Any

_MEBIBYTE = 1 << 20
_DESCRIPTORS = 24
_LIFE_CPU_CALLS = 16
_LEAST_LIFE_CPU_S = 60
_LEAST_FILE_BYTES = 16 * _MEBIBYTE
_EVERYWHERE = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_STACK: 8 * _MEBIBYTE,
    resource.RLIMIT_MEMLOCK: 0,
    resource.RLIMIT_MSGQUEUE: 0,
    resource.RLIMIT_NICE: 0,
    resource.RLIMIT_RTPRIO: 0,
}


def address_space_bytes() -> int:
    """Return how much address space this process has; the limit counts from there."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def tasks_of_user(uid: int) -> int:
    """Return how many tasks run under a user id, as far as /proc shows them."""
    tasks = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == uid:
                tasks += sum(1 for _ in (process / "task").iterdir())
        except OSError:
            continue  # it ended meanwhile
    return tasks


def forbid_extras() -> None:
    """Give up what no worker needs, already in the parent: core dumps, locked memory, queues, priorities."""
    for kind, value in _EVERYWHERE.items():
        _limit(kind, value)


def worker_limits(*, address_space: int, request: dict[str, Any], tasks: int) -> list[tuple[int, int]]:
    """Return a worker's own limits; computed in the parent, for every object made after the fork costs a page.

    Args:
        address_space: What the parent had when it was sealed, in bytes.
        request: The program's limits.
        tasks: Processes and threads that the user id may have.
    """
    limits = {
        resource.RLIMIT_AS: address_space + request["memory_mb"] * _MEBIBYTE,
        resource.RLIMIT_CPU: life_cpu_s(request["cpu_s"]),
        resource.RLIMIT_FSIZE: max(_LEAST_FILE_BYTES, request["output_bytes"]),
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
        resource.RLIMIT_NPROC: tasks,
    }
    return [(kind, _bounded(kind, value)) for kind, value in limits.items()]


def life_cpu_s(cpu_s: float) -> int:
    """Return a worker's processor time for all its calls, where whoever escapes timers and deadlines ends."""
    return max(_LEAST_LIFE_CPU_S, math.ceil(_LIFE_CPU_CALLS * cpu_s))


def _limit(kind: int, value: int) -> None:
    """Set a limit, soft and hard."""
    bounded = _bounded(kind, value)
    resource.setrlimit(kind, (bounded, bounded))


def _bounded(kind: int, value: int) -> int:
    """Return the value, or the hard limit that is already below it."""
    hard = resource.getrlimit(kind)[1]
    return value if hard == resource.RLIM_INFINITY else min(value, hard)

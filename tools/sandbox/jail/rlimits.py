"""Resource limits of a worker: hard ones, so that none can be raised again."""

import resource
from pathlib import Path

_MEBIBYTE = 1 << 20
_STACK_BYTES = 8 * _MEBIBYTE
DESCRIPTORS = 24


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


def limit_worker(*, address_space: int, memory_mb: int, cpu_s: int, file_bytes: int, tasks: int) -> None:
    """Put the limits on the calling process.

    Args:
        address_space: What the parent had when it was sealed, in bytes.
        memory_mb: What a program may have beyond that.
        cpu_s: Processor time of the whole life of the process; whoever ignores timers and deadlines ends here.
        file_bytes: Size that a file (a captured output in memory) may reach.
        tasks: Processes and threads that the user id may have.
    """
    limits = {
        resource.RLIMIT_AS: address_space + memory_mb * _MEBIBYTE,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_STACK: _STACK_BYTES,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_NICE: 0,
        resource.RLIMIT_RTPRIO: 0,
    }
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bounded, bounded))

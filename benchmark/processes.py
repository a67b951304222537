"""What the kernel says of processes: children, memory. Linux only."""

import contextlib
from collections.abc import Iterator
from pathlib import Path


def children_of(pid: int) -> Iterator[int]:
    """Yield the ids of a process's children, of all its threads."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            yield from map(int, (task / "children").read_text(encoding="ascii").split())


def descendants_of(pid: int) -> Iterator[int]:
    """Yield the ids of all processes below one."""
    for child in children_of(pid):
        yield child
        yield from descendants_of(child)


def private_mb(pid: int) -> float | None:
    """Return the pages that a process has for itself alone, in MB; None if it may not be asked."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def resident_mb(pid: int) -> float:
    """Return a process's resident memory, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

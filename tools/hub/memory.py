"""How much memory this machine has for reward models."""

import importlib.util
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

SHARE = 0.8  # ours: the rest is for the policy's data, the operating system and estimates that were too low
CGROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


class MemoryBudget(NamedTuple):
    """What models may take: bytes, and of which device ("cuda:0", "cpu")."""

    bytes: int
    device: str


def memory_budget(*, share: float = SHARE) -> MemoryBudget:
    """Return the share of the memory that is free now: of the first GPU if torch sees one, else of the machine.

    A container's own limit counts. Importing torch takes seconds, so it is asked only where a GPU's device file is.
    """
    if Path("/dev/nvidiactl").exists() and importlib.util.find_spec("torch") is not None:
        import torch  # noqa: PLC0415

        if torch.cuda.is_available():
            free, _ = torch.cuda.mem_get_info(0)
            return MemoryBudget(int(free * share), "cuda:0")
    return MemoryBudget(int(free_bytes() * share), "cpu")


def free_bytes(root: Path = Path("/")) -> int:
    """Return the machine's free memory in bytes, or what its container may still take if that is less."""
    free = [_available(root / "proc/meminfo")]
    for limit, used in CGROUPS:
        with suppress(OSError, ValueError):  # no such limit, or "max"
            free.append(int(_text(root, limit)) - int(_text(root, used)))
    return max(min(free), 0)


def _text(root: Path, path: str) -> str:
    return (root / path.lstrip("/")).read_text(encoding="ascii").strip()


def _available(meminfo: Path) -> int:
    with suppress(OSError):
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # no Linux: all there is

"""The self-test: attack the sandbox at first use, and refuse untrusted code when something essential is open.

It does not ask which layers are there but what a program can do; so a layer that is silently without effect
is found out, and one that is missing but not needed does no harm.
"""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.layers import LAYERS
from ravelar.tools.sandbox.parent_link import ParentLink
from ravelar.tools.sandbox.pool import Pool
from ravelar.tools.sandbox.protocol import Call, Limits, Program
from ravelar.tools.sandbox.rounds import Job, Round
from ravelar.tools.sandbox.slots import Slots

ESSENTIAL = {
    "files_read": "reads files outside its libraries",
    "files_written": "writes files",
    "environment": "sees environment variables",
    "descriptors": "inherits open descriptors",
    "network": "reaches the network",
    "unix_sockets": "reaches daemons by unix sockets",
    "fork": "starts processes",
    "execute": "executes programs",
    "signals": "signals other processes",
    "ptrace": "reads other processes' memory",
    "memory_limit": "exceeds its memory limit",
    "raised_limits": "raises its own limits",
}
"""Probes that must be held off before anything untrusted runs, and what it means if one is not."""

SECONDARY = {
    "namespaces": "makes user namespaces",
    "kernel": "reaches kernel interfaces with a history (io_uring, bpf, keyctl ...)",
    "executable_memory": "makes executable memory",
    "threads": "starts threads until its memory is used up",
}
"""Probes that are reported; each is a second lock behind an essential one."""

_SLOW = frozenset({"threads"})  # it takes as long as all others together: not at first use, but in `sandbox check`
_LIMITS = Limits(wall_s=5.0, cpu_s=5.0, memory_mb=128, threads=8)
_MANY_THREADS = 150


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What the probes found.

    Attributes:
        layers: What became of each layer: "" for on, else why not.
        open: What each probe reached; probes that were held off are left out.
    """

    layers: dict[str, str]
    open: dict[str, str]

    @property
    def essential(self) -> list[str]:
        """The essential probes that got through."""
        return [name for name in ESSENTIAL if name in self.open]


def examine(parent: ParentLink, slots: Slots, *, thorough: bool = False) -> SelfTest:
    """Run the probes in workers of the parent; the slow ones only if it is to be thorough.

    Raises: SandboxUnavailable: if a probe can't even be run.
    """
    source = Path(__file__).with_name("probes.py").read_text(encoding="utf-8")
    program = Program(source, entry="probe", profile=parent.profile.name, returns="json", isolation="per_tool")
    names = [name for name in (*ESSENTIAL, *SECONDARY) if thorough or name not in _SLOW]
    with _bait() as hints:
        job = Job(program, [Call((name, hints)) for name in names], _LIMITS)
        Round(Pool(lambda _: parent, max_spare=0, max_idle=0, calls_per_worker=1), slots, width=1).run([job])
    found: dict[str, str] = {}
    for name, outcome in zip(names, job.outcomes, strict=True):
        if outcome is None or outcome.reason in ("load", "protocol", "bad_type"):
            raise SandboxUnavailable(f"the self-test itself failed at {name!r}: {outcome}")
        if outcome.ok and outcome.value:
            found[name] = str(outcome.value).strip()
    return SelfTest(parent.report, found)


@contextlib.contextmanager
def _bait() -> Iterator[dict[str, Any]]:
    """Lay out what the probes look for: a file, a folder, and unix sockets that would answer."""
    with tempfile.TemporaryDirectory(prefix="ravelar-") as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o777)
        file = Path(folder, "secret")
        file.write_text("secret", encoding="ascii")
        file.chmod(0o644)
        addresses = [f"\0{folder}", f"{folder}/socket"]
        for address in addresses:
            listener = stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
        Path(folder, "socket").chmod(0o777)
        yield {
            "file": str(file),
            "folder": folder,
            "sockets": addresses,
            "memory_bytes": 4 * _LIMITS.memory_mb << 20,
            "threads": _MANY_THREADS,
        }


def require(test: SelfTest, accepted: frozenset[str]) -> None:
    """Refuse a sandbox in which something essential is open that was not accepted by name.

    Raises: SandboxUnavailable: saying what is open, which layers are missing and why, and what to do.
    """
    refused = [name for name in test.essential if name not in accepted]
    if not refused:
        return
    holes = "\n".join(f"  {name}: a program {ESSENTIAL[name]} ({test.open[name]})" for name in refused)
    missing = "\n".join(f"  {LAYERS.get(name, name)}: {why}" for name, why in _missing(test).items())
    raise SandboxUnavailable(
        f"the local sandbox would leave something open, so it runs nothing:\n{holes}\n"
        f"layers that are missing:\n{missing}\n"
        f'{_advice(test)}; use E2B (`sandbox="e2b"`), or accept the weaker level by name: '
        f"accept_open={{{', '.join(map(repr, refused))}}}"
    )


def _missing(test: SelfTest) -> dict[str, str]:
    """Return the layers that are not on, with why."""
    off = {name: why for name, why in test.layers.items() if why}
    return off | {name: "switched off" for name in LAYERS if name not in test.layers and name != "user"}


def _advice(test: SelfTest) -> str:
    """Return what would help most here."""
    if test.layers.get("seccomp"):
        return "what to do: run on a kernel with CONFIG_SECCOMP_FILTER, or allow prctl(PR_SET_SECCOMP) in the container"
    if "apparmor" in test.layers.get("user", "").lower() or test.layers.get("mount"):
        return "what to do: allow user namespaces (sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
    return "what to do: run on Linux 5.13 or later with seccomp"

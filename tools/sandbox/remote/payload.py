"""The cell that a remote kernel is given: one line of plain ASCII that holds code and calls as data.

IPython reads a cell's lines before Python does (`%`, `!`, a trailing `?`), and a program's text must not be
read by anybody but the child: so nothing of either stands in the cell but as base64.
"""

import base64
import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.frames import dump
from ravelar.tools.sandbox.profiles import Profile
from ravelar.tools.sandbox.protocol import Call, Limits, Program
from ravelar.tools.sandbox.values import encode

BOOT_S = 30.0
_SANDBOX = Path(__file__).resolve().parents[1]
_PACKAGES = ("ravelar", "ravelar/tools", "ravelar/tools/sandbox")
_UNPACK = """
import base64, os, shutil, sys, tempfile
folder = tempfile.mkdtemp(prefix="ravelar-")
archive = os.path.join(folder, "guest.zip")
try:
    with open(archive, "wb") as file:
        file.write(base64.b64decode(ARCHIVE))
    sys.path.insert(0, archive)
    try:
        from ravelar.tools.sandbox.jail import privileges
        from ravelar.tools.sandbox.remote.guest import serve
    finally:
        sys.path.remove(archive)
    privileges.hide_memory()
    serve(REQUEST, archive)
finally:
    shutil.rmtree(folder, ignore_errors=True)
"""


@dataclass(frozen=True, slots=True)
class Order:
    """A batch, ready to be sent.

    Attributes:
        program: What to run.
        calls: The calls, in order.
        limits: What each may use.
        profile: The libraries to load first.
        nonce: What every line of the guest's report begins with.
        seal: What every frame of the program's process carries; another secret, for the program can find it.
        solo: Whether each call gets a process of its own.
        internet: Whether the program may use the network.
    """

    program: Program
    calls: Sequence[Call]
    limits: Limits
    profile: Profile
    nonce: str
    seal: str
    solo: bool = False
    internet: bool = False

    @property
    def frame_bytes(self) -> int:
        """The longest frame that a child can honestly write: a value, and two outputs with every byte escaped."""
        return self.limits.value_bytes + 12 * self.limits.output_bytes + 16_384

    @property
    def longest_s(self) -> float:
        """How long the batch can take if every call is slow and ends its process."""
        return BOOT_S + len(self.calls) * (self.limits.load_s + self.limits.wall_s)


def cell(order: Order) -> str:
    """Return the code that runs a batch in a remote kernel."""
    code = base64.b64encode(_UNPACK.encode()).decode("ascii")
    request = base64.b64encode(dump(_request(order))).decode("ascii")
    names = f"{{'__name__': 'ravelar_cell', 'ARCHIVE': '{_archive()}', 'REQUEST': '{request}'}}"
    return f"exec(compile(__import__('base64').b64decode('{code}'), '<ravelar>', 'exec'), {names})"


@cache
def _archive() -> str:
    """Return the modules that run remotely as a zip in base64: this package's and the jail's, standard library only."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for package in _PACKAGES:
            archive.writestr(f"{package}/__init__.py", "")
        files = [_SANDBOX / "frames.py", _SANDBOX / "values.py", *(_SANDBOX / "jail").glob("*.py")]
        files += [_SANDBOX / "remote" / f"{name}.py" for name in ("__init__", "guest", "child")]
        for path in sorted(files):
            archive.write(path, f"ravelar/tools/sandbox/{path.relative_to(_SANDBOX)}")
    return base64.b64encode(packed.getvalue()).decode("ascii")


def _request(order: Order) -> dict[str, Any]:
    """Return everything that the guest must know."""
    program, limits = order.program, order.limits
    description = {"source": program.source, "entry": program.entry, "kind": program.kind, "returns": program.returns}
    return {
        "nonce": order.nonce,
        "solo": order.solo,
        "child": _child(order),
        "boot_s": BOOT_S,
        "load_s": limits.load_s,
        "wall_s": limits.wall_s,
        "frame_bytes": order.frame_bytes,
        "load": ["load", order.seal, description],
        "run": ["calls", order.seal, program.kind == "function"],
        "calls": [_arguments(program, call) for call in order.calls],
    }


def _child(order: Order) -> dict[str, Any]:
    """Return what the child must know before the program reaches it."""
    limits = order.limits
    return {
        "script": order.program.kind == "script",
        "kept": False,  # its machine may be; the process ends with the batch
        "internet": order.internet,
        "modules": list(order.profile.modules),
        "warmup": order.profile.warmup,
        "cpu_s": limits.cpu_s,
        "load_s": limits.load_s,
        "memory_mb": math.ceil(limits.memory_mb),
        "output_bytes": limits.output_bytes,
        "value_bytes": limits.value_bytes,
        "threads": limits.threads,
    }


def _arguments(program: Program, call: Call) -> list[Any]:
    """Return a call's arguments in JSON form."""
    return [call.stdin] if program.kind == "script" else [encode(argument) for argument in call.args]

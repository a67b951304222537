"""The process that runs a program on the remote machine: preparation, limits, then the loop of the local worker.

The wall around it is the machine itself. What it gives up here protects the guest next door and the other
calls of its own batch, as far as an ordinary Linux process can be held.
"""

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

from ravelar.tools.sandbox.frames import pack
from ravelar.tools.sandbox.jail import libc, privileges, rlimits
from ravelar.tools.sandbox.jail.capture import STDIN_FILE, STDOUT_FILE
from ravelar.tools.sandbox.jail.harness import Harness
from ravelar.tools.sandbox.jail.wording import describe

_CHANNEL = 3
_EXIT_OUT_OF_MEMORY = 77


def main() -> NoReturn:
    """Prepare, say so, and serve the channel until the guest hangs up."""
    _, channel, text = sys.argv[1:]
    request: dict[str, Any] = json.loads(text)
    sys.argv[:] = [""]
    if int(channel) != _CHANNEL:
        os.dup2(int(channel), _CHANNEL, inheritable=False)
        os.close(int(channel))
    code = 1
    try:
        _prepare(request)
        Harness(_CHANNEL, request).serve()
        code = 0
    except MemoryError:
        code = _EXIT_OUT_OF_MEMORY
    finally:
        os._exit(code)


def _prepare(request: dict[str, Any]) -> None:
    """Load the profile and lock ourselves up; the guest hears how that went before it sends the program."""
    try:
        for module in request["modules"]:
            __import__(module)
        exec(request["warmup"], {"__name__": "warmup"})
        if request["script"]:
            _open_files()
        weaknesses = _lock(request)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the guest must hear of it
        os.write(_CHANNEL, pack(["unready", describe(error)]))
        os._exit(1)
    os.write(_CHANNEL, pack(["ready", weaknesses]))


def _lock(request: dict[str, Any]) -> list[str]:
    """Give up what a program has no use for; return which locks could not be put on."""
    _offer_to_oom_killer()
    weaknesses = [] if request["internet"] or _cut_network() else ["network"]
    if _readable_by_all(Path(os.__file__)):  # else the standard library itself would be lost with the ids
        privileges.drop_ids()
    elif os.geteuid() == 0:
        weaknesses.append("ids")
    own_tasks = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - names are enough
    tasks = max(own_tasks, rlimits.tasks_of_user(os.getuid())) + request["threads"]
    rlimits.forbid_extras()
    own = rlimits.worker_limits(address_space=rlimits.address_space_bytes(), request=request, tasks=tasks)
    for kind, value in own:
        resource.setrlimit(kind, (value, value))
    privileges.forbid_new()
    privileges.hide_memory()
    privileges.die_with_parent()
    return weaknesses


def _cut_network() -> bool:
    """Leave the machine's network, whose loopback has a notebook server that asks nobody for a password."""
    user = 0 if os.geteuid() == 0 else libc.CLONE_NEWUSER
    try:
        libc.unshare(user | libc.CLONE_NEWNET | libc.CLONE_NEWIPC)
    except OSError:
        return False
    return True


def _offer_to_oom_killer() -> None:
    """Be the first to go when the machine runs out of memory: the guest must live to tell."""
    try:
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    except OSError:
        return  # not ours to write: the kernel's own choice stands


def _readable_by_all(path: Path) -> bool:
    """Say whether users other than us can read a file."""
    if not path.stat().st_mode & 0o004:
        return False
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


def _open_files() -> None:
    """Give a script files in memory for its input and output; for each call they become descriptors 0 and 1."""
    for descriptor in (STDIN_FILE, STDOUT_FILE):
        file = os.memfd_create("script")
        if file != descriptor:
            os.dup2(file, descriptor)
            os.close(file)

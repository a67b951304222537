"""The caller's end of a parent process: start it, have it fork workers, let it go.

The parent is a fresh interpreter: no environment, no descriptors, no memory of ours. When this process dies,
however it dies, the control socket is at its end, and the parent takes every worker along.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ravelar.tools.sandbox.errors import SandboxBroken, SandboxUnavailable
from ravelar.tools.sandbox.frames import dump, parse
from ravelar.tools.sandbox.profiles import CORE_MODULES, Profile, readable_paths, search_paths
from ravelar.tools.sandbox.protocol import Limits, Program
from ravelar.tools.sandbox.worker_link import WorkerLink

_READY_WITHIN_S = 60.0
_SPAWN_WITHIN_S = 10.0
_ENDS_WITHIN_S = 5.0
_ANSWER_BYTES = 1 << 16

# Imports our own few modules without the packages above them, whose imports no jailed process needs.
_BOOTSTRAP = """
import sys
for name in ("ravelar", "ravelar.tools", "ravelar.tools.sandbox"):
    sys.modules[name] = package = type(sys)(name)
    package.__path__ = []
package.__path__ = [{folder!r}]
from ravelar.tools.sandbox.jail.launch import main
main({descriptor})
"""
_FLAGS = ("-P", "-s", "-S", "-X", "utf8")  # like -I, but our own, empty environment is read
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # the same program, the same order of its sets: rewards are reproducible
    "OPENBLAS_NUM_THREADS": "1",  # threads would not survive the fork
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TZ": "UTC",
    "LD_BIND_NOW": "1",  # symbols are then bound once, and not in every worker
}
_PASSED_ON = ("LD_LIBRARY_PATH",)  # some interpreters do not start without


class ParentLink:
    """A running, sealed parent of one profile.

    Args:
        profile: What it imports.
        layers: Which layers it tries.
        python: The interpreter to start.

    Attributes:
        report: What became of each layer: "" for on, else why not.
        import_s: How long its imports took.

    Raises: SandboxUnavailable: if it can't be started, or a module of the profile can't be imported.
    """

    def __init__(self, profile: Profile, layers: Iterable[str], python: str = sys.executable) -> None:
        self.profile = profile
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._process = _start(python, theirs.fileno())
        except BaseException:
            self._control.close()
            raise
        try:
            self._control.settimeout(_READY_WITHIN_S)
            self._control.send(dump(_configuration(profile, layers)))
            self.report, self.import_s = self._ready()
            self._control.settimeout(_SPAWN_WITHIN_S)
        except BaseException:
            self.close()
            raise

    def _ready(self) -> tuple[dict[str, str], float]:
        """Wait until the parent is sealed; return what it reports."""
        try:
            data = self._control.recv(_ANSWER_BYTES)
        except OSError as error:
            raise SandboxUnavailable(f"the {self.profile.name} parent did not start: {error}") from error
        if not data:
            raise SandboxUnavailable(f"the {self.profile.name} parent died while it started")
        answer: dict[str, Any] = parse(data)
        if "error" in answer:
            raise SandboxUnavailable(f"the {self.profile.name} parent can't be prepared: {answer['error']}")
        return answer["report"], answer["import_s"]

    def spawn(self, program: Program, limits: Limits) -> WorkerLink:
        """Have a worker forked for a program; it is not loaded yet.

        Raises: SandboxBroken: if the parent is gone.
        """
        channel, their_channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        lease, their_lease = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with their_channel, their_lease:
            channel.setblocking(False)
            worker = WorkerLink(channel, lease, limits)
            try:
                descriptors = [their_channel.fileno(), their_lease.fileno()]
                socket.send_fds(self._control, [dump(_request(program, limits))], descriptors)
            except OSError as error:
                worker.close()
                raise SandboxBroken(f"the {self.profile.name} parent is gone: {error}") from error
        return worker

    def close(self) -> None:
        """Let the parent end, and all its workers with it; wait until it has."""
        self._control.close()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def abandon(self) -> None:
        """Forget the parent in a forked child of this process: it belongs to the process that started it."""
        self._control.close()
        self._process.returncode = 0  # not ours to wait for


def _start(python: str, descriptor: int) -> "subprocess.Popen[bytes]":
    """Start the launcher with nothing but one end of the control socket."""
    code = _BOOTSTRAP.format(folder=str(Path(__file__).resolve().parent), descriptor=descriptor)
    environment = _ENVIRONMENT | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        return subprocess.Popen(
            [python, *_FLAGS, "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd="/",
            pass_fds=(descriptor,),
            start_new_session=True,
        )
    except OSError as error:
        raise SandboxUnavailable(f"can't start {python}: {error}") from error


def _configuration(profile: Profile, layers: Iterable[str]) -> dict[str, Any]:
    """Return what the parent must know."""
    try:
        return {
            "modules": [*CORE_MODULES, *profile.modules],
            "paths": search_paths(profile),
            "readable": readable_paths(profile),
            "warmup": profile.warmup,
            "absent": list(profile.absent),
            "layers": sorted(layers),
        }
    except ModuleNotFoundError as error:
        raise SandboxUnavailable(f"profile {profile.name!r}: {error}; install it, or use another profile") from error


def _request(program: Program, limits: Limits) -> dict[str, Any]:
    """Return what a worker must know before it sees its program."""
    return {
        "cpu_s": limits.cpu_s,
        "load_s": limits.load_s,
        "memory_mb": limits.memory_mb,
        "output_bytes": limits.output_bytes,
        "value_bytes": limits.value_bytes,
        "threads": limits.threads,
        "script": program.kind == "script",
        "kept": program.isolation == "per_tool",
    }

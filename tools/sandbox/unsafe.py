"""A sandbox that is none: one `python -I` per run, with resource limits and a wall clock, and nothing else.

Covered: endless loops, memory, recursion, a crash of the program. Not covered: everything a jail is for. The
program reads the caller's files, uses the network, starts processes and signals whatever its user may signal.
It serves to develop with programs that one trusts, and no code of ours chooses it by itself.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from signal import Signals

from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.frames import BadFrame, FrameBuffer, pack
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.sandbox.replies import LOADING, read_reply
from ravelar.tools.sandbox.values import encode

_START_S = 20.0  # an interpreter on a busy machine; it is not the program's time
_BACKLOG_BYTES = 16_384
_CHILD = """
import json, os, sys
from ravelar.tools.sandbox.jail.capture import STDIN_FILE, STDOUT_FILE
from ravelar.tools.sandbox.jail.harness import Harness
channel, request = 3, json.loads(sys.argv[2])
os.dup2(int(sys.argv[1]), channel)
for descriptor in (STDIN_FILE, STDOUT_FILE) if request["script"] else ():
    file = os.memfd_create("script")
    if file != descriptor:
        os.dup2(file, descriptor)
        os.close(file)
Harness(channel, request).serve()
os._exit(0)
"""


class UnsafeSandbox:
    """Runs programs that the caller trusts, with the outcomes of a sandbox and none of its walls."""

    @property
    def name(self) -> str:
        """Return "unsafe": reports print it beside every figure that came about with it."""
        return "unsafe"

    def run(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        """Run the calls; return one outcome per call, in order.

        Raises: SandboxBroken: if no interpreter can be started.
        """
        allowed, outcomes = limits or Limits(), list[Outcome]()
        while len(outcomes) < len(calls):
            with _Child(program, allowed) as child:
                outcomes += child.answer(calls[len(outcomes) :])
        return outcomes


class _Child:
    """One interpreter with one program.

    Args:
        program: What it loads.
        limits: What it may use.
    """

    def __init__(self, program: Program, limits: Limits) -> None:
        self._program, self._limits = program, limits
        self._nonce = os.urandom(8).hex()
        self._incoming = FrameBuffer(limits.value_bytes + 12 * limits.output_bytes + _BACKLOG_BYTES)
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = self._start(theirs.fileno())

    def _start(self, descriptor: int) -> "subprocess.Popen[bytes]":
        limits = self._limits
        request = {
            "cpu_s": limits.cpu_s,
            "load_s": limits.load_s,
            "memory_mb": limits.memory_mb,
            "output_bytes": limits.output_bytes,
            "value_bytes": limits.value_bytes,
            "script": self._program.kind == "script",
            "kept": False,
        }
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", _CHILD, str(descriptor), json.dumps(request)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[descriptor],
                env={},
            )
        except OSError as error:
            raise SandboxBroken(f"no interpreter could be started: {error}") from error
        memory = (limits.memory_mb + 256) << 20  # the interpreter itself maps some hundred megabytes
        resource.prlimit(process.pid, resource.RLIMIT_AS, (memory, memory))
        return process

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def answer(self, calls: Sequence[Call]) -> list[Outcome]:
        """Make calls until one ends the process; return the outcomes so far, that one's included."""
        loaded = self._load()
        if loaded.reason is not None:
            return [loaded] * len(calls)
        self._send(["calls", self._nonce, True, [self._arguments(call) for call in calls]])
        outcomes: list[Outcome] = []
        for index in range(len(calls)):
            outcome, lives = self._next(index, self._limits.wall_s)
            outcomes.append(outcome)
            if not lives:
                break
        return outcomes

    def _load(self) -> Outcome:
        program = self._program
        words = {"source": program.source, "entry": program.entry, "kind": program.kind, "returns": program.returns}
        self._send(["load", self._nonce, words])
        return self._next(LOADING, self._limits.load_s + _START_S)[0]

    def _arguments(self, call: Call) -> list[object]:
        return [call.stdin] if self._program.kind == "script" else [encode(argument) for argument in call.args]

    def _send(self, message: list[object]) -> None:
        self._channel.settimeout(_START_S)
        try:
            self._channel.sendall(pack(message))
        except OSError:
            return  # it is dead: reading will say so

    def _next(self, index: int, allowed_s: float) -> tuple[Outcome, bool]:
        """Return the outcome of one call, and whether the process is there for the next."""
        deadline = time.monotonic() + allowed_s
        try:
            while (body := self._incoming.next_body()) is None:
                self._channel.settimeout(max(0.001, deadline - time.monotonic()))
                data = self._channel.recv(1 << 18)
                if not data:
                    return self._ending(), False
                self._incoming.feed(data)
            outcome, _ = read_reply(body, self._nonce, index, self._program, self._limits.output_bytes)
        except TimeoutError:
            return Outcome(reason="timeout", message=f"no answer within {allowed_s} s", wall_s=allowed_s), False
        except OSError:
            return self._ending(), False
        except BadFrame as error:
            return Outcome(reason="protocol", message=str(error)), False
        return outcome, True

    def _ending(self) -> Outcome:
        try:
            status = self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return Outcome(reason="crash", message="closed its channel and lived on")
        if status >= 0:
            return Outcome(reason="crash", message=f"the process ended with status {status}")
        name = Signals(-status).name
        if name in ("SIGPROF", "SIGXCPU"):
            return Outcome(reason="timeout", message=f"used up its processor time ({self._limits.cpu_s} s per call)")
        return Outcome(reason="crash", message=f"the process died by {name}")

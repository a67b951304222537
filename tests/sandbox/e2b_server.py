"""A stand-in for E2B on the loopback: control plane, code server and health check on one port.

The real client talks to it over HTTP. A "machine" is a `python -I` process that runs cells one after the other,
with no wall around it: only harmless programs may be sent here. What it imitates was read off e2b 2.63,
e2b-code-interpreter 2.11 and the code interpreter's published server: routes, statuses, bodies, headers, the
lines of an execution, and what a client sees when a kernel dies or a machine is gone.
"""

import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

KEY = "e2b_0123456789abcdef0123456789abcdef01234567"
SYSTEM_PYTHON = Path("/usr/bin/python3")  # readable by everybody: a child that gives its ids up still has a library
KERNEL = """
import json, os, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    try:
        exec(json.loads(line), names)
        end = None
    except BaseException as error:
        end = [type(error).__name__, str(error), traceback.format_exc()]
    sys.stdout.flush(); sys.stderr.flush()
    os.write(3, (json.dumps(end) + "\\n").encode())
"""


def python() -> str:
    newest = SYSTEM_PYTHON.exists() and SYSTEM_PYTHON.resolve().name.removeprefix("python") >= "3.11"
    return str(SYSTEM_PYTHON) if newest else sys.executable


@dataclass(eq=False)
class Kernel:
    """One interpreter: cells in, pieces of output and an end out."""

    count: int = 0
    lock: Any = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.events, theirs = os.pipe()
        os.set_blocking(self.events, False)
        command = [python(), "-I", "-u", "-c", f"import os; os.dup2({theirs}, 3); os.closerange(4, 64)\n{KERNEL}"]
        self.disk = tempfile.TemporaryDirectory()  # what a killed machine leaves goes with it
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(theirs,),
            env={**os.environ, "TMPDIR": self.disk.name},
        )
        os.close(theirs)

    def execute(self, code: str) -> Iterator[dict[str, Any]]:
        """Yield the lines of one execution, as the code interpreter's server words them."""
        with self.lock:
            yield from self._execute(code)

    def _execute(self, code: str) -> Iterator[dict[str, Any]]:
        self.count += 1
        yield {"type": "number_of_executions", "execution_count": self.count}
        try:
            self.process.stdin.write((json.dumps(code) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        pipes = {self.process.stdout.fileno(): "stdout", self.process.stderr.fileno(): "stderr"}
        while True:
            ready, _, _ = select.select([*pipes, self.events], [], [])
            for pipe in [pipe for pipe in ready if pipe in pipes]:
                if data := os.read(pipe, 7_001):  # an odd number: lines arrive in pieces
                    yield {"type": pipes[pipe], "text": data.decode("utf-8", "replace"), "timestamp": time.time_ns()}
                else:
                    del pipes[pipe]
            if self.events in ready and not set(ready) & set(pipes):
                yield from self._end(os.read(self.events, 1 << 20))
                return

    def _end(self, data: bytes) -> Iterator[dict[str, Any]]:
        if not data:
            yield {"type": "error", "name": "ContextRestarting", "value": "Context was restarted", "traceback": ""}
        elif end := json.loads(data):
            yield {"type": "error", "name": end[0], "value": end[1], "traceback": end[2]}
        yield {"type": "end_of_execution"}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        with self.lock:  # an execution may still read: its descriptors must not become somebody else's
            self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(BrokenPipeError):
                pipe.close()
        events, self.events = self.events, -1
        if events >= 0:  # closed twice, it would be the descriptor of somebody else by then
            os.close(events)
        self.disk.cleanup()


@dataclass(eq=False)
class Machine:
    """A running sandbox."""

    created: dict[str, Any]
    sandbox_id: str = field(default_factory=lambda: uuid.uuid4().hex[:20])
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    kernels: dict[str, Kernel] = field(default_factory=dict)
    cells: int = 0
    lifetimes: list[int] = field(default_factory=list)

    lock: Any = field(default_factory=threading.Lock)
    dead: bool = False

    def __post_init__(self) -> None:
        self.kernels["default"] = Kernel()
        self.lifetimes.append(self.created["timeout"])

    def restart(self, name: str) -> None:
        self.kernels[name].kill()
        with self.lock:
            if not self.dead:  # a kernel that starts after the end would outlive the machine
                self.kernels[name] = Kernel()

    def kill(self) -> None:
        with self.lock:
            self.dead = True
        for kernel in list(self.kernels.values()):
            kernel.kill()

    def listed(self) -> dict[str, Any]:
        now = "2026-11-23T00:00:00Z"
        row = {"templateID": self.created["templateID"], "sandboxID": self.sandbox_id, "clientID": "c"}
        row |= {"startedAt": now, "endAt": now, "cpuCount": 2, "memoryMB": 512, "diskSizeMB": 1024}
        return row | {"state": "running", "envdVersion": "0.4.0", "metadata": self.created["metadata"]}


@dataclass
class Fault:
    """What happens instead, once, to a request whose method and path begin so.

    Kinds: "status" answers with it; "reset", "hang" (until the client gives up) and "garbage" do what they say;
    "lost" starts the machine and breaks the connection before it says so; "gone" kills the machine and answers
    as the proxy does then. The others let an execution go on until the guest has passed on `frames` frames: then
    "cut" breaks the connection in mid-line, "short" ends the stream as if it were complete, "stall" says no more,
    "die" kills the kernel, "noise" prints megabytes.
    """

    request: str
    kind: str
    status: int = 0
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    frames: int = 0


class E2bServer(ThreadingHTTPServer):
    """The service; `faults` are met in turn, `machines` are those that run, `requests` what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.machines: dict[str, Machine] = {}
        self.every_machine: list[Machine] = []
        self.faults: deque[Fault] = deque()
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.busy = self.most_busy = self.most_machines = 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def asked(self, beginning: str) -> int:
        return sum(request.startswith(beginning) for request in self.requests)

    def fault_for(self, request: str) -> Fault | None:
        with self.lock:
            if self.faults and request.startswith(self.faults[0].request):
                return self.faults.popleft()
        return None

    def remove(self, sandbox_id: str) -> bool:
        with self.lock:
            machine = self.machines.pop(sandbox_id, None)
        if machine:
            machine.kill()
        return machine is not None

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], (ConnectionError, ValueError, OSError)):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        self.stopping.set()
        for sandbox_id in list(self.machines):
            self.remove(sandbox_id)
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: E2bServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.body = json.loads(self.rfile.read(length) or b"{}") if length else {}
        request = f"{self.command} {self.path}"
        with self.server.lock:
            self.server.requests.append(request)
            self.server.headers.append(dict(self.headers))
        self.fault = self.server.fault_for(request)
        if self.fault and self._met_at_once(self.fault):
            return
        parts = urlsplit(self.path).path.strip("/").split("/")
        if parts[0] in ("sandboxes", "v2"):
            self._control(parts[parts[0] == "v2" :])
        else:
            self._machine(parts)

    def _met_at_once(self, fault: Fault) -> bool:
        if fault.kind == "status":
            self._answer(fault.status, fault.body, fault.headers)
        elif fault.kind == "reset":
            self._reset()
        elif fault.kind == "hang":
            self._hang()
        elif fault.kind == "garbage":
            self._answer(200 if self.path == "/execute" else 201, "{not json\n")
        elif fault.kind == "gone":
            self.server.remove(self.headers["E2b-Sandbox-Id"])
            self._answer(502, "The sandbox was not found")
        else:
            return False
        return True

    def _answer(self, status: int, body: Any = "", headers: dict[str, str] | None = None) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(body, str) else "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _hang(self) -> None:
        self.connection.settimeout(0.05)
        while not self.server.stopping.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def _control(self, parts: list[str]) -> None:
        if self.headers.get("X-API-KEY") != KEY:
            self._answer(401, {"code": 401, "message": f"unknown key {self.headers.get('X-API-KEY')}"})
        elif self.command == "POST" and len(parts) == 1:
            self._create()
        elif self.command == "GET" and len(parts) == 1:
            self._list()
        elif self.command == "DELETE":
            self._answer(204) if self.server.remove(parts[1]) else self._answer(404, {"code": 404, "message": "none"})
        elif self.command == "POST" and parts[2] == "timeout" and parts[1] in self.server.machines:
            self.server.machines[parts[1]].lifetimes.append(self.body["timeout"])
            self._answer(204)
        else:
            self._answer(404, {"code": 404, "message": f"no sandbox {parts[1:]}"})

    def _create(self) -> None:
        machine = Machine(self.body)
        with self.server.lock:
            self.server.machines[machine.sandbox_id] = machine
            self.server.every_machine.append(machine)
            self.server.most_machines = max(self.server.most_machines, len(self.server.machines))
        if self.fault and self.fault.kind == "lost":
            self._reset()
            return
        answer = {"templateID": self.body["templateID"], "sandboxID": machine.sandbox_id, "clientID": "c"}
        self._answer(201, answer | {"envdVersion": "0.4.0", "envdAccessToken": machine.token, "domain": None})

    def _list(self) -> None:
        query = dict(parse_qsl(urlsplit(self.path).query))
        wanted = {unquote(key): unquote(value) for key, value in parse_qsl(query.get("metadata", ""))}
        rows = [machine.listed() for machine in self.server.machines.values()]
        self._answer(200, [row for row in rows if wanted.items() <= row["metadata"].items()])

    def _machine(self, parts: list[str]) -> None:
        machine = self.server.machines.get(self.headers.get("E2b-Sandbox-Id", ""))
        if machine is None:
            self._answer(502, "The sandbox was not found")
        elif parts == ["health"]:
            self._answer(204)
        elif parts[0] == "execute" and self.headers.get("X-Access-Token") != machine.token:
            self._answer(401, "Unauthorized")
        elif parts[0] == "execute":
            self._execute(machine)
        elif parts[0] == "contexts":
            self._contexts(machine, parts)

    def _contexts(self, machine: Machine, parts: list[str]) -> None:
        rows = [{"id": name, "language": "python", "cwd": "/home/user"} for name in machine.kernels]
        if self.command == "GET":
            self._answer(200, rows)
        elif self.command == "POST" and len(parts) == 1:
            name = uuid.uuid4().hex
            machine.kernels[name] = Kernel()
            self._answer(200, {"id": name, "language": "python", "cwd": "/home/user"})
        elif self.command == "POST":
            machine.restart(parts[1])
            self._answer(200, {"status": "restarted"})
        else:
            machine.kernels.pop(parts[1]).kill()
            self._answer(200, {"status": "removed"})

    def _execute(self, machine: Machine) -> None:
        name = self.body.get("context_id") or "default"
        if name not in machine.kernels:
            self._answer(404, f"Context {name} not found")
            return
        with self.server.lock:
            machine.cells += 1
            self.server.busy += 1
            self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            self._stream(machine, name)
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _stream(self, machine: Machine, name: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        frames = 0
        for event in machine.kernels[name].execute(self.body["code"]):
            self._chunk(json.dumps(event) + "\n")
            frames += event.get("text", "").count('["frame"')
            if self.fault and frames >= self.fault.frames and self._interfere(self.fault, machine.kernels[name]):
                return
            if event.get("name") == "ContextRestarting":
                machine.restart(name)
        self._chunk("")

    def _interfere(self, fault: Fault, kernel: Kernel) -> bool:
        self.fault = None
        if fault.kind == "die":
            kernel.process.kill()
        elif fault.kind == "noise":
            event = json.dumps({"type": "stderr", "text": "x" * (1 << 20), "timestamp": 0}) + "\n"
            for _ in range(100):
                self._chunk(event)
        elif fault.kind == "short":
            self._chunk("")
        elif fault.kind == "stall":
            self._hang()
        elif fault.kind == "cut":
            self._chunk('{"type": "stdo')
            self._reset()
        return fault.kind in ("short", "stall", "cut")

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

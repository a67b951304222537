"""A load generator for the loopback: keep-alive connections that ask again as soon as they are answered.

Bounded in connections and time. Every reply is looked at: another status than 200, or a body that is not what was
expected, ends the run.
"""

import asyncio
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked.

    Attributes:
        name: How it is called in the report.
        port: On the loopback.
        path: The route.
        body: The request, JSON.
        holds: Says whether a reply's body is right.
        pid: The server's process, whose processor time is counted.
    """

    name: str
    port: int
    path: str
    body: bytes
    holds: Callable[[bytes], bool]
    pid: int

    @property
    def request(self) -> bytes:
        """The whole request, head and body."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return f"{head}Content-Length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass(slots=True)
class Load:
    """What came of a slice of time.

    Attributes:
        wall_s: How long it was.
        cpu_s: Processor time of the server in it.
        latencies_s: Of each request.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    latencies_s: list[float] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Requests answered in a second."""
        return len(self.latencies_s) / self.wall_s

    @property
    def cpu_us(self) -> float:
        """Processor time of the server for a request, in microseconds."""
        return 1e6 * self.cpu_s / len(self.latencies_s)

    def latency_ms(self, share: float) -> float:
        """Return the latency below which a share of the requests lies, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return 1e3 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_load(target: Target, *, clients: int, seconds: float) -> Load:
    """Ask for so many seconds over so many connections.

    Raises:
        RuntimeError: if a reply is not what it should be; the message holds its beginning.
    """
    return asyncio.run(_run(target, clients, seconds))


def median_of(figures: list[float]) -> float:
    """Return the median."""
    return statistics.median(figures)


async def _run(target: Target, clients: int, seconds: float) -> Load:
    connections = [await asyncio.open_connection("127.0.0.1", target.port) for _ in range(clients)]
    load, request = Load(), target.request
    cpu, started = _cpu_s(target.pid), time.perf_counter()
    try:
        async with asyncio.TaskGroup() as group:
            for reader, writer in connections:
                group.create_task(_client(target, request, reader, writer, load, started + seconds))
    finally:
        load.wall_s, load.cpu_s = time.perf_counter() - started, _cpu_s(target.pid) - cpu
        for _, writer in connections:
            writer.close()
    return load


async def _client(  # noqa: PLR0913, PLR0917
    target: Target,
    request: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    load: Load,
    until: float,
) -> None:
    while (asked := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        body = await reader.readexactly(length)
        load.latencies_s.append(time.perf_counter() - asked)
        if not head.startswith(b"HTTP/1.1 200 ") or not target.holds(body):
            raise RuntimeError(f"{target.name} answered {head[:40]!r} {body[:300]!r}")


def _cpu_s(pid: int) -> float:
    """Return the processor time that a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS

"""The load generator measures what it says, against real servers, and stops at wrong answers."""

import asyncio
import os
import threading

import pytest

from ravelar.benchmark.http_load import Target, run_load
from ravelar.benchmark.service_load import PLAIN, PLAIN_ASYNC, ROUTED, SERVICE, measure, memory_under_load


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
def test_all_four_systems_are_measured_in_one_run() -> None:
    report = measure(seconds=0.1, rounds=1, rows=(2,))
    assert {(row["system"], row["clients"]) for row in report} == {
        (system, clients) for system in (SERVICE, ROUTED, PLAIN, PLAIN_ASYNC) for clients in (1, 8, 64)
    }
    for row in report:
        assert row["completions_per_s"] == 2 * row["requests_per_s"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"]
    assert all(row["rate_to_def"] == row["cpu_def_to"] == 1 for row in report if row["system"] == PLAIN)


@pytest.mark.slow
@pytest.mark.xdist_group("busy")
def test_memory_is_that_of_the_service_and_its_processes() -> None:
    figures = memory_under_load(0.05)
    assert figures["completions"] > figures["requests"] > 0
    assert 20 < figures["mb_at_the_end"] < 2000


def test_a_wrong_answer_ends_the_run() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    port: list[int] = []
    ready, ended = threading.Event(), threading.Event()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(ended.wait, 20)
        server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)

    try:
        with pytest.raises(ExceptionGroup) as found:
            run_load(Target("bad", port[0], "/", b"", lambda body: body == b"right", os.getpid()), clients=1, seconds=5)
        assert "bad answered" in str(found.value.exceptions[0])
    finally:
        ended.set()
        thread.join()

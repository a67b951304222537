"""A sink that is not there, hangs or refuses costs a run nothing, its process little at its end, the log two lines."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sink import hanging, listening
from tracing_world import ON, SPANS, Done, work

from ravelar.tools.tracing import line as lines
from ravelar.tools.tracing.line import Line

NOBODY = "http://127.0.0.1:9"
SCORE = """
import ravelar, sys, time
for _ in range(3):
    assert ravelar.score([{"prompt": "6 * 7?", "completion": "42", "reference": 42}])[0].value == 1
    time.sleep(0.3)
print("at", time.time(), file=sys.stderr)
"""
MOST_EXIT_S = 6.0  # a machine that does other things; `ravelar bench tracing` has the figure, LangSmith's own is 13


@contextmanager
def sink_that(does: str) -> Iterator[str]:
    with ExitStack() as opened:
        if does == "is not there":
            yield NOBODY
        elif does == "hangs":
            yield opened.enter_context(hanging())
        else:
            yield opened.enter_context(listening(int(does))).url


def scored_with(address: str, **env: str) -> Done:
    done = work("-c", SCORE, env={**ON, "LANGSMITH_ENDPOINT": address, **env})
    assert done.code == 0, done.said
    return done


@pytest.mark.slow
@pytest.mark.parametrize("does", ["is not there", "hangs", "500", "401", "404"])
def test_a_run_succeeds_ends_soon_and_says_once_what_is_lost(does: str) -> None:
    with sink_that(does) as address:
        done = scored_with(address)
    first, last = done.said
    assert first.startswith(f"tracing: {address} takes nothing in (")
    assert last == f"tracing: 6 records did not come through to {address} and are lost"
    assert done.exit_s < MOST_EXIT_S


@pytest.mark.slow
@pytest.mark.parametrize("does", ["is not there", "hangs", "503"])
def test_so_it_is_with_a_collector(does: str) -> None:
    with sink_that(does) as address:
        done = scored_with(NOBODY, OTEL_EXPORTER_OTLP_ENDPOINT=address, **SPANS)
    assert [line for line in done.said if "takes nothing in" not in line] == [
        f"tracing: 6 records did not come through to {address} and are lost"
    ]
    assert len(done.said) == 2
    assert done.exit_s < MOST_EXIT_S


def test_what_comes_through_is_answered() -> None:
    line = Line("there")
    assert line.reach(lambda: 7) == 7
    assert line.lost == 0


def test_a_sink_that_failed_is_left_alone_for_a_while_and_told_of_once(caplog, monkeypatch) -> None:
    monkeypatch.setattr(lines, "LEFT_ALONE_S", 0.2)
    line, asked = Line("there"), []

    def refuse() -> None:
        asked.append(True)
        raise ConnectionRefusedError("no")

    assert [line.reach(refuse, records=2) for _ in range(5)] == [None] * 5
    assert (len(asked), line.lost) == (1, 10)
    time.sleep(0.25)
    assert line.reach(lambda: "again") == "again"
    line.report()
    line.lost = 0  # so that the end of the tests says nothing of it
    assert [record.getMessage() for record in caplog.records] == [
        "tracing: there takes nothing in (ConnectionRefusedError: no); the run goes on, its traces are lost",
        "tracing: 10 records did not come through to there and are lost",
    ]


def test_a_request_without_end_is_given_up_and_does_not_keep_others_waiting(monkeypatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_S", 0.2)
    monkeypatch.setattr(lines, "LEFT_ALONE_S", 0.0)
    line, over = Line("there"), threading.Event()
    assert line.reach(lambda: over.wait(20)) is None
    assert line.reach(lambda: "meanwhile") == "meanwhile"
    over.set()


def test_threads_are_used_again() -> None:
    line, seen = Line("there"), set()
    for _ in range(20):
        line.reach(lambda: seen.add(threading.get_ident()))
        time.sleep(0.002)
    assert len(seen) < 5

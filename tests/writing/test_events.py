"""The event log: whole whenever its process is killed, and the truth about a run."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.errors import BrokenReply, InputError, ModelUnavailable
from ravelar.tools.writing.events import EventLog, failure_name, read_events, until
from ravelar.tools.writing.prices import Price, Prices
from ravelar.tools.writing.replay import limits_in, run_of, state_of
from ravelar.tools.writing.transitions import outlined

ASKED = Asked("ravel.en.drafter", "hash", "template", "sent", False, "m")
SAID = Said("text", tokens_in=1_000_000, tokens_out=500_000, cached=400_000, seconds=1.5, retries=1)
WRITER = """
import sys
from pathlib import Path
from ravelar.tools.writing.events import EventLog
with EventLog(Path(sys.argv[1])) as log:
    while True:
        log.write("retry", role="drafter", step=len(log.events), section=None, prompt="p" * 2000, why="w", wait_s=0)
        print(len(log.events), flush=True)
"""


def test_an_event_is_on_disk_when_writing_returns(log: EventLog) -> None:
    log.write("end", end="finished", because="no section is open")
    events = read_events(log.path)
    assert [event["kind"] for event in events] == ["run", "end"]
    assert [event["n"] for event in events] == [1, 2]
    assert events == log.events


def test_a_killed_process_loses_at_most_the_event_it_was_writing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for killed in range(1, 4):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        told = [int(process.stdout.readline()) for _ in range(30)][-1]
        process.kill()
        process.wait()
        process.stdout.close()
        with EventLog(path) as log:
            assert len(log.events) >= told >= 30 * killed
            assert [event["n"] for event in log.events] == list(range(1, len(log.events) + 1))
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize("tail", ['{"n": 3, "kind": "en', '{"n": 3, "kind": "end"}', "\x00\x00\x00", "\n"])
def test_a_broken_last_line_is_dropped_and_overwritten(log: EventLog, tail: str) -> None:
    log.close()
    with log.path.open("a") as file:
        file.write(tail)
    assert [event["kind"] for event in read_events(log.path)] == ["run"]
    with EventLog(log.path) as again:
        again.write("end", end="x", because="y")
    assert [event["kind"] for event in read_events(log.path)] == ["run", "end"]


def test_a_broken_line_in_the_middle_is_no_accident(log: EventLog) -> None:
    log.close()
    with log.path.open("a") as file:
        file.write('not json\n{"n": 3, "kind": "end"}\n')
    with pytest.raises(InputError, match=r"events\.jsonl, line 2: no event: 'not json"):
        read_events(log.path)


def test_two_processes_do_not_write_one_run(log: EventLog) -> None:
    with pytest.raises(InputError, match="another process is writing the run in"):
        EventLog(log.path)
    log.close()
    EventLog(log.path).close()


def test_a_log_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="can't be written"):
        EventLog(tmp_path / "file" / "events.jsonl")
    with pytest.raises(InputError, match="no event log"):
        read_events(tmp_path / "none.jsonl")


def test_threads_write_whole_lines_in_order(log: EventLog) -> None:
    def work(number: int) -> None:
        for i in range(20):
            log.write("step", step=100 * number + i, operation="draft", section="s1", thought="t" * 500, refused=None)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["n"] for event in read_events(log.path)] == list(range(1, 162))


def test_an_event_of_one_step_is_written_once(log: EventLog) -> None:
    values = {"step": 3, "operation": "draft", "section": "s1", "thought": "", "refused": None}
    assert log.write("step", **values) is not None
    assert log.write("step", **values) is None
    log.close()
    with EventLog(log.path) as again:
        assert again.write("step", **values) is None
        assert again.write("step", **{**values, "section": "s2"}) is not None


def test_an_unknown_kind_is_an_error(log: EventLog) -> None:
    with pytest.raises(ValueError, match="no kind of event 'ended'; known: approved, call"):
        log.write("ended")


def test_whoever_listens_hears_what_is_written(tmp_path: Path) -> None:
    heard = []
    with EventLog(tmp_path / "e.jsonl", heard=heard.append) as log:
        event = log.write("end", end="x", because="y")
    assert heard == [event]


def test_a_finished_call_is_recalled_at_its_place_only(log: EventLog) -> None:
    log.at("drafter", 2, "s1").keep(ASKED, SAID)
    log.close()
    with EventLog(log.path) as again:
        assert again.at("drafter", 2, "s1").recall(ASKED) == SAID
        for place in (("drafter", 3, "s1"), ("drafter", 2, "s2"), ("refiner", 2, "s1")):
            assert again.at(*place).recall(ASKED) is None


def test_a_call_bears_its_cost_and_cached_tokens_cost_less(log: EventLog) -> None:
    log.at("drafter", 2, "s1").keep(ASKED, SAID)
    event = log.events[-1]
    assert event["cost"] == pytest.approx(0.6 * 1 + 0.4 * 0.5 + 0.5 * 2)
    assert (event["role"], event["prompt_hash"], event["retries"]) == ("drafter", "hash", 1)
    assert log.spent()["cost"] == pytest.approx(1.8)


def test_an_unknown_price_is_not_zero(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e.jsonl") as log:
        log.at("drafter", 2, "s1").keep(ASKED, SAID)
        assert log.events[-1]["cost"] is None
        assert log.spent()["unpriced"] == 1


def test_what_was_retried_and_what_failed_shows(log: EventLog) -> None:
    place = log.at("drafter", 2, "s1")
    place.retrying(ASKED, "rate_limited", 1.25)
    place.failed(ASKED, ModelUnavailable("gone"), seconds=3.0, retries=4)
    kinds = [(event["kind"], event.get("why") or event.get("error")) for event in log.events[1:]]
    assert kinds == [("retry", "rate_limited"), ("failed", "ModelUnavailable")]
    assert (log.spent()["calls"], log.spent()["retries"], log.spent()["unpriced"]) == (1, 4, 0)


def test_a_huge_reply_is_kept_short(log: EventLog) -> None:
    log.at("drafter", 2, "s1").keep(ASKED, Said("x" * 5_000_000))
    assert log.path.stat().st_size < 600_000


def test_half_a_surrogate_pair_does_not_stop_a_run(log: EventLog) -> None:
    log.at("drafter", 2, "s1").keep(ASKED, Said("x\ud83d"))
    assert read_events(log.path)[-1]["said"]["text"].startswith("x")


def test_names_of_failures() -> None:
    assert failure_name(BrokenReply("x")) == "broken_reply"
    assert failure_name(ModelUnavailable("x")) == "model_unavailable"


def whole_run(log: EventLog, brief) -> None:
    """Write a run of two sections: the first refined once, the second given up."""
    sections = outlined([("One", ["a"], None), ("Two", ["b"], None)], brief)
    steps = [("outline", None), ("draft", "s1"), ("review", "s1"), ("refine", "s1"), ("review", "s1"), ("draft", "s2")]
    scores = iter([(6.0, "needs_revision"), (8.5, "accepted")])
    for step, (operation, section) in enumerate(steps, 1):
        log.write("step", step=step, operation=operation, section=section, thought="t", refused=None)
        if operation == "outline":
            log.write("outline", step=step, title="Harbours", sections=sections)
        elif operation == "review":
            score, status = next(scores)
            log.write(
                "review", step=step, section=section, verdicts={}, score=score, feedback="f", findings=[], status=status
            )
        else:
            log.write(
                "text",
                step=step,
                section=section,
                operation=operation,
                content=f"text {step}",
                summary="s",
                findings=[],
            )
        log.at(operation, step, section).keep(ASKED, Said("r", tokens_in=100, tokens_out=50))
    log.write("step", step=7, operation="finish", section=None, thought="t", refused="sections are still open: s2")
    log.write("end", end="step_budget", because="7 steps")


def test_the_state_derives_from_the_log(log: EventLog, brief) -> None:
    whole_run(log, brief)
    state = state_of(read_events(log.path))
    one, two = state["sections"]["s1"], state["sections"]["s2"]
    assert (one["status"], one["scores"], one["revisions"], one["content"]) == ("accepted", [6.0, 8.5], 1, "text 4")
    assert (two["status"], two["score"]) == ("drafted", None)
    assert (state["step"], state["refused"], state["end"]) == (7, 1, "step_budget")
    assert state["recent"][2]["result"] == "score 6, needs_revision"
    assert state["recent"][-1]["result"] == "refused: sections are still open: s2"
    assert state["spent"]["tokens_in"] == 600


def test_a_run_is_cut_at_a_step_to_fork_there(log: EventLog, brief) -> None:
    whole_run(log, brief)
    state = state_of(until(log.events, 3))
    assert (state["step"], state["end"]) == (3, "")
    assert state["sections"]["s1"]["status"] == "needs_revision"


def test_a_log_that_says_nothing_of_its_run_is_unusable(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e.jsonl") as log:
        log.write("end", end="x", because="y")
        with pytest.raises(InputError, match="no event of kind run"):
            state_of(log.events)


def test_limits_are_read_from_the_log_as_the_protocol_has_them(brief) -> None:
    run = {"kind": "run", "limits": {"tau": 7, "gone": 1}, "protocol": "no_refine"}
    assert (limits_in(run).tau, limits_in(run).max_revisions) == (7, 0)
    assert run_of([{"kind": "end"}, run]) is run


def test_prices_of_the_log_are_those_given(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e.jsonl", prices=Prices({"m": Price(input=0, output=0)})) as log:
        log.at("drafter", 2, "s1").keep(ASKED, SAID)
        assert log.events[-1]["cost"] == 0.0

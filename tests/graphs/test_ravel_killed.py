"""Killed anywhere and resumed, a run finishes, and no finished call is paid for twice."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from killing import kill_each
from ravel_server import WriterServer
from ravel_world import Writer, action, outline, prose, review, text_of

from ravelar.tools.errors import InputError
from ravelar.tools.writing.events import read_events
from ravelar.tools.writing.replay import state_of
from ravelar.writing import fork, write


def killed(kills: list[dict[str, Any]], **options: Any) -> None:
    """Run an article once for each kill, in this order."""
    kill_each("ravel_killed_runs.py", kills, options={"instruction": "Of harbours.", **options})


def everywhere(*nodes: str, asks: str = "plan outline draft review refine") -> list[dict[str, Any]]:
    """Kill each node before its work, as soon as its call is kept, and after its work."""
    whens = {node: ["before", *(["kept"] if node in asks.split() else []), "after"] for node in nodes}
    return [{"node": node, "when": when} for node in nodes for when in whens[node]]


def calls(folder: Path) -> list[tuple[Any, ...]]:
    there = [event for event in read_events(folder / "events.jsonl") if event["kind"] == "call"]
    return [(call["role"], call["step"], call["section"], call["sent_hash"]) for call in there]


@pytest.mark.slow
def test_killed_in_every_node_an_autonomous_run_pays_for_each_call_once(tmp_path):
    path = [action("outline"), action("draft", "s1"), action("review", "s1"), action("refine", "s1"),
            action("review", "s1"), action("finish")]  # fmt: skip
    writer = Writer(1, planner=lambda _, nth, __: path[nth], reviewer=lambda _, nth, __: review(9 if nth else 5))
    out = str(tmp_path / "run")
    with WriterServer(writer) as model:
        nodes = ("begin", "plan", "outline", "draft", "review", "refine", "finish")
        killed(everywhere(*nodes), out=out, model="openai:loopback", base_url=model.url)
        result = write(out=out, resume=True)
        again = write(out=out, resume=True)
    assert (result["end"], result["step"]) == ("finished", 6)
    assert Counter(writer.asked) == Counter(
        {("planner", None): 6, ("outliner", None): 1, ("drafter", "s1"): 1, ("reviewer", "s1"): 2, ("refiner", "s1"): 1}
    )
    assert result["spent"]["calls"] == len(writer.asked)
    assert again["article"] == result["article"]
    assert (Path(out) / "article.md").read_text() == result["article"]


@pytest.mark.slow
def test_killed_side_by_side_with_a_person_and_a_seam_no_finished_call_is_made_again(tmp_path):
    repeated = prose("oranges", words=120)
    writer = Writer(
        4,
        drafter=lambda section, *_: text_of(repeated if section in {"s2", "s4"} else prose(str(section))),
        reviewer=lambda section, _, text: review(6 if section == "s1" and "Now" not in text else 9),
    )
    kills = [
        {"node": "approve", "when": "before"},
        {"node": "approve", "when": "after", "nth": 2},  # the first time it asks and is left
        *({"node": "draft", "when": "kept", "nth": nth} for nth in (1, 2)),
        {"node": "draft", "when": "after"},
        {"node": "review", "when": "kept", "nth": 3},
        {"node": "refine", "when": "kept"},
        *everywhere("seam"),
        {"node": "refine", "when": "after"},
        {"node": "finish", "when": "after"},
    ]
    out = tmp_path / "run"
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "fixed", "at_once": 2}
        killed(kills, out=str(out), approve=["outline"], **options)
        result = write(out=out, resume=True, answer=lambda _: True)
    assert result["end"] == "finished"
    kept = calls(out)
    assert len(kept) == len(set(kept)) == result["spent"]["calls"]
    assert Counter(call[0] for call in kept) == {"outliner": 1, "drafter": 4, "reviewer": 6, "refiner": 2}
    in_flight = len(writer.asked) - len(kept)  # asked by a process that died before the answer came: one beside each
    assert 0 <= in_flight <= len(kills)
    derived = state_of(read_events(out / "events.jsonl"))
    assert (derived["sections"], derived["step"]) == (result["sections"], result["step"])


@pytest.mark.slow
def test_a_run_whose_checkpoints_are_lost_goes_on_from_its_event_log_alone(tmp_path):
    writer = Writer(2)
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "fixed"}
        whole = write("Of harbours.", out=tmp_path / "whole", **options)
        lines = (tmp_path / "whole" / "events.jsonl").read_text().splitlines(keepends=True)
        asked = len(writer.asked)
        for count in range(1, len(lines)):
            fork(tmp_path / "whole", 0, tmp_path / str(count))  # its events are then cut where a kill may cut them
            (tmp_path / str(count) / "events.jsonl").write_text("".join(lines[:count]) + lines[count][:20])
            result = write(out=tmp_path / str(count), resume=True)
            assert result["article"] == whole["article"]
            assert result["step"] == whole["step"]
            there = sum(json.loads(line)["kind"] == "call" for line in lines[:count])
            assert len(writer.asked) - asked == whole["spent"]["calls"] - there
            asked = len(writer.asked)


@pytest.mark.parametrize("step", range(7))
@pytest.mark.slow
def test_a_run_can_be_forked_at_any_step_and_nothing_before_it_is_paid_for_again(tmp_path, step):
    writer = Writer(2)
    options: Any = {"model": "openai:loopback", "protocol": "fixed", "at_once": 1}
    with WriterServer(writer) as model:
        whole = write("Of harbours.", out=tmp_path / "one", base_url=model.url, **options)
        assert whole["step"] == 6
        asked = len(writer.asked)
        fork(tmp_path / "one", step, tmp_path / "two")
        forked = write(out=tmp_path / "two", resume=True)
    assert forked["article"] == whole["article"]
    assert len(writer.asked) - asked == max(0, 5 - step)
    assert forked["spent"]["calls"] == 5
    assert read_events(tmp_path / "one" / "events.jsonl")[-1]["kind"] == "end"


def test_a_fork_may_go_another_way_with_other_settings(tmp_path):
    writer = Writer(2)
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "fixed", "at_once": 1}
        write("Of harbours.", out=tmp_path / "one", **options)
        fork(tmp_path / "one", 3, tmp_path / "two")
        writer.answers["reviewer"] = lambda *_: review(7)
        forked = write(out=tmp_path / "two", resume=True, tau=6.5)
    assert [forked["sections"][name]["scores"] for name in ("s1", "s2")] == [[9], [7]]
    assert forked["end"] == "finished"
    with pytest.raises(InputError, match="has steps 0 to 6"):
        fork(tmp_path / "one", 7, tmp_path / "three")
    with pytest.raises(InputError, match="holds another run"):
        fork(tmp_path / "one", 3, tmp_path / "two")


def test_a_run_that_failed_goes_on_where_it_was_once_its_cause_is_gone(tmp_path):
    writer = Writer(3, drafter=lambda *_: "no tags at all")
    usual = Writer(3).answers["drafter"]
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "fixed", "at_once": 1}
        failed = write("Of harbours.", out=tmp_path / "run", **options)
        assert failed["end"] == "failed:broken_reply"
        assert not (tmp_path / "run" / "article.md").exists()
        writer.answers["drafter"] = usual
        result = write(out=tmp_path / "run", resume=True)
    assert result["end"] == "finished"
    assert writer.count("outliner") == 1
    assert state_of(read_events(tmp_path / "run" / "events.jsonl"))["end"] == "finished"


def test_a_run_that_used_up_its_tokens_goes_on_with_more(tmp_path):
    writer = Writer(3)
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "fixed"}
        short = write("Of harbours.", out=tmp_path / "run", max_tokens=1_500, **options)
        assert short["end"] == "token_budget"
        result = write(out=tmp_path / "run", resume=True, max_tokens=1_000_000)
    assert result["end"] == "finished"
    assert len(writer.asked) == 7


def test_a_folder_that_holds_a_run_is_not_begun_again_and_one_that_holds_none_is_not_resumed(tmp_path):
    writer = Writer(1, outliner=lambda *_: outline(1))
    with WriterServer(writer) as model:
        options: Any = {"model": "openai:loopback", "base_url": model.url, "protocol": "no_review"}
        write("Of harbours.", out=tmp_path / "run", **options)
        with pytest.raises(InputError, match=r"holds another run \(run.json\); resume that one"):
            write("Of ships.", out=tmp_path / "run", **options)
        with pytest.raises(InputError, match="has its brief and its outline already"):
            write("Of ships.", out=tmp_path / "run", resume=True)
        with pytest.raises(InputError, match=r"protocol 'fixed': the run .* is of protocol 'no_review'"):
            write(out=tmp_path / "run", resume=True, protocol="fixed")
    with pytest.raises(InputError, match=r"holds no run to resume: there is no run.json"):
        write(out=tmp_path / "nothing", resume=True)
    with pytest.raises(InputError, match="no setting 'protocoll'; did you mean 'protocol'"):
        write("Of ships.", out=tmp_path / "new", protocoll="fixed")
    assert not (tmp_path / "new").exists()
    assert len(writer.asked) == 2

"""RAVEL's runs as training data: prompts as they were sent, what stood, what was rejected, what is left out."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from loopback_model import CassetteServer
from ravel_world import SUBJECTS, Writer, action, in_turn, prose, review
from test_ravel_recorded import COBBLER, LIBRARY

from ravelar.agents.ravel.languages import ROLES
from ravelar.agents.ravel.outliner import Outline
from ravelar.agents.ravel.prose import Draft, Refined, read_prose
from ravelar.agents.ravel.reviewer import Review, check_review
from ravelar.graphs.ravel import build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.chat.retrying import NO_RETRIES
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.actions import Action
from ravelar.tools.writing.events import EventLog
from ravelar.training.writing_data.asked import prompted_in
from ravelar.training.writing_data.export import rows_in
from ravelar.training.writing_data.rows import Left, preference_rows, sft_rows
from ravelar.writing import write

CASSETTES = Path(__file__).resolve().parents[2] / "cassettes"
Events = list[dict[str, Any]]


def sent_and_written(name: str, brief: dict[str, Any]) -> tuple[list[str], Events]:
    """Replay an article; return every first message that went over the wire, and the run's events."""
    with CassetteServer(CASSETTES / f"{name}.jsonl") as server:
        events = write(model="openai:replay", base_url=server.url, **brief)["events"]
    lines = [json.loads(line) for line in (CASSETTES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
    return [entry["request"]["messages"] for entry in lines], events


@pytest.fixture(scope="module", params=["ravel_library_en", "ravel_cobbler_zh"])
def article(request: pytest.FixtureRequest) -> tuple[list[Any], Events]:
    return sent_and_written(request.param, LIBRARY if request.param.endswith("en") else COBBLER)


def scripted(writer: Writer, **settings: Any) -> Events:
    """Run the graph over scripted replies; return its events."""
    log = EventLog()
    parts = Parts(chat=ScriptedChat(writer), retries=NO_RETRIES, log=log)
    build_ravel(parts=parts).invoke({"brief": {"instruction": "Harbours."}}, context=RavelContext(**settings))
    return log.events


def events_of(kind: str, events: Events) -> Events:
    return [event for event in events if event["kind"] == kind]


def twice_refined() -> Writer:
    """Return a writer whose first section gets 4, 6 and 9, and whose second one gets 9."""
    scores = iter((4, 6, 9, 9))
    return Writer(2, reviewer=lambda *_: review(next(scores)))


@pytest.mark.slow
def test_every_prompt_is_the_one_that_went_over_the_wire(article: tuple[list[Any], Events]) -> None:
    sent, events = article
    asked = list(prompted_in(events))
    assert len(asked) == len(events_of("call", events)) - sum(event["repair"] for event in events_of("call", events))
    for one in asked:
        assert one.rendered is not None, (one.role, one.step)
        wanted = [("system", one.rendered.system), ("user", one.rendered.user)]
        assert any([(m["role"], m["content"]) for m in messages[:2]] == wanted for messages in sent)


@pytest.mark.slow
def test_what_stood_is_written_as_the_prompt_asks_and_reads_back(article: tuple[list[Any], Events]) -> None:
    _, events = article
    readers = {
        "planner": Action.model_validate_json,
        "outliner": Outline.model_validate_json,
        "drafter": lambda text: read_prose(text, Draft),
        "refiner": lambda text: read_prose(text, Refined),
        "reviewer": lambda text: check_review(Review.model_validate_json(text)),
    }
    rows = list(sft_rows(events))
    assert Counter(row["role"] for row in rows) == {
        "planner": 14,
        "reviewer": 6,
        "drafter": 2,
        "refiner": 2,
        "outliner": 1,
    }
    for row in rows:
        (said,) = row["completion"]
        readers[row["role"]](said["content"])
        assert said["role"] == "assistant"
    texts = [event["content"] for event in events if event["kind"] == "text"]
    kept = [read_prose(row["completion"][0]["content"], Draft).content for row in rows if row["role"] == "drafter"]
    assert all(content in texts for content in kept)


@pytest.mark.slow
def test_a_pair_is_an_accepted_text_beside_one_that_was_not_under_the_first_drafts_prompt(
    article: tuple[list[Any], Events],
) -> None:
    _, events = article
    rows = list(preference_rows(events))
    scores = {row["section"]: (row["chosen_score"], row["rejected_score"]) for row in rows}
    assert scores in ({"s2": (9.0, 4.0), "s4": (9.0, 7.5)}, {"s2": (9.0, 5.0), "s4": (9.2, 7.0)})
    for row in rows:
        (asked,) = [a for a in prompted_in(events) if (a.role, a.section) == ("drafter", row["section"])]
        assert row["prompt"][1]["content"] == asked.rendered.user  # type: ignore[union-attr]
        assert row["chosen"] != row["rejected"]
        for side in ("chosen", "rejected"):
            read_prose(row[side][0]["content"], Draft)


def test_every_earlier_text_of_a_section_makes_a_pair() -> None:
    rows = list(preference_rows(scripted(twice_refined(), protocol="fixed", at_once=1)))
    assert [(row["chosen_score"], row["rejected_score"]) for row in rows] == [(9.0, 4.0), (9.0, 6.0)]
    assert [row["rejected_operation"] for row in rows] == ["draft", "refine"]
    assert "<changes>" not in rows[0]["chosen"][0]["content"]


def test_a_gain_that_is_asked_for_is_kept_to() -> None:
    left = Left()
    rows = list(preference_rows(scripted(twice_refined(), protocol="fixed", at_once=1), left, least_gain=4))
    assert [row["rejected_score"] for row in rows] == [4.0]
    assert left.why["a text whose score is not lower by enough"] == 1


def test_texts_that_nobody_reviewed_make_no_rows() -> None:
    left = Left()
    events = scripted(Writer(2), protocol="no_review")
    assert [row["role"] for row in sft_rows(events, left=left)] == ["outliner"]
    assert left.why == {"a text that its review did not accept, or that nobody reviewed": 2}
    assert list(preference_rows(events)) == []


def test_a_run_that_did_not_finish_gives_only_texts_that_were_accepted() -> None:
    events = scripted(twice_refined(), protocol="fixed", at_once=1, max_steps=8)
    assert events[-1]["end"] == "step_budget"
    left = Left()
    assert {row["role"] for row in sft_rows(events, left=left)} == {"refiner"}
    assert left.why["a decision of a run that did not finish"] > 0
    assert len(list(preference_rows(events))) == 2


def test_sections_side_by_side_are_shown_what_there_was_before_all_of_them() -> None:
    events = scripted(Writer(6), protocol="fixed", at_once=6)
    drafts = {event["step"] for event in events if event["kind"] == "step" and event["operation"] == "draft"}

    def place(event: dict[str, Any]) -> tuple[int, int]:
        step = event.get("step") or 0
        return (1, -step) if step in drafts else (0 if step <= 1 and event["kind"] != "end" else 2, 0)

    events.sort(key=place)  # as if each thread had written all of its events before that of the section before it began
    assert [event["step"] for event in events if event["kind"] == "text"] == sorted(drafts, reverse=True)
    for n, event in enumerate(events, 1):
        event["n"] = n
    assert all(asked.rendered is not None for asked in prompted_in(events))
    assert sum(row["role"] == "drafter" for row in sft_rows(events)) == 6


def test_a_prompt_that_is_not_the_one_of_then_is_left_out_and_counted() -> None:
    events = scripted(Writer(2), protocol="fixed", at_once=1)
    for event in events:
        if event["kind"] == "call" and event["role"] == "drafter":
            event["prompt_hash"] = "0" * 16
    left = Left()
    assert "drafter" not in {row["role"] for row in sft_rows(events, left=left)}
    assert left.why == {"a prompt that today's prompt files do not give again": 2}


def test_a_refusal_is_told_again_after_a_decision_that_could_not_be_read() -> None:
    said = [action("outline"), action("review", "s1"), "no decision", "nor this", *in_turn(2)[1:]]
    events = scripted(Writer(2, planner=lambda _, nth, __: said[nth]))
    assert events[-1]["end"] == "finished"
    assert [event["operation"] for event in events_of("gave_up", events)] == ["plan"]
    asked = [one for one in prompted_in(events) if one.role == "planner"]
    assert all(one.rendered is not None for one in asked)
    assert [one.step for one in asked if "was refused: s1 was never" in one.rendered.user] == [3, 4]  # type: ignore[union-attr]
    assert [row["step"] for row in sft_rows(events, roles=("planner",))] == [1, 4, 5, 6, 7, 8]


def test_structured_output_is_exported_as_the_json_it_was_asked_for() -> None:
    def as_json(section: str | None, *_: Any) -> str:
        return json.dumps({"content": prose(SUBJECTS[int((section or "s1")[1:]) - 1]), "summary": "It tells."})

    events = scripted(Writer(2, drafter=as_json), protocol="fixed", at_once=1, structured_output="json_mode")
    rows = list(sft_rows(events, roles=("drafter",)))
    assert len(rows) == 2
    assert all(Draft.model_validate_json(row["completion"][0]["content"]) for row in rows)
    assert all(
        "One JSON object" in row["prompt"][1]["content"] or "JSON" in row["prompt"][1]["content"] for row in rows
    )


def test_what_a_person_wrote_is_no_models_completion() -> None:
    events = scripted(twice_refined(), protocol="fixed", at_once=1)
    for event in events:
        if event["kind"] == "text" and event["section"] == "s1":
            event["operation"] = "edit"
    assert {row["section"] for row in sft_rows(events, roles=("drafter", "refiner"))} == {"s2"}
    assert [row["chosen_operation"] for row in preference_rows(events)] == ["edit", "edit"]


def test_roles_are_chosen_and_wrong_ones_are_told() -> None:
    events = scripted(Writer(2))
    assert {row["role"] for row in sft_rows(events, roles=("planner",))} == {"planner"}
    assert {row["role"] for row in rows_in(events, "sft")} <= set(ROLES)
    with pytest.raises(UnknownName, match="no role 'writer'"):
        list(rows_in(events, "sft", roles=("writer",)))
    with pytest.raises(UnknownName, match="no kind of data 'dpo'"):
        list(rows_in(events, "dpo"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no event of kind run"):
        list(sft_rows(events[1:]))

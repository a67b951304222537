"""The state of a run, derived from its event log: by the same transitions that made it."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.tools.writing.actions import limits_of
from ravelar.tools.writing.events import spent_of
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import StepRecord, WritingState, last_steps, new_state
from ravelar.tools.writing.transitions import reopened, with_review, with_text

_LONGEST_RESULT = 300


def run_of(events: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the event that says what run it is.

    Raises: InputError: if there is none.
    """
    for event in events:
        if event["kind"] == "run":
            return event
    raise InputError("the event log does not say what run it is of: it holds no event of kind run")


def limits_in(run: Mapping[str, Any]) -> Limits:
    """Return the limits that a run had, as its protocol has them.

    Raises: InputError: if they are none of ours.
    """
    known = {field.name for field in dataclasses.fields(Limits)}
    return limits_of(run["protocol"], Limits(**{name: value for name, value in run["limits"].items() if name in known}))


def state_of(events: Iterable[Mapping[str, Any]]) -> WritingState:
    """Return the state after the events of a run.

    Raises: InputError: if the log does not say what run it is of.
    """
    there = list(events)
    run = run_of(there)
    limits = limits_in(run)
    state = new_state(run["brief"], run["protocol"])
    for event in there:
        _apply(state, event, limits)
    state["spent"] = spent_of(there)
    return state


def result_of(
    section: Mapping[str, Any] | None, operation: str, *, refused: str | None = None, failed: str | None = None
) -> str:
    """Return what came of a step, in the words of its record."""
    if refused is not None:
        return f"refused: {refused}"[:_LONGEST_RESULT]
    if failed is not None:
        return f"failed: {failed}"[:_LONGEST_RESULT]
    if section is not None and operation == "review":
        return f"score {section['score']:g}, {section['status']}"
    return section["status"] if section is not None else "done"


def _apply(state: WritingState, event: Mapping[str, Any], limits: Limits) -> None:
    kind = event["kind"]
    if kind == "step":
        state["step"] = max(state["step"], event["step"])
        state["refused"] += event["refused"] is not None
        record = _record(event, result_of(None, event["operation"], refused=event["refused"]))
        state["recent"] = last_steps(state["recent"], [record])
    elif kind == "gave_up":
        _tell(state, event["step"], result_of(None, event["operation"], failed=event["message"]))
    elif kind == "outline":
        state["title"] = event["title"]
        state["order"] = [section["id"] for section in event["sections"]]
        state["sections"] = {section["id"]: section for section in event["sections"]}
    elif kind in {"text", "review", "reopened"}:
        _change(state, event, limits)
    elif kind == "end":
        state["end"], state["because"] = event["end"], event["because"]
    elif kind == "resumed":
        state["end"] = state["because"] = ""


def _change(state: WritingState, event: Mapping[str, Any], limits: Limits) -> None:
    name = event["section"]
    section = state["sections"][name]
    if event["kind"] == "text":
        changed = with_text(section, event["content"], event["summary"], event.get("findings", ()))
    elif event["kind"] == "review":
        changed = with_review(section, event["score"], event["feedback"], limits, event.get("findings"))
        changed["status"] = event["status"]  # a section that was refined for a seam has no revisions left
        changed["status"] = event.get("status", changed["status"])  # after a seam there is no other revision
    else:
        changed = reopened(section, event["feedback"])
    state["sections"] = {**state["sections"], name: changed}
    operation = event.get("operation", event["kind"])
    _tell(state, event["step"], result_of(changed, operation))


def _tell(state: WritingState, step: int, result: str) -> None:
    """Say what came of a step that is among the recent ones."""
    state["recent"] = [{**record, "result": result} if record["step"] == step else record for record in state["recent"]]


def _record(event: Mapping[str, Any], result: str) -> StepRecord:
    return StepRecord(step=event["step"], operation=event["operation"], section=event["section"], result=result)

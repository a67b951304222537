r"""From a run's events to rows for TRL: `prompt` and `completion` of accepted steps, or `prompt`, `chosen`, `rejected`.

SFT, a row for each decision that stood:

    planner            a step that was not refused, of a run that finished
    outliner           the outline of a run that finished
    drafter, refiner   a text that its review accepted
    reviewer           a review of a run that finished

Preference, a row for each pair of texts of one section: the accepted one, and an earlier one that was reviewed and has
a lower score, under the prompt that the section was first drafted by. Completions are written as the prompt asks for
them, without the talk, fences and repair turns of the replies they come from. All of it stands in the run's own log,
which has no reference in it.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ravelar.agents.ravel.languages import ROLES
from ravelar.agents.ravel.outliner import Outline
from ravelar.agents.reading import read_object, visible
from ravelar.tools.writing.events import Event
from ravelar.tools.writing.gate import has_finished
from ravelar.tools.writing.replay import run_of, state_of
from ravelar.training.writing_data.asked import Prompted, prompted_in

Row = dict[str, Any]

WRITERS = ("drafter", "refiner")


@dataclass(slots=True)
class Left:
    """What was left out, and why.

    Attributes:
        why: How often, by reason.
    """

    why: Counter[str] = field(default_factory=Counter)

    def out(self, reason: str, times: int = 1) -> None:
        """Count what is left out."""
        self.why[reason] += times


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text of a section, with the review of it.

    Attributes:
        section: The section's id.
        step: The step that made it.
        operation: "draft", "refine" or "edit" (a person's).
        parts: content, summary, and of a refinement changes, in the order in which they are asked for.
        score: Of its review; None if there is none.
        status: What the gate made of that; "" without a review.
    """

    section: str
    step: int
    operation: str
    parts: Mapping[str, str]
    score: float | None
    status: str


def sft_rows(events: Sequence[Event], roles: Collection[str] = ROLES, left: Left | None = None) -> Iterator[Row]:
    """Yield the rows of one run for supervised training, in the order of its steps.

    Args:
        events: The run's events.
        roles: Whose decisions.
        left: Counts what is left out.

    Raises: InputError: if the log does not say what run it is of.
    """
    gone = left or Left()
    finished = has_finished(state_of(events)["end"])
    kept = _completions(events)
    for asked in prompted_in(events):
        if asked.role not in roles:
            continue
        if asked.role not in WRITERS and not finished:
            gone.out("a decision of a run that did not finish")
        elif (found := kept.get((asked.role, asked.step, asked.section))) is None:
            gone.out(_NOT_KEPT[asked.role])
        elif asked.rendered is None:
            gone.out(STALE)
        else:
            said, more = found
            yield {**_told(events, asked), **_messages(asked, completion=_completion(said, asked)), **more}


def preference_rows(events: Sequence[Event], left: Left | None = None, *, least_gain: float = 0.0) -> Iterator[Row]:
    """Yield the rows of one run for preference training: `prompt`, `chosen`, `rejected`, both scores.

    Args:
        events: The run's events.
        left: Counts what is left out.
        least_gain: By how much the accepted text's score must be above the other one's.

    Raises: InputError: if the log does not say what run it is of.
    """
    gone = left or Left()
    drafted = {asked.section: asked for asked in reversed(list(prompted_in(events))) if asked.role == "drafter"}
    by_section: dict[str, list[WrittenText]] = {}
    for text in texts_of(events):
        by_section.setdefault(text.section, []).append(text)
    for section, texts in by_section.items():
        asked = drafted.get(section)
        if asked is None or asked.rendered is None:
            gone.out(STALE if asked else "a section that no model drafted")
            continue
        for chosen, rejected in _pairs(texts, gone, least_gain):
            yield {**_told(events, asked), **_compared(asked, chosen, rejected)}


STALE = "a prompt that today's prompt files do not give again"
_NOT_KEPT = {
    "planner": "a step that was refused or came to nothing",
    "outliner": "an outline that came to nothing",
    "drafter": "a text that its review did not accept, or that nobody reviewed",
    "refiner": "a text that its review did not accept, or that nobody reviewed",
    "reviewer": "a review that came to nothing",
}


def texts_of(events: Sequence[Event]) -> list[WrittenText]:
    """Return the texts of a run in order, each with its review."""
    found: list[WrittenText] = []
    for i, event in enumerate(events):
        if event["kind"] == "text":
            names = ("changes", "content", "summary") if event["operation"] == "refine" else ("content", "summary")
            parts = {name: event.get(name, "") for name in names}
            score, status = _reviewed(events[i + 1 :], event["section"])
            found.append(WrittenText(event["section"], event["step"], event["operation"], parts, score, status))
    return found


def _reviewed(following: Sequence[Event], section: str) -> tuple[float | None, str]:
    """Return score and status that a text got before there was another one."""
    for event in following:
        if event.get("section") == section and event["kind"] in {"text", "review"}:
            return (event["score"], event["status"]) if event["kind"] == "review" else (None, "")
    return None, ""


def _completions(events: Sequence[Event]) -> dict[tuple[str, int, str | None], tuple[Any, Row]]:
    """Return what stood, by (role, step, section), each with further columns of its row."""
    kept: dict[tuple[str, int, str | None], tuple[Any, Row]] = {}
    failed = {event["step"] for event in events if event["kind"] == "gave_up"}
    for event in events:
        if event["kind"] == "step" and event["refused"] is None and event["step"] not in failed:
            said = {name: event[name] for name in ("thought", "operation", "section")}
            kept["planner", event["step"], None] = said, {}
        elif event["kind"] == "outline" and event.get("operation") != "edit":
            kept["outliner", event["step"], None] = None, {}
        elif event["kind"] == "review":
            said = {**event["verdicts"], "feedback": event["feedback"], "score": event["score"]}
            kept["reviewer", event["step"], event["section"]] = said, {"score": event["score"]}
    for text in texts_of(events):
        if text.status == "accepted" and text.operation != "edit":
            role = "refiner" if text.operation == "refine" else "drafter"
            kept[role, text.step, text.section] = text.parts, {"score": text.score}
    return kept


def _completion(said: Any, asked: Prompted) -> str:
    """Return what stood, in the form in which it was asked for."""
    if asked.role in WRITERS:
        return _in_form(said, asked)
    return _as_json(_outline_said(asked) if asked.role == "outliner" else said)


def _outline_said(asked: Prompted) -> Mapping[str, Any]:
    """Return the outline as it was said: the log's own has lengths that were made to add up."""
    calls = asked.said.get("tool_calls") or []
    outline = Outline.model_validate(calls[0]["args"]) if calls else read_object(visible(asked.said["text"]), Outline)
    return outline.model_dump()


def _pairs(texts: Sequence[WrittenText], gone: Left, least_gain: float) -> Iterator[tuple[WrittenText, WrittenText]]:
    """Yield (accepted, not accepted) texts of one section: the last accepted one, and each before it."""
    at = next((i for i in reversed(range(len(texts))) if texts[i].status == "accepted"), None)
    if at is None or at == 0:
        gone.out("a section of which no text was accepted" if at is None else "a section whose first text was accepted")
        return
    chosen = texts[at]
    for text in texts[:at]:
        if text.score is None or chosen.score is None:
            gone.out("a text that nobody reviewed")
        elif text.status == "accepted":
            gone.out("a text that was accepted as well, and sent back later")
        elif chosen.score - text.score < least_gain:
            gone.out("a text whose score is not lower by enough")
        else:
            yield chosen, text


def _compared(asked: Prompted, chosen: WrittenText, rejected: WrittenText) -> Row:
    """Return the columns of a pair."""
    sides = {name: _in_form(_drafted(text), asked) for name, text in (("chosen", chosen), ("rejected", rejected))}
    scores = {"chosen_score": chosen.score, "rejected_score": rejected.score}
    made = {"chosen_operation": chosen.operation, "rejected_operation": rejected.operation}
    return {**_messages(asked, **sides), **scores, **made}


def _drafted(text: WrittenText) -> dict[str, str]:
    """Return a text as a drafter would say it, who changes nothing."""
    return {name: text.parts[name] for name in ("content", "summary")}


def _told(events: Sequence[Event], asked: Prompted) -> Row:
    """Return the columns that say where a row comes from."""
    run = run_of(events)
    return {
        "run": run["run"],
        "role": asked.role,
        "step": asked.step,
        "section": asked.section,
        "language": run["brief"]["language"],
        "model": asked.model,
        "replay": bool(run.get("replay")),
        "prompt_hash": asked.rendered.digest if asked.rendered else "",
    }


def _messages(asked: Prompted, **said: str) -> Row:
    """Return TRL's conversational columns."""
    assert asked.rendered is not None, "those without were left out"
    system = [{"role": "system", "content": asked.rendered.system}] if asked.rendered.system else []
    sides = {name: [{"role": "assistant", "content": text}] for name, text in said.items()}
    return {"prompt": [*system, {"role": "user", "content": asked.rendered.user}], **sides}


def _in_form(parts: Mapping[str, str], asked: Prompted) -> str:
    if not asked.in_tags:
        return _as_json(parts)
    return "\n".join(f"<{name}>\n{text}\n</{name}>" for name, text in parts.items())


def _as_json(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False)

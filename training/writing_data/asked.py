"""The prompts of a run, made again from its event log, and proven by the hashes that the log kept of them.

    events before a step -> state (tools.writing.replay) -> the agent's own prompt -> same hash as then? -> Prompted

The log holds no prompts, only their hashes. A prompt that does not come out the same (the prompt files have changed, or
the log was edited) is not guessed: it is left out, and counted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.agents.asking import Method
from ravelar.agents.prompts import Rendered, load_prompt
from ravelar.agents.ravel.languages import prompt_of
from ravelar.agents.ravel.outliner import outliner_values
from ravelar.agents.ravel.planner import planner_values
from ravelar.agents.ravel.prose import prose_values
from ravelar.agents.ravel.refiner import refiner_values
from ravelar.agents.ravel.reviewer import reviewer_values
from ravelar.tools.writing.detectors import findings_of
from ravelar.tools.writing.events import Event
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.replay import limits_in, run_of, state_of
from ravelar.tools.writing.state import WritingState

_FORMS: tuple[Method, ...] = ("text", "json_schema")  # all but "text" ask for one JSON object in the same words


@dataclass(frozen=True, slots=True)
class Prompted:
    """A decision that was asked for.

    Attributes:
        role: Who was asked, such as "drafter".
        step: For which step.
        section: Of which section; None for planner and outliner.
        model: What the model calls itself.
        rendered: The prompt as it was sent; None if it does not come out the same today.
        said: The last reply, after a repair turn if there was one.
        in_tags: Whether prose was asked for between tags; else as JSON.
    """

    role: str
    step: int
    section: str | None
    model: str
    rendered: Rendered | None
    said: Mapping[str, Any]
    in_tags: bool = True


def prompted_in(events: Sequence[Event]) -> Iterator[Prompted]:
    """Yield the decisions that a run asked for, in order; a repair turn is none of its own.

    Raises: InputError: if the log does not say what run it is of.
    """
    limits = limits_in(run_of(events))
    begun = _begun(events)
    calls: dict[tuple[str, int, str | None], list[Event]] = {}
    for event in events:
        if event["kind"] == "call":
            group = calls.setdefault((event["role"], event["step"], event["section"]), [])
            if group and group[0]["prompt_hash"] != event["prompt_hash"]:
                group.clear()  # a resumed run asked anew
            group.append(event)
    for (role, step, section), said in calls.items():
        until = said[0]["n"] if role == "planner" else begun.get(step, said[0]["n"])
        before = [event for event in events if event["n"] < until]
        rendered, in_tags = _rendered(role, section, before, limits, said[0]["prompt_hash"])
        yield Prompted(role, step, section, said[0]["model"], rendered, said[-1]["said"], in_tags)


def _begun(events: Sequence[Event]) -> dict[int, int]:
    """Return, by step, the number of the first event of all steps that were decided together with it.

    What is decided side by side is written down in any order, and each is shown what there was before all of them.
    """
    firsts = {event["step"]: event.get("first") or event["step"] for event in events if event["kind"] == "step"}
    numbers: dict[int, int] = {}
    for event in events:
        if event["kind"] == "step":
            numbers.setdefault(firsts[event["step"]], event["n"])
    return {step: numbers[first] for step, first in firsts.items()}


def _rendered(
    role: str, section: str | None, before: Sequence[Event], limits: Limits, wanted: str
) -> tuple[Rendered | None, bool]:
    """Return the prompt whose hash is wanted, and whether it asks for tags; None if today's files do not give it."""
    state, refusal = state_of(before), _told(before)
    prompt = load_prompt(prompt_of(state["brief"]["language"], role))
    for form in _FORMS:
        values = _values_of(role)(_Seen(state, section or "", limits, form, refusal))
        if (rendered := prompt.fill(values)).digest == wanted:
            return rendered, form == "text"
    return None, True


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a prompt is made from."""

    state: WritingState
    section: str
    limits: Limits
    form: Method
    refusal: str | None


def _values_of(role: str) -> Callable[[_Seen], dict[str, str]]:
    """Return what fills a role's prompt, by the agents' own functions."""
    return {
        "planner": lambda seen: planner_values(seen.state, seen.limits, refusal=seen.refusal),
        "outliner": lambda seen: outliner_values(seen.state["brief"], seen.limits),
        "drafter": lambda seen: prose_values(seen.state, seen.section, seen.form),
        "refiner": lambda seen: prose_values(
            seen.state, seen.section, seen.form, refiner_values(seen.state["sections"][seen.section])
        ),
        "reviewer": lambda seen: reviewer_values(seen.state, seen.section, _findings(seen)),
    }[role]


def _findings(seen: _Seen) -> list[str]:
    return findings_of(seen.state, seen.section, seen.state["sections"][seen.section]["content"])


def _told(before: Sequence[Event]) -> str | None:
    """Return why the planner's last action was refused, which it is told once."""
    told: str | None = None
    for event in before:
        if event["kind"] == "step" and event["operation"] != "plan":  # a plan that failed tells nobody anything
            told = event["refused"] if told is None else None
    return told

"""The graph's state from an event log alone: for a run that was forked, or whose checkpoints are lost or older."""

from collections.abc import Sequence
from typing import Any

from ravelar.tools.writing.events import Event
from ravelar.tools.writing.replay import run_of, state_of

_OUTCOMES = frozenset({"outline", "text", "review", "gave_up"})


def restored(events: Sequence[Event]) -> dict[str, Any]:
    """Return the state in which the first step that came to no outcome was decided, or the state after the last one.

    From there everything is decided again as it was, step by step under the same numbers, and what was said to it is
    found in the log: no finished call is made twice.

    Raises: InputError: if the log does not say what run it is of.
    """
    steps = [event for event in events if event["kind"] == "step"]
    done = {event["step"] for event in events if event["kind"] in _OUTCOMES}
    done |= {event["step"] for event in steps if event["refused"] is not None}
    undone = [int(event.get("first") or event["step"]) for event in steps if event["step"] not in done]
    cut = min(undone, default=len(steps) + 1)
    last = max((event["step"] for event in steps if event["step"] < cut), default=0)
    kept = [event for event in events if _before(event, cut, last)]
    state = state_of(kept)
    reopened = list(dict.fromkeys(event["section"] for event in kept if event["kind"] == "reopened"))
    approved = list(dict.fromkeys(event["what"] for event in kept if event["kind"] == "approved"))
    more = {"run": run_of(events)["run"], "errands": [], "refusal": None, "failures": {}, "article": None}
    return {**state, **more, "seamed": reopened or None, "approved": approved}


def _before(event: Event, cut: int, last: int) -> bool:
    """Say whether an event counts; of a seam pass that no step follows yet, all of it is done again."""
    if event["kind"] == "end" or (event["kind"] == "reopened" and event["step"] >= last):
        return False
    return bool((event.get("step") or 0) < cut)

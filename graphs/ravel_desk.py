"""What is decided to be done next, and what a node that does it is sent: pure functions of the state."""

from collections.abc import Sequence
from typing import cast

from ravelar.graphs.ravel_state import Desk, Errand, RavelContext, RavelState
from ravelar.tools.writing.actions import next_action
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Section, WritingState, in_order

_NOT_SENT = frozenset({"outline", "errands", "article", "approved"})


def next_errands(state: RavelState, context: RavelContext, limits: Limits) -> list[Errand]:
    """Return what code decides to do next: one thing, or one of each open section, as many as steps are left.

    Side by side, each section is asked about as if it stood alone: what is returned depends on nothing but the state.
    A finished text of protocol fixed goes through the seam pass first.
    """
    protocol, step = context.protocol, state.get("step", 0)
    first = next_action(protocol, state, limits)
    if first.operation == "finish" and protocol == "fixed" and state.get("seamed") is None:
        return [Errand(step=step, operation="seam", section=None)]
    if first.section is None or context.at_once == 1:
        return [Errand(step=step + 1, operation=first.operation, section=first.section)]
    alone = [next_action(protocol, _alone(state, section), limits) for section in in_order(state)]
    actions = [action for action in alone if action.section is not None]
    left = limits.steps_for(len(state["order"])) - step
    return [
        Errand(step=number, operation=action.operation, section=action.section)
        for number, action in enumerate(actions[:left], step + 1)
    ]


def desk_of(state: RavelState, errand: Errand) -> Desk:
    """Return the state for one errand: without the other sections' texts, so that checkpoints grow linearly."""
    own = errand["section"]
    kept = {name: value for name, value in state.items() if name not in _NOT_SENT}
    sections = {name: _bare(section) if name != own else section for name, section in state["sections"].items()}
    return cast("Desk", {**kept, "sections": sections, "recent": [], "errand": errand})


def texts_of(sections: Sequence[Section]) -> dict[str, str]:
    """Return the texts that there are, by section."""
    return {section["id"]: section["content"] for section in sections if section["content"]}


def _alone(state: RavelState, section: Section) -> WritingState:
    return {"order": [section["id"]], "sections": {section["id"]: section}}


def _bare(section: Section) -> Section:
    return {**section, "content": "", "feedback": "", "findings": []}

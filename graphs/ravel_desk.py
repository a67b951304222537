"""What code decides to do next, and what a node that does it is sent: pure functions of the state."""

from typing import cast

from ravelar.graphs.ravel_state import Desk, Errand, RavelContext, RavelState
from ravelar.tools.writing.actions import Action, next_action
from ravelar.tools.writing.detectors import findings_of
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Section, WritingState, in_order

_NOT_SENT = frozenset({"outline", "errands", "article", "recent"})
_END = 600  # characters of the text before that go along, for the join


def next_errands(state: RavelState, context: RavelContext, limits: Limits) -> list[Errand]:
    """Return what code decides to do next: one thing, or one for each open section, as many as steps are left.

    Side by side, each section is asked about as if it stood alone: what is returned depends on nothing but the state.
    A finished text of protocol fixed goes through the seam pass first.
    """
    protocol, step = context.protocol, state.get("step", 0)
    first = next_action(protocol, state, limits)
    if first.operation == "finish" and protocol == "fixed" and state.get("seamed") is None:
        return [Errand(step=step, operation="seam", section=None)]
    if first.section is None or context.at_once == 1:
        return [errand_of(state, first, step + 1)]
    alone = [next_action(protocol, _alone(section), limits) for section in in_order(state)]
    actions = [action for action in alone if action.section is not None]
    left = limits.steps_for(len(state["order"])) - step
    errands = [errand_of(state, action, number) for number, action in enumerate(actions[:left], step + 1)]
    return [{**errand, "first": step + 1} for errand in errands]


def errand_of(state: RavelState, action: Action, step: int) -> Errand:
    """Return an action as an errand; a review goes with what a program finds in the text."""
    errand = Errand(step=step, operation=action.operation, section=action.section, thought=action.thought)
    if action.operation == "review" and action.section is not None:
        text = state["sections"][action.section]["content"]
        errand["findings"] = findings_of(state, action.section, text)
    return errand


def desk_of(state: RavelState, errand: Errand) -> Desk:
    """Return the state for one errand: without the other sections' texts, which would be kept once for each section."""
    own = errand["section"]
    kept = {name: value for name, value in state.items() if name not in _NOT_SENT}
    sections = {name: section if name == own else _bare(section) for name, section in state["sections"].items()}
    order = state["order"]
    if own in order[1:]:
        before = order[order.index(own) - 1]
        sections[before]["content"] = state["sections"][before]["content"][-_END:]
    return cast("Desk", {**kept, "sections": sections, "errand": errand})


def _alone(section: Section) -> WritingState:
    return {"order": [section["id"]], "sections": {section["id"]: section}}


def _bare(section: Section) -> Section:
    return {**section, "content": "", "feedback": "", "findings": []}

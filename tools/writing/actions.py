"""What may be done next: an action, why it is refused, and the protocols that need no model to choose one."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from ravelar.tools.writing.gate import is_open
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Operation, ProtocolName, Section, WritingState, in_order

OF_A_SECTION: frozenset[Operation] = frozenset({"draft", "review", "refine"})
_LISTED = 8


class Action(BaseModel):
    """What is to be done next.

    Attributes:
        thought: Why; first, so that a model reasons before it decides.
        operation: What.
        section: Of which section; None for outline and finish.
    """

    model_config = ConfigDict(frozen=True)  # further keys are ignored: they can't do anything

    thought: str = Field(default="", max_length=4_000)
    operation: Operation
    section: str | None = None

    @field_validator("operation", mode="before")
    @classmethod
    def _spelled(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator("section", mode="before")
    @classmethod
    def _bare(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return f"s{value}"
        if not isinstance(value, str):
            return value
        name = value.strip().strip("[]()`'\"").lower()
        return None if name in {"", "null", "none"} else f"s{name}" if name.isdigit() else name


def refusal(action: Action, state: WritingState, limits: Limits) -> str | None:
    """Say why an action can't be done in this state, in words that a model can act on; None if it can."""
    if action.operation == "outline":
        return "there is an outline already" if state.get("order") else None
    if not state.get("order"):
        return f"there is no outline yet: {action.operation} comes after outline"
    if action.operation == "finish":
        return _refuse_finish(state)
    if action.section is None:
        return f"{action.operation} needs a section; there are {_names(state)}"
    section = state["sections"].get(action.section)
    if section is None or action.section not in state["order"]:
        return f"there is no section {action.section!r}; there are {_names(state)}"
    return _refuse(action.operation, section, limits)


def next_fixed(state: WritingState, limits: Limits) -> Action:
    """Return the next action of protocol fixed: the outline, then each section until it is closed, then the end."""
    following: dict[str, Operation] = {"pending": "draft", "drafted": "review", "needs_revision": "refine"}
    return _next(state, following, limits)


def next_no_review(state: WritingState, limits: Limits) -> Action:
    """Return the next action of protocol no_review: the outline, a draft of each section, the end."""
    return _next(state, {"pending": "draft"}, limits)


def next_no_refine(state: WritingState, limits: Limits) -> Action:
    """Return the next action of protocol no_refine: as fixed, without refinements.

    A section below tau is `budget_exhausted` there after its one review: run it with `max_revisions` 0, as
    `limits_of` does.
    """
    return _next(state, {"pending": "draft", "drafted": "review"}, limits)


def next_action(protocol: ProtocolName, state: WritingState, limits: Limits) -> Action:
    """Return the next action of a protocol that needs no model.

    Raises: ValueError: for "autonomous": that one is asked.
    """
    policies = {"fixed": next_fixed, "no_review": next_no_review, "no_refine": next_no_refine}
    if protocol not in policies:
        raise ValueError(f"protocol {protocol!r} asks a model; pure ones: {', '.join(policies)}")
    return policies[protocol](state, limits)


def limits_of(protocol: ProtocolName, limits: Limits) -> Limits:
    """Return the limits as a protocol has them: without refinements there are no revisions."""
    return limits.replace(max_revisions=0) if protocol == "no_refine" else limits


def _next(state: WritingState, following: dict[str, Operation], limits: Limits) -> Action:
    if not state.get("order"):
        return Action(thought="there is no outline yet", operation="outline")
    for section in in_order(state):
        operation = following.get(section["status"])
        if operation is not None:
            return Action(thought=f"{section['id']} is {section['status']}", operation=operation, section=section["id"])
    return Action(thought="no section is open", operation="finish")


def _refuse(operation: Operation, section: Section, limits: Limits) -> str | None:
    name, status = section["id"], section["status"]
    if status in {"accepted", "budget_exhausted"}:
        return f"{name} is closed: {status}"
    if operation == "draft":
        if status == "pending":
            return None
        if status == "drafted":
            return f"{name} has a text that nobody has reviewed: review it"
        return None if section["revisions"] < limits.max_revisions else f"{name} has no revisions left"
    if status == "pending":
        return f"{name} was never drafted: draft it before {operation}"
    if operation == "review":
        return None if status == "drafted" else f"{name} has not changed since its review: refine it"
    return f"{name} was not reviewed since it changed: review it" if status == "drafted" else None


def _refuse_finish(state: WritingState) -> str | None:
    protocol = state.get("protocol", "autonomous")
    still = [f"{s['id']} ({s['status']})" for s in in_order(state) if is_open(s, protocol)]
    if not still:
        return None
    more = f" and {len(still) - _LISTED} more" if len(still) > _LISTED else ""
    return f"sections are still open: {', '.join(still[:_LISTED])}{more}"


def _names(state: WritingState) -> str:
    order = state["order"]
    return order[0] if len(order) == 1 else f"{order[0]} to {order[-1]}"

"""Decide what to do next: which operation, of which section."""

from typing import Unpack

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import Answer, How, ask
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.tools.writing.actions import OF_A_SECTION, Action
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import WritingState
from ravelar.tools.writing.view import planner_brief, policy_view


def decide(
    chat: BaseChatModel, state: WritingState, limits: Limits, *, refusal: str | None = None, **how: Unpack[How]
) -> Answer[Action]:
    """Ask the planner for the next action; whether it can be done is not its to say (`actions.refusal`).

    Args:
        chat: Whom to ask.
        state: The run.
        limits: Its bounds.
        refusal: Why its last action was refused.
        how: How to ask; see `agents.asking.How`.

    Raises:
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    values = planner_values(state, limits, refusal=refusal)
    return ask(chat, prompt_of(state["brief"]["language"], "planner"), values, Action, check=_names_a_section, **how)


def planner_values(state: WritingState, limits: Limits, *, refusal: str | None = None) -> dict[str, str]:
    """Return what the planner is shown; see `decide`."""
    labels = labels_of(state["brief"]["language"])
    return {
        "brief": planner_brief(state["brief"], labels),
        "state": policy_view(state, limits, labels, refusal=refusal),
    }


def _names_a_section(action: Action) -> None:
    if action.operation in OF_A_SECTION and action.section is None:
        raise ValueError(f"{action.operation} needs the id of a section, such as s1")

"""Mend one section as its reviewer asks, and leave the rest of it alone."""

from typing import Unpack

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import Answer, How
from ravelar.agents.ravel.prose import Refined, ask_for_prose
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Section, WritingState
from ravelar.tools.writing.view import feedback_view

_NONE = "-"


def refine(
    chat: BaseChatModel, state: WritingState, section: str, limits: Limits, **how: Unpack[How]
) -> Answer[Refined]:
    """Have a section mended.

    Args:
        chat: Whom to ask.
        state: The run; the section's feedback and findings say what is to be mended.
        section: The section's id.
        limits: How long a text may be.
        how: How to ask; see `agents.asking.How`.

    Raises:
        AgentError: if there is no usable reply, one in another language included; see `agents.asking.ask`.
    """
    more = refiner_values(state["sections"][section])
    return ask_for_prose(chat, "refiner", Refined, state, section, limits, more=more, **how)


def refiner_values(section: Section) -> dict[str, str]:
    """Return what a refiner is shown beside what every writer is: the text, and what was said of it."""
    return {
        "content": section["content"],
        "feedback": feedback_view(section) or _NONE,
        "findings": "\n".join(section["findings"]) or _NONE,
    }

"""Write one section: its text, and a summary of it for those who write the others."""

from typing import Unpack

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import Answer, How
from ravelar.agents.ravel.prose import Draft, ask_for_prose
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import WritingState


def draft(chat: BaseChatModel, state: WritingState, section: str, limits: Limits, **how: Unpack[How]) -> Answer[Draft]:
    """Have a section written.

    Args:
        chat: Whom to ask.
        state: The run.
        section: The section's id.
        limits: How long a text may be.
        how: How to ask; see `agents.asking.How`.

    Raises:
        AgentError: if there is no usable reply, one in another language included; see `agents.asking.ask`.
    """
    return ask_for_prose(chat, "drafter", Draft, state, section, limits, **how)

"""Write one section: its text, and a summary of it for those who write the others."""

from typing import Unpack

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import Answer, How, ask
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.agents.ravel.prose import Draft, answer_form, check_prose, reply_for
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import WritingState
from ravelar.tools.writing.view import neighbours, section_brief, section_view


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
    brief, method = state["brief"], how.get("method", "text")
    language, labels = brief["language"], labels_of(brief["language"])
    values = {
        "brief": section_brief(brief, labels),
        "title": state.get("title", ""),
        "neighbours": neighbours(state, section, labels),
        "section": section_view(state["sections"][section], labels),
        "form": answer_form(language, method),
    }
    reply = reply_for(Draft, state["sections"][section], method)

    def check(written: Draft) -> None:
        check_prose(written, language, limits)

    return ask(chat, prompt_of(language, "drafter"), values, reply, check=check, **how)

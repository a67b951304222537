"""Mend one section as its reviewer asks, and leave the rest of it alone."""

from typing import Unpack

from langchain_core.language_models.chat_models import BaseChatModel

from ravelar.agents.asking import Answer, How, ask
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.agents.ravel.prose import Refined, answer_form, check_prose, reply_for
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import WritingState
from ravelar.tools.writing.view import feedback_view, neighbours, section_brief, section_view

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
    brief, method = state["brief"], how.get("method", "text")
    language, labels = brief["language"], labels_of(brief["language"])
    now = state["sections"][section]
    values = {
        "brief": section_brief(brief, labels),
        "title": state.get("title", ""),
        "neighbours": neighbours(state, section, labels),
        "section": section_view(now, labels),
        "content": now["content"],
        "feedback": feedback_view(now) or _NONE,
        "findings": "\n".join(now["findings"]) or _NONE,
        "form": answer_form(language, method),
    }
    reply = reply_for(Refined, now, method)

    def check(written: Refined) -> None:
        check_prose(written, language, limits)

    return ask(chat, prompt_of(language, "refiner"), values, reply, check=check, **how)

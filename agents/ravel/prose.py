"""Read a reply that holds prose: between tags, where JSON would cost an escape for every quotation mark; or as JSON."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar, Unpack

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Answer, How, Method, ask
from ravelar.agents.prompts import load_prompt, shorten
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.agents.reading import read_object
from ravelar.tools.chat.meter import estimate_tokens
from ravelar.tools.writing.detectors import length_of
from ravelar.tools.writing.languages import wrong_language
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import Language, WritingState
from ravelar.tools.writing.view import neighbours, section_brief, section_view

_AS_JSON = re.compile(r"\{\s*\"\w+\"\s*:")
_LONGEST_SUMMARY = 2_000
_TOO_LONG = 1.5  # ours: of the tokens that a call leaves for a section


class Draft(BaseModel):
    """A section's text.

    Attributes:
        content: The text, without its heading.
        summary: What it says, in a few sentences.
    """

    model_config = ConfigDict(frozen=True)

    content: str = Field(min_length=1)
    summary: str = Field(min_length=1, max_length=_LONGEST_SUMMARY)


class Refined(BaseModel):
    """A section's text, mended.

    Attributes:
        changes: What is changed, and why; first, so that a model reasons before it writes.
        content: The whole text, without its heading.
        summary: What it says, in a few sentences.
    """

    model_config = ConfigDict(frozen=True)

    changes: str = Field(min_length=1, max_length=8_000)
    content: str = Field(min_length=1)
    summary: str = Field(min_length=1, max_length=_LONGEST_SUMMARY)


P = TypeVar("P", Draft, Refined)


def ask_for_prose(  # noqa: PLR0913, PLR0917  what drafter and refiner share
    chat: BaseChatModel,
    role: str,
    model: type[P],
    state: WritingState,
    section: str,
    limits: Limits,
    *,
    more: Mapping[str, str] | None = None,
    **how: Unpack[How],
) -> Answer[P]:
    """Ask for the text of a section, as `role`; `more` fills what its prompt has beside what all are shown.

    Raises:
        AgentError: if there is no usable reply, one in another language included; see `agents.asking.ask`.
    """
    language, method = state["brief"]["language"], how.get("method", "text")
    values = prose_values(state, section, method, more)
    reply = model if method != "text" else partial(read_prose, model=model)
    prompt = prompt_of(language, role)
    answer = ask(chat, prompt, values, reply, check=lambda said: check_prose(said, language, limits), **how)
    return replace(answer, value=without_heading(answer.value, state["sections"][section]["title"]))


def prose_values(
    state: WritingState, section: str, method: Method, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what whoever writes a section is shown; `more` is what a refiner sees beside it."""
    form = answer_form(state["brief"]["language"], method)
    return {**section_values(state, section), **(more or {}), "form": form}


def section_values(state: WritingState, section: str, *, before: int = 2, join: bool = True) -> dict[str, str]:
    """Return what everybody who works on a section is shown: brief, title, neighbours, and the section's plan.

    Args:
        state: The run.
        section: The section's id.
        before: How many of the sections before are shown.
        join: Whether the end of the text before is shown.
    """
    labels = labels_of(state["brief"]["language"])
    return {
        "brief": section_brief(state["brief"], labels),
        "title": state.get("title", ""),
        "neighbours": neighbours(state, section, labels, before=before, join=join),
        "section": section_view(state["sections"][section], labels),
    }


def answer_form(language: Language, method: Method) -> str:
    """Return how the reply is to be written: in tags where it is read out of text, else as an object."""
    return load_prompt(prompt_of(language, "answer_in_tags" if method == "text" else "answer_as_json")).user


def read_prose(text: str, model: type[P]) -> P:
    """Read a reply in tags; one JSON object of the same fields is read as well, since models fall back to it.

    What stands outside the tags is no part of it.

    Raises:
        ValueError: if a part is missing or never ends; says which, and how the reply begins.
    """
    opening, closing = text.find("<content>"), text.rfind("</content>")
    if opening < 0:
        if _AS_JSON.search(text):
            return read_object(text, model)
        raise ValueError(f"there is no <content> in the reply, which begins: {shorten(text.strip(), 120)!r}")
    if closing < opening:
        raise ValueError("<content> is never closed: the text seems to be cut off; write it whole, and shorter")
    parts = {"content": text[opening + len("<content>") : closing].strip()}
    rest = text[:opening] + text[closing + len("</content>") :]
    for name in model.model_fields.keys() - parts.keys():
        found = re.search(rf"<{name}>(.*?)(?:</{name}>|\Z)", rest, re.DOTALL)
        if found is None:
            raise ValueError(f"there is no <{name}> in the reply")
        parts[name] = found[1].strip()
    return model.model_validate(parts)


def check_prose(reply: Draft | Refined, language: Language, limits: Limits) -> None:
    """Check what no reviewer need be asked about.

    Raises: ValueError: if there are no words, the language is another one, or the text is longer than a call can show.
    """
    if not length_of(reply.content[:1_000]):
        raise ValueError("content holds no words")
    tokens = estimate_tokens(reply.content)
    if tokens > _TOO_LONG * limits.text_tokens:
        raise ValueError(f"content has about {tokens:,} tokens; at most {limits.text_tokens:,}: write it shorter")
    if other := wrong_language(reply.content, language):
        raise ValueError(f"content is written in language {other!r}; it must be in {language!r}")


def without_heading(reply: P, title: str) -> P:
    """Take the section's title off the beginning of its text, where it stands as a heading of its own."""
    first, _, rest = reply.content.lstrip().partition("\n")
    heading = first.strip().strip("#*_ ").rstrip(":：").strip()
    if heading.casefold() == title.strip().casefold() and rest.strip():
        return reply.model_copy(update={"content": rest.strip()})
    return reply

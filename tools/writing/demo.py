"""The shipped exchange: a whole article's replies, written beforehand, so that everything works without a key.

A reply is chosen by what is asked (the operation, the section, which text of it), never by what the brief says: it is
a replay, and every surface says so (`tools.writing.prices.FREE` holds the name that its models bear).
"""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ravelar.tools.errors import InputError, UnknownName

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import BaseMessage

PREFIX = "scripted:"
DEMO = "demo"
_SECTION = re.compile(r"^<section>\n(s\d+) (.*)$", re.MULTILINE)
_CONTENT = re.compile(r"^<content>\n(.*?)\n</content>", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^<state>\n(?:.*\n)??[^\n:]{1,20}: (\d+) ", re.MULTILINE)
_HAN = re.compile(r"[\u4e00-\u9fff]")


def demo_chat(model: str) -> "BaseChatModel":
    """Return the chat model of the shipped exchange, by its name.

    Raises: UnknownName: if there is no shipped exchange of that name.
    """
    from ravelar.tools.chat.scripted import ScriptedChat  # noqa: PLC0415  brings langchain

    if model != PREFIX + DEMO:
        raise UnknownName("shipped exchange", model, [PREFIX + DEMO])
    return ScriptedChat(reply_to, model_name=model)


def says_replay(language: str) -> str:
    """Return the sentence by which a replay says that it is one."""
    return str(_exchange("zh" if language == "zh" else "en")["says"])


def reply_to(messages: "Sequence[BaseMessage]") -> str:
    """Return the shipped reply to what is asked.

    Raises: InputError: if the exchange holds none, such as for a section that it never revises.
    """
    asked = str(messages[1].content)
    exchange = _exchange("zh" if len(_HAN.findall(str(messages[0].content))) > 20 else "en")
    if "\n<state>\n" in asked:
        return _decision(exchange, asked)
    section = _SECTION.search(asked)
    if section is None:
        return str(exchange["outline"])
    name, title = section[1], section[2].strip()
    if f'"title": {json.dumps(title, ensure_ascii=False)}' not in exchange["outline"]:
        raise InputError(
            f"the shipped exchange knows no section {title!r}: it holds the article that it outlines itself"
        )
    texts = exchange["texts"].get(name, [])
    shown = _CONTENT.search(asked)
    if shown is None:
        return _at(texts, 0, f"a draft of {name}")
    number = next((i for i, text in enumerate(texts) if shown[1].strip() in text), len(texts))
    if "\n<feedback>\n" in asked:
        return _at(texts, number + 1, f"another text of {name}")
    return _at(exchange["reviews"].get(name, []), number, f"a review of this text of {name}")


def _decision(exchange: Mapping[str, Any], asked: str) -> str:
    step = _STEP.search(asked)
    decisions = [json.dumps(decision, ensure_ascii=False) for decision in exchange["plan"]]
    return _at(decisions, int(step[1]) if step else len(decisions), "a decision after its last one")


def _at(replies: Sequence[str], number: int, what: str) -> str:
    if number >= len(replies):
        raise InputError(
            f"the shipped exchange holds no {what.removeprefix('a ')}: it was made with the default outline and limits"
        )
    return replies[number]


@cache
def _exchange(language: str) -> Mapping[str, Any]:
    text = files("ravelar.tools.writing").joinpath(f"demo_{language}.json").read_text(encoding="utf-8")
    exchange: Mapping[str, Any] = json.loads(text)
    return exchange

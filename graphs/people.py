"""Asking a person: a question that explains itself, asked again until its answer can be used."""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from langgraph.types import interrupt

from ravelar.tools.errors import InputError

T = TypeVar("T")

_YES = frozenset({"yes", "y", "approve", "approved", "true", "ok"})
_NO = frozenset({"no", "n", "refuse", "refused", "reject", "false"})


def ask(question: Mapping[str, Any], read: Callable[[Any], T]) -> T:
    """Interrupt the run until a person's answer can be read; return what was read of it.

    Args:
        question: What is put to the person: `kind`, `question`, `answers` (what may be said, and what it means), and
            what there is to look at. When it is asked again, `problem` says what was wrong with the last answer.
        read: Reads an answer; raises InputError where it can't be used.
    """
    while True:
        answer = interrupt(question)
        try:
            return read(_plain(answer))
        except InputError as error:
            question = {**question, "problem": str(error)}


def answers(*choices: tuple[str, Any]) -> list[dict[str, Any]]:
    """Return what may be answered: each with what it means, and an example to copy."""
    return [{"means": means, "example": example} for means, example in choices]


def _plain(answer: Any) -> Any:
    """Return an answer as a value: a page may send what was typed as text, be it a word or JSON."""
    if not isinstance(answer, str):
        return answer
    word = answer.strip().lower()
    if word in _YES | _NO:
        return word in _YES
    try:
        return json.loads(answer)
    except ValueError:
        return answer

"""The languages there are prompts for: a folder each, beside this file."""

from collections.abc import Mapping
from functools import cache

from ravelar.agents.prompts import load_prompt, prompt_names
from ravelar.tools.errors import UnknownName
from ravelar.tools.writing.state import Language
from ravelar.tools.writing.view import LABELS

ROLES = ("planner", "outliner", "drafter", "reviewer", "refiner")
_FRAGMENTS = ("answer_as_json", "answer_in_tags", "labels")
FRAGMENTS = frozenset(_FRAGMENTS)
"""Files in a language's folder that are parts of prompts, and no prompts."""


@cache
def languages() -> tuple[Language, ...]:
    """Return the codes of the languages whose folders are complete, sorted."""
    names = set(prompt_names())
    codes = sorted({name.split(".")[1] for name in names if name.startswith("ravel.")})
    return tuple(code for code in codes if all(prompt_of(code, part) in names for part in (*ROLES, *_FRAGMENTS)))


def check_language(code: str) -> Language:
    """Return the code if there are prompts for it.

    Raises: UnknownName: if there are none; says which there are.
    """
    if code not in languages():
        raise UnknownName("language of prompts", code, languages())
    return code


def prompt_of(language: Language, part: str) -> str:
    """Return the name of a prompt of a language."""
    return f"ravel.{language}.{part}"


@cache
def labels_of(language: Language) -> Mapping[str, str]:
    """Return the words that stand around data in prompts, by their keys; see `tools.writing.view.LABELS`.

    Raises: ValueError: if the language's file lacks one.
    """
    lines = load_prompt(prompt_of(language, "labels")).user.splitlines()
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value.strip()}
    if missing := LABELS.keys() - said.keys():
        raise ValueError(f"labels of language {language!r} lack {', '.join(sorted(missing))}")
    return said

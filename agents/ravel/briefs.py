"""Read what a caller gives RAVEL, before anything is paid for: a brief, and perhaps an outline."""

from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError

from ravelar.agents.ravel.languages import check_language
from ravelar.agents.ravel.outliner import Outline, check_outline
from ravelar.agents.reading import explain
from ravelar.tools.errors import InputError
from ravelar.tools.writing.limits import BRIEF_BOUNDS, LONGEST_INSTRUCTION, Limits
from ravelar.tools.writing.state import DEFAULT_LANGUAGE, Brief

_TEXTS = ("audience", "genre", "style")
_CLOSE = (0.8, 1.25)  # ours: shares may be rounded, and a heading's words counted or not
_KNOWN = ("instruction", "language", "words", "sections", *_TEXTS)

Planned = list[tuple[str, list[str], int | None]]


def read_brief(given: Any) -> Brief:
    """Return a brief, its language filled in.

    Raises: InputError: if it has no instruction, or a value that can't be; names it, and what is allowed.
    """
    if not isinstance(given, Mapping):
        raise InputError(f"brief {given!r}: allowed: a mapping with an instruction"[:500])
    if unknown := [str(name) for name in given if name not in _KNOWN]:
        raise InputError(f"brief has no {unknown[0]!r}; it has: {', '.join(_KNOWN)}")
    instruction = given.get("instruction")
    if not isinstance(instruction, str) or not instruction.strip():
        raise InputError(f"the brief's instruction is empty: {instruction!r}; say what is to be written")
    if len(instruction) > LONGEST_INSTRUCTION:
        raise InputError(f"the instruction has {len(instruction):,} characters; allowed: {LONGEST_INSTRUCTION:,}")
    brief: dict[str, Any] = {
        "instruction": instruction.strip(),
        "language": check_language(given.get("language") or DEFAULT_LANGUAGE),
    }
    brief |= {
        name: _count(name, given.get(name), most)
        for name, (_least, most) in BRIEF_BOUNDS.items()
        if given.get(name) is not None
    }
    for name in _TEXTS:
        if (value := given.get(name)) is not None:
            if not isinstance(value, str):
                raise InputError(f"the brief's {name} is {value!r}; allowed: a text")
            brief[name] = value.strip()
    return cast("Brief", brief)


def read_outline(given: Any, brief: Brief, limits: Limits) -> tuple[str, Planned]:
    """Return a caller's own outline: the title, and the sections as `transitions.outlined` takes them.

    Raises: InputError: if it is none, or contradicts the brief or the limits; says what is wanted.
    """
    try:
        planned = Outline.model_validate(given)
        check_outline(planned, brief, limits)
    except ValidationError as error:
        raise InputError(f"the outline can't be used: {explain(error)}") from error
    except ValueError as error:
        raise InputError(f"the outline can't be used: {error}") from error
    _agree_on_words(planned, brief)
    return planned.title, planned.planned()


def _agree_on_words(planned: Outline, brief: Brief) -> None:
    """Raise if every section says its length, and together they are not what the brief asks for."""
    said, wanted = [section.words for section in planned.sections], brief.get("words")
    if wanted is None or None in said:
        return
    total = sum(count or 0 for count in said)
    if not _CLOSE[0] * wanted <= total <= _CLOSE[1] * wanted:
        raise InputError(f"the outline's sections have {total} words together, the brief asks for {wanted}")


def _count(name: str, value: Any, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InputError(f"the brief's {name} is {value!r}; allowed: 1 to {most:,}")
    return value

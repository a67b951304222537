"""detectable_format:* : bullets, highlights, sections, titles, JSON, fixed answers."""

import json
import re
from collections.abc import Iterator
from itertools import chain

from ravelar.tools.verifiers.instructions.arguments import Arguments, NumberBullets, NumberHighlights, Sections
from ravelar.tools.verifiers.instructions.counting import exactly, holds

ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")

# `*` opens a bullet unless a second `*` follows; `-` always does.
_STAR_BULLET = re.compile(r"^[^\S\n]*+\*[^*].*$", re.MULTILINE)
_DASH_BULLET = re.compile(r"^[^\S\n]*+-", re.MULTILINE)
_HIGHLIGHT = re.compile(r"\*([^\n*]*+)\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*([^\n*]*+)\*\*")
_FENCES = ("```json", "```Json", "```JSON", "```")


def number_bullet_lists(text: str, arguments: NumberBullets) -> bool:
    """Exactly so many lines are bullets: `* ` or `-` after nothing but space."""
    return exactly(arguments.num_bullets, chain(_STAR_BULLET.finditer(text), _DASH_BULLET.finditer(text)))


def number_highlighted_sections(text: str, arguments: NumberHighlights) -> bool:
    """At least so many parts are `*highlighted*` or `**highlighted**`, each on one line and not blank."""
    return holds("at least", arguments.num_highlights, _highlights(text))


def _highlights(text: str) -> Iterator[str]:
    for pattern in (_HIGHLIGHT, _DOUBLE_HIGHLIGHT):
        yield from filter(str.strip, pattern.findall(text))


def multiple_sections(text: str, arguments: Sections) -> bool:
    """At least so many times the section mark stands there with a number after it; case matters."""
    mark = re.compile(rf"{re.escape(arguments.section_spliter)}\s?\d+")
    return holds("at least", arguments.num_sections, mark.finditer(text))


def title(text: str, _: Arguments) -> bool:
    """Some line holds a `<<title>>` that is not blank."""
    return "<<" in text and any(map(_has_title, text.split("\n")))


def _has_title(line: str) -> bool:
    """Read from the first `<<` to the last `>>`, once: a pattern would try every `<<` against every end."""
    start, end = line.find("<<"), line.rfind(">>")
    return start >= 0 and end >= start + 3 and bool(line[start : end + 2].lstrip("<").rstrip(">").strip())


def json_format(text: str, _: Arguments) -> bool:
    """The whole text is JSON, inside a code fence or not."""
    body = text.strip()
    for fence in _FENCES:
        body = body.removeprefix(fence)
    try:
        json.loads(body.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def constrained_response(text: str, _: Arguments) -> bool:
    """One of the three fixed answers stands there, as written."""
    return any(answer in text for answer in ANSWERS)

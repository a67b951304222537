"""Read a person's own outline from a file: Markdown as one writes it, or JSON.

    # The article's title
    ## A section's heading (300 words)
    - a point
    - another point

The length after a heading may be left out. In JSON: {"title": ..., "sections": [{"title", "points", "words"}]}.
"""

import json
import re
from pathlib import Path
from typing import Any

from ravelar.tools.errors import InputError

_LENGTH = re.compile(r"\s*[(（]\s*(\d[\d,]*)\s*(?:words?|字)?\s*[)）]\s*$")
_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")
_POINT = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+(.+?)\s*$")
_MOST_BYTES = 1_000_000


def read_outline_file(path: Path) -> dict[str, Any]:
    """Return the outline in a file: `title`, and `sections` of `title`, `points`, `words`.

    A section without points gets its heading as its only one. What a value must be is checked where it is used.

    Raises:
        InputError: if the file can't be read, or is no outline; names the line.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"outline {path} has {path.stat().st_size:,} bytes; allowed: {_MOST_BYTES:,}")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"outline {path} can't be read: {error}") from None
    found = _json(path, text) if text.lstrip().startswith("{") else _markdown(path, text)
    for section in found["sections"]:
        if isinstance(section, dict) and not section.get("points"):
            section["points"] = [section.get("title", "")]
    return found


def _json(path: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InputError(f"outline {path} is no JSON: {error}") from None
    if not isinstance(found.get("sections"), list):
        raise InputError(f"outline {path}: 'sections' must be a list of {{title, points, words}}")
    return dict(found)


def _markdown(path: Path, text: str) -> dict[str, Any]:
    title, sections = "", list[dict[str, Any]]()
    for number, line in enumerate(text.splitlines(), 1):
        place = f"outline {path}, line {number}"
        if heading := _HEADING.match(line):
            if len(heading[1]) == 1:
                if title or sections:
                    raise InputError(f"{place}: a second title, {heading[2]!r}; sections begin with ##")
                title = heading[2]
            elif len(heading[1]) == 2:
                sections.append(_section(heading[2]))
            else:
                raise InputError(f"{place}: {line.strip()!r}: sections have no sections of their own; write points")
        elif point := _POINT.match(line):
            if not sections:
                raise InputError(f"{place}: a point before the first section: {point[1]!r}")
            sections[-1]["points"].append(point[1])
        elif line.strip():
            raise InputError(f"{place}: {line.strip()[:80]!r}; allowed: # title, ## section (300 words), - point")
    if not title:
        raise InputError(f"outline {path} has no title: its first line must be '# ...'")
    return {"title": title, "sections": sections}


def _section(heading: str) -> dict[str, Any]:
    length = _LENGTH.search(heading)
    title = heading if length is None else heading[: length.start()]
    return {"title": title, "points": [], "words": int(length[1].replace(",", "")) if length else None}


def outline_text(title: str, sections: list[dict[str, Any]]) -> str:
    """Return an outline as such a file holds it in Markdown."""
    lines = [f"# {title}"]
    for section in sections:
        length = f" ({section['words']} words)" if section.get("words") else ""
        lines += ["", f"## {section['title']}{length}", *(f"- {point}" for point in section["points"])]
    return "\n".join(lines) + "\n"

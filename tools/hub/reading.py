"""Plain values out of what strangers wrote: text of bounded length that a terminal can show, or nothing."""

from typing import Any

MOST_TEXT = 300
MOST_LISTED = 200


def text(value: Any, most: int = MOST_TEXT) -> str | None:
    """Return a text without control characters, cut to `most`; None for anything else, and for nothing."""
    if not isinstance(value, str):
        return None
    shown = "".join(char if char.isprintable() else " " for char in value[:most]).strip()
    return shown or None


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list, or of one text; nothing for anything else."""
    listed = value if isinstance(value, list | tuple) else [value]
    return tuple(shown for each in listed[:MOST_LISTED] if (shown := text(each)) is not None)


def number(value: Any) -> int | None:
    """Return a whole number from 0 to 2**60; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**60:
        return None
    return int(value) if value == int(value) else None


def pairs(value: Any, most: int | None = MOST_LISTED) -> list[tuple[Any, Any]]:
    """Return the first pairs of a mapping, or all; nothing for anything else."""
    return list(value.items())[:most] if isinstance(value, dict) else []

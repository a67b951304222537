"""The built-in reward tools: those that need no model, no key and no network."""

from ravelar.tools.library import Library


def builtin_library() -> Library:
    """Return a library of the built-in tools; what they stand on is imported when they first score."""
    return Library([])

"""A text as the measures read it, prepared once."""

from functools import lru_cache
from typing import NamedTuple

from ravelar.tools.verifiers.words import words
from ravelar.tools.writing.text_measures import letters


class Reading(NamedTuple):
    """A text and what measures count in it.

    Attributes:
        text: As it was written.
        letters: Its letters and digits, folded.
        words: Its words, case folded; a Chinese character is one.
    """

    text: str
    letters: str
    words: list[str]


def reading(text: str) -> Reading:
    """Prepare a text."""
    return Reading(text, letters(text), words(text.casefold()))


@lru_cache(maxsize=4096)
def kept_letters(text: str) -> str:
    """Return a text's letters, kept for the next output that is compared with the same reference or brief."""
    return letters(text)

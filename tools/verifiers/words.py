"""Words in any script: what counts as one where a language writes no spaces."""

from functools import cache
from typing import Any

_NO_SPACES = (
    r"\p{Han}\p{Hiragana}\p{Katakana}々〇ー"  # Chinese, Japanese; Korean writes spaces
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
)


def words(text: str) -> list[str]:
    """Return a text's words in order, punctuation left out.

    A character of Chinese or Japanese script (and of Thai, Lao, Khmer, Burmese, which need a dictionary to
    be cut into words) is a word of its own, with its combining marks; elsewhere a word is a run of letters,
    marks and digits, apostrophes within it included.
    """
    return _pattern().findall(text)  # type: ignore[no-any-return]


@cache
def _pattern() -> Any:
    import regex  # noqa: PLC0415  loaded when a tool first scores

    letter = rf"[\p{{L}}\p{{M}}\p{{N}}--[{_NO_SPACES}]]"
    return regex.compile(rf"[{_NO_SPACES}]\p{{M}}*+|{letter}++(?:['’]{letter}++)*+", regex.V1)

"""keywords:* : how often words, parts of words and letters occur; case never matters."""

import re

import regex

from ravelar.tools.verifiers.instructions.arguments import ForbiddenWords, Keyword, Keywords, Letter
from ravelar.tools.verifiers.instructions.counting import holds


def existence(text: str, arguments: Keywords) -> bool:
    """Every keyword occurs, inside longer words too ("cat" in "concatenate")."""
    return all(_anywhere(keyword).search(text) for keyword in arguments.keywords)


def frequency(text: str, arguments: Keyword) -> bool:
    """The keyword occurs often or rarely enough, inside longer words too."""
    return holds(arguments.relation, arguments.frequency, _anywhere(arguments.keyword).finditer(text))


def forbidden_words(text: str, arguments: ForbiddenWords) -> bool:
    """None of the words occurs as a whole word."""
    return not any(
        regex.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, regex.IGNORECASE) for word in arguments.forbidden_words
    )


def letter_frequency(text: str, arguments: Letter) -> bool:
    """The character occurs often or rarely enough."""
    found = text.lower().count(arguments.letter.lower())
    return found >= arguments.let_frequency if arguments.let_relation == "at least" else found < arguments.let_frequency


def _anywhere(keyword: str) -> re.Pattern[str]:
    return re.compile(re.escape(keyword), re.IGNORECASE)

"""change_case:* : all capitals, all lower case, how many words in capitals."""

import re
from collections.abc import Iterator

from ravelar.tools.verifiers.instructions.arguments import Arguments, CapitalWords
from ravelar.tools.verifiers.instructions.counting import holds
from ravelar.tools.verifiers.instructions.language import detect

# Parted by space, brackets, quotes, apostrophes and sentence marks; joined by hyphens, stops and slashes.
_TOKEN = re.compile(r"[^\s\[\](){}<>,;:?!\"'“”‘’«»`@#$%&…]++")


def english_capital(text: str, _: Arguments) -> bool:
    """Every letter that has a case is a capital, and the text is not in another language than English."""
    return text.isupper() and _may_be_english(text)


def english_lowercase(text: str, _: Arguments) -> bool:
    """Every letter that has a case is a small one, and the text is not in another language than English."""
    return text.islower() and _may_be_english(text)


def capital_word_frequency(text: str, arguments: CapitalWords) -> bool:
    """Enough, or few enough, words are all in capitals; "I" and "A" count."""
    return holds(arguments.capital_relation, arguments.capital_frequency, _capital_words(text))


def _capital_words(text: str) -> Iterator[object]:
    return filter(str.isupper, (match[0] for match in _TOKEN.finditer(text)))


def _may_be_english(text: str) -> bool:
    """Take a text too short to tell ("OK.") for English: the case is what was asked for."""
    return detect(text) in ("en", None)

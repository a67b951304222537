"""Whether a text is written in the language that was asked for, as far as a program can be sure."""

import re
from functools import lru_cache

from ravelar.tools.verifiers.instructions.language import detect
from ravelar.tools.verifiers.instructions.scripts import BY_SCRIPT
from ravelar.tools.verifiers.words import words

_FEW, _ENOUGH = 5, 300  # ours: words that show a script; characters that tell languages of one script apart
_OTHER_SCRIPT = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0400-\u052f]+")
_LATIN_CLAUSE = re.compile(r"(?:\b[A-Za-z][A-Za-z'’-]*\b[,;:]? ){11,}[A-Za-z'’-]+")  # ours: 12 words are no title
_QUOTED = re.compile(r"[\"“「『《(（`][^\"”」』》)）`\n]{0,400}[\"”」』》)）`]|https?://\S+")
_FOREIGN_CHARACTERS = 8  # ours: of another script, within a text of the Latin one
_SCRIPTS = {language: script for script, languages in BY_SCRIPT.items() for language in languages}


@lru_cache(maxsize=512)
def wrong_language(text: str, language: str) -> str:
    """Return the code of the language that most of a text is in, if that is surely not `language`; "" otherwise.

    Another script is told from five words on, a language of the same script from 300 characters on; names,
    quotations and formulas within a text change nothing.
    """
    if len(words(text[:1_000])) < _FEW:
        return ""
    seen = detect(text)
    if seen is None or seen == language:
        return ""
    return "" if len(text) < _ENOUGH and _SCRIPTS.get(seen) == _SCRIPTS.get(language) else seen


def language_mix(text: str, language: str) -> str:
    """Return the first stretch of another script in a text, outside quotations and brackets; "" if there is none.

    In a text of the Latin script that is eight characters of another one, in another text a clause of twelve words
    of the Latin one.
    """
    rest = _QUOTED.sub(" ", text)
    if _SCRIPTS.get(language, "Latin") != "Latin":
        found = _LATIN_CLAUSE.search(rest)
        return found[0] if found else ""
    stretches = _OTHER_SCRIPT.findall(rest)
    return stretches[0] if sum(map(len, stretches)) >= _FOREIGN_CHARACTERS else ""

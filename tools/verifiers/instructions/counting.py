"""What a word and a sentence are, and whether there are enough of them.

Occurrences are drawn lazily and only up to the number asked for, so that a completion of a million
characters costs no more than the instruction needs to know.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Literal

import regex

Relation = Literal["less than", "at least"]

# Not re: its \w leaves out combining marks, which would cut Hindi and Thai words into pieces.
WORD = regex.compile(r"\w+")

# ours: titles and shorthand that end in a full stop inside a sentence; lower case, without the last stop
_ABBREVIATION_LIST = """
    mr mrs ms mx dr prof rev hon st sr jr messrs gen col lt sgt capt cmdr maj sen rep gov pres supt vs viz cf al
    approx est inc ltd co corp bros dept univ assn assoc ave blvd mt ft vol pp fig figs eq eqs jan feb aug sep
    sept oct nov dec e.g i.e etc a.m p.m ph.d
"""
_ABBREVIATIONS = frozenset(_ABBREVIATION_LIST.split())
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
# ours: words that open a sentence far more often than they follow a title or an initial as a name
_STARTER_LIST = """
    the a an he she it we they you this that these those there here his her its our their my your in on at for from
    with by as when while after before if but and so however then what who how why where all some many most no not
    one both each every another such thus hence now today meanwhile moreover once although because since let
"""
_STARTERS = frozenset(_STARTER_LIST.split())
_OPENERS = "\"'“‘([{*_"
_CLOSERS = r"[\"'’”»)\]}*_]*+"
# A run of marks, what closes after it, then space and more text; in Chinese, Japanese and Indic text no space.
_BREAK = re.compile(rf"(?<![.!?…])(?P<marks>[.!?…]++){_CLOSERS}\s++(?=\S)|[。！？｡।॥]++{_CLOSERS}\s*+(?=\S)")
_EXAMINED = 20_000  # marks looked at closely; beyond them, in no text that anyone asked for, each ends a sentence
_LONGEST = 24  # characters read back for an abbreviation, and ahead for the next word


def holds(relation: Relation, threshold: int, occurrences: Iterable[object]) -> bool:
    """Say whether there are at least, or fewer than, `threshold` occurrences; draw no more than needed."""
    enough = sum(1 for _ in islice(occurrences, threshold)) >= threshold
    return enough if relation == "at least" else not enough


def exactly(number: int, occurrences: Iterable[object]) -> bool:
    """Say whether there are exactly `number` occurrences; draw no more than one beyond it."""
    return sum(1 for _ in islice(occurrences, number + 1)) == number


def words(text: str) -> Iterator[object]:
    r"""Yield one item per word: a run of letters, digits and underscores (`\w+`), so `don't` is two."""
    return WORD.finditer(text)


def sentences(text: str) -> Iterator[object]:
    """Yield one item per sentence; the rule is in docs/ifeval.md. Line breaks alone end none."""
    if text.strip():
        yield text  # whatever follows the last break
    for i, mark in enumerate(_BREAK.finditer(text)):
        if i >= _EXAMINED or _ends_sentence(text, mark):
            yield mark


def _ends_sentence(text: str, mark: re.Match[str]) -> bool:
    marks = mark["marks"]
    if marks == ".":
        return _stop_ends_sentence(text, mark)
    if marks is None or "!" in marks or "?" in marks:
        return True
    return _next_word(text, mark)[:1].isupper()  # an ellipsis


def _stop_ends_sentence(text: str, mark: re.Match[str]) -> bool:
    start = mark.start()
    if not text[start - 1 : start].isalnum():
        return True
    word = text[max(0, start - _LONGEST) : start].rsplit(maxsplit=1)[-1].lstrip(_OPENERS)
    if word.isdecimal():  # "1." before a list item counts, as in the published scorer
        return not _next_word(text, mark)[:1].islower()
    if word.lower() in _ABBREVIATIONS or (word != "I" and _INITIALS.fullmatch(word)):
        following = _next_word(text, mark)
        return following[:1].isupper() and following.lower() in _STARTERS
    return True


def _next_word(text: str, mark: re.Match[str]) -> str:
    found = WORD.search(text, mark.end(), mark.end() + _LONGEST)
    return found[0] if found else ""

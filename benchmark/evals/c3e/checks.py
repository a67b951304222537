"""The rules that a made item must keep, each checked by program: a model proposes, these decide.

A rule that is broken raises `Rejected`, which says which rule, what was found and what is allowed. Rejects are kept
with their reasons; they are never repaired in silence.
"""

import re
from collections.abc import Sequence

from ravelar.agents.c3e.making import Assignment
from ravelar.benchmark.evals.contamination import overlap, units
from ravelar.tools.errors import RavelarError

SEGMENT_SHARE = (0.2, 0.5)  # of the text's characters; source: arXiv 2603.00686
QUERY_UNITS = {"condition": 300, "end2end": 100}  # words, or Chinese characters; source: the same
LONGEST_COPY = 12  # units in a row; ours: more than a set phrase, less than a sentence
MOST_KEPT = 0.3  # of a draft's 5-grams may stand in the passage; ours
TEXT_UNITS = (80, 6_000)  # words, or Chinese characters: shorter texts have no passage to leave out; ours

_WHICH = "reference|original|source|golden|published|target|other|better|stronger|final|polished|professional"
_WHAT = "text|passage|version|material|piece|poem|essay|speech|story|excerpt|answer"
_NAMES_A_REFERENCE = re.compile(
    rf"\b(?:the|an?|another)\s+(?:{_WHICH})\s+(?:{_WHAT})\b|\bgolden (?:segment|reference)\b|\bthe reference\b(?!s)"
    r"|参考(?:文本|文字|答案|原文|译文)|原文|原作|范文|另一(?:版本|篇|稿)|标准答案",
    re.IGNORECASE,
)


class Rejected(RavelarError):
    """A made item that breaks a rule; the message names the rule.

    Args:
        rule: Which rule, in one word.
        found: What was found, and what is allowed.
    """

    def __init__(self, rule: str, found: str) -> None:
        self.rule = rule
        super().__init__(f"{rule}: {found}")


def check_text(text: str) -> None:
    """Refuse a text that is too short or too long to make items from.

    Raises:
        Rejected: saying how long it is.
    """
    n = len(units(text))
    if not TEXT_UNITS[0] <= n <= TEXT_UNITS[1]:
        raise Rejected("text_length", f"{n} words or characters; allowed: {TEXT_UNITS[0]} to {TEXT_UNITS[1]}")


def cut_segment(text: str, begins: str, ends: str) -> tuple[str, str, str]:
    """Return what stands before, in and after the passage that begins and ends with these words.

    Raises:
        Rejected: if an end is not there letter by letter exactly once, the two are in the wrong order, the passage is
            not 20 to 50 % of the text, or it is the text's beginning or end.
    """
    for name, words in (("begins", begins), ("ends", ends)):
        if (n := text.count(words)) != 1:
            raise Rejected("verbatim", f"the words that it {name} with stand {n} times in the text: {words!r:.80}")
    start, stop = text.index(begins), text.index(ends) + len(ends)
    if start + len(begins) > stop:
        raise Rejected("verbatim", "the passage ends before it begins")
    share = (stop - start) / len(text)
    if not SEGMENT_SHARE[0] <= share <= SEGMENT_SHARE[1]:
        raise Rejected("share", f"the passage is {share:.1%} of the text; allowed: 20 % to 50 %")
    if not text[:start].strip() or not text[stop:].strip():
        raise Rejected("position", "the passage is the beginning or the end of the text")
    return text[:start], text[start:stop], text[stop:]


def check_assignment(kind: str, made: Assignment, text: str) -> None:
    """Refuse an assignment that is too long, asks for no length, or gives the text away.

    Raises:
        Rejected: saying what was found.
    """
    if (n := len(units(made.query))) > QUERY_UNITS[kind]:
        raise Rejected("query_length", f"the query has {n} words or characters; allowed: {QUERY_UNITS[kind]}")
    if not re.search(r"\d", made.word):
        raise Rejected("word", f"no number of words in {made.word!r:.60}")
    for name, said in made.model_dump().items():
        check_leak(name, str(said), text)


def check_draft(draft: str, passage: str) -> None:
    """Refuse a draft that keeps the passage's sentences, or is of quite another length.

    Raises:
        Rejected: saying what was found.
    """
    kept = overlap(draft, passage) or 0.0
    if kept > MOST_KEPT:
        raise Rejected("draft_copies", f"{kept:.0%} of the draft's 5-grams stand in the passage; allowed: 30 %")
    ours, theirs = len(units(draft)), len(units(passage))
    if not 0.4 * theirs <= ours <= 2 * theirs:
        raise Rejected("draft_length", f"the draft has {ours} words or characters, the passage {theirs}")


def check_critique(critique: str, draft: str, passage: str) -> None:
    """Refuse a critique that names a reference, or holds words that only the passage has.

    Raises:
        Rejected: saying what was found.
    """
    if named := _NAMES_A_REFERENCE.search(critique):
        raise Rejected("names_reference", f"the critique speaks of {named[0]!r}")
    check_leak("critique", critique, passage, beside=draft)


def check_leak(name: str, said: str, hidden: str, *, beside: str = "") -> None:
    """Refuse a text that copies a run of the hidden text; runs that also stand in `beside` are no secret.

    Raises:
        Rejected: quoting the run.
    """
    known = set(_runs(units(beside)))
    secret = set(_runs(units(hidden))) - known
    for run in _runs(units(said)):
        if run in secret:
            raise Rejected("leak", f"{name} copies {LONGEST_COPY} words or characters of the text: {' '.join(run)!r}")


def _runs(given: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(given[i : i + LONGEST_COPY]) for i in range(len(given) - LONGEST_COPY + 1)]

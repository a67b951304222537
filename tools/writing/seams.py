"""What shows only when all sections stand side by side: passages told twice, and joins that say the same on both sides.

    texts in order -> repeated passages, joins, own headings -> {section: findings}

A finding stands under the later of two sections: that one can refer back. It is deterministic; a clean article has
none, and is left alone.
"""

import itertools

from ravelar.tools.verifiers.words import words
from ravelar.tools.writing.detectors import Repeat, repeats
from ravelar.tools.writing.state import Section, WritingState, in_order

_AT_A_JOIN = 60  # words on either side that a reader takes in together; ours
_SHARED_WORDS, _SHARED_CHARACTERS = 12, 20  # ours: longer than the name of any treaty or ministry


def seams(state: WritingState) -> dict[str, list[str]]:
    """Return what to mend, by section, in the article's order; nothing for a clean article."""
    written = [section for section in in_order(state) if section["content"].strip()]
    found: dict[str, list[str]] = {section["id"]: [] for section in written}
    told = repeats({section["id"]: section["content"] for section in written})
    for repeat in told:
        found[repeat.section].append(_told_twice(repeat))
    known = {(repeat.section, repeat.other) for repeat in told}
    for before, after in itertools.pairwise(written):
        if (after["id"], before["id"]) not in known and (said := _same_at_join(before, after)):
            found[after["id"]].append(f'join {before["id"]}: its end and this beginning both say "{said}"')
    for section in written:
        if _begins_with_heading(section):
            found[section["id"]].append("heading: the text begins with its own heading, which is added anyway")
    return {name: lines for name, lines in found.items() if lines}


def _told_twice(repeat: Repeat) -> str:
    return f'repeats_section {repeat.other}: {repeat.words} words stand there too: "{repeat.excerpt}"'


def _same_at_join(before: Section, after: Section) -> str | None:
    """Return the first words that the end of one section and the beginning of the next share."""
    end, start = _words(before)[-_AT_A_JOIN:], _words(after)[:_AT_A_JOIN]
    unspaced = 2 * sum(len(word) == 1 for word in start) > len(start)
    size = _SHARED_CHARACTERS if unspaced else _SHARED_WORDS
    ends = {tuple(end[i : i + size]) for i in range(len(end) - size + 1)}
    shared = (gram for i in range(len(start) - size + 1) if tuple(gram := start[i : i + size]) in ends)
    return next((("" if unspaced else " ").join(gram) for gram in shared), None)


def _words(section: Section) -> list[str]:
    return words(section["content"].lower())


def _begins_with_heading(section: Section) -> bool:
    first = section["content"].strip().partition("\n")[0].strip(" #*_:：")
    return bool(first) and first.casefold() == section["title"].strip(" #*_:：").casefold()

"""Does a text take up its own brief, or would it fit any other as well?

A text is compared with the source of its brief (the article around the blank, the outline, the draft, the task) and
with the sources of all other items of the same task and language. What it shares with its own, over what it shares with
others on average, is its lift. What many sources have in common counts little (inverse document frequency).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ravelar.benchmark.evals.c3e.items import Brief, Item
from ravelar.benchmark.evals.measures.reading import Reading, reading
from ravelar.tools.writing.text_measures import SPACELESS, letter_grams, word_grams

Gram = str | tuple[str, ...]

# ours: longer n-grams where a text continues its source (cloze), shorter ones where it carries out what is said there
_WIDTHS = {True: {"cloze": 3, "edit": 3}, False: {"cloze": 2, "edit": 2}}
_OTHER_WIDTH = {True: 2, False: 1}


@dataclass(frozen=True, slots=True)
class Grounded:
    """How a text lies to its own source and to others.

    Attributes:
        own: Weight of the n-grams it shares with its own source, as a share of that source's weight.
        others: The mean of the same over the other sources.
        lift: own over others; 0 where it shares nothing with its own, inf where nothing with others.
        rank: 1 if no other source has more, 2 if one has ...
    """

    own: float
    others: float
    lift: float
    rank: int


class Sources:
    """The sources of a benchmark's items, by task and language.

    Args:
        items: Those that texts are compared over; a text's own must be among them.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        grouped: defaultdict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in items:
            grouped[item.brief.task, item.brief.language].append(item)
        self._groups = {key: _Group(members) for key, members in grouped.items()}

    def grounded(self, brief: Brief, text: Reading) -> Grounded | None:
        """Compare a text with its own source and the others; None where there is no other, or its own is empty.

        Raises:
            KeyError: if the brief is none of the items'.
        """
        return self._groups[brief.task, brief.language].grounded(brief, text)


class _Group:
    """Items of one task and language, as a matrix of n-grams by items that holds the n-grams' weights."""

    def __init__(self, items: Sequence[Item]) -> None:
        from scipy.sparse import csr_array  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

        self._place = {item.brief.key: i for i, item in enumerate(items)}
        self._clusters = np.unique([item.cluster for item in items], return_inverse=True)[1]
        self._number: dict[Gram, int] = {}
        held = [
            [self._number.setdefault(gram, len(self._number)) for gram in source_grams(brief, reading(brief.source))]
            for brief in (item.brief for item in items)
        ]
        rows = np.array([number for one in held for number in one], dtype=np.int64)
        columns = np.repeat(np.arange(len(items)), [len(one) for one in held])
        rarity = np.log((1 + len(items)) / np.maximum(1, np.bincount(rows, minlength=len(self._number))))
        self._matrix = csr_array((rarity[rows], (rows, columns)), shape=(max(1, len(self._number)), len(items)))
        self._weights = np.bincount(columns, rarity[rows], len(items))

    def grounded(self, brief: Brief, text: Reading) -> Grounded | None:
        own = self._place[brief.key]
        others = self._clusters != self._clusters[own]
        if not others.any() or not self._weights[own]:
            return None
        grams = source_grams(brief, text)
        met = [number for gram in grams if (number := self._number.get(gram)) is not None]
        shares = self._matrix[met].sum(axis=0) / np.maximum(self._weights, 1e-12)
        mean, mine = float(shares[others].mean()), float(shares[own])
        lift = 0.0 if mine == 0 else math.inf if mean == 0 else mine / mean
        return Grounded(mine, mean, lift, 1 + int((shares[others] >= mine).sum()))


def source_grams(brief: Brief, text: Reading) -> set[Gram]:
    """Return n-grams as wide as the task wants: of letters in languages without spaces, and else of words."""
    spaceless = brief.language in SPACELESS
    width = _WIDTHS[spaceless].get(brief.task, _OTHER_WIDTH[spaceless])
    return set(letter_grams(text.letters, width)) if spaceless else set(word_grams(text.words, width))

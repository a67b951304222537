"""How much of an answer says again what it has already said."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each
from ravelar.tools.verifiers.evidence import evidence_of
from ravelar.tools.verifiers.words import words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_DOUBLINGS = 3  # 2 ** 3 = 8 words to an n-gram


class Repetition:
    """The share of an answer's 8-grams that stand in it before: 0 for none, near 1 for an endless loop.

    Words are counted, and characters where a script writes no spaces; case counts, punctuation does not.
    Fewer than eight words can't repeat and score 0; an answer without any word scores 1, the worst.
    """

    card = ToolCard(
        name="repetition",
        kind="metric",
        task="repetition",
        summary="Share of an answer's 8-grams (words, or characters in scripts without spaces) that are duplicates: a "
        "cheap signal against degenerate loops. Knows nothing of quality (among translations that "
        "do not loop it is mute, see evidence); refrains, code and tables repeat rightly.",
        direction="lower",
        provenance=Provenance(note="1 - distinct-8, after distinct-n, arXiv 1510.03055"),
        evidence=evidence_of("repetition"),
    )

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n shares in [0, 1], lower being better."""
        return each(_judged, triples)


def _judged(triple: Triple) -> float | Scored:
    tokens = words(triple.answer)
    return duplicated_share(tokens) if tokens else Scored(1.0, "no words")


def duplicated_share(tokens: Sequence[str]) -> float:
    """Return the share of 8-grams that are duplicates, exactly, in O(n log n) time and O(n) memory."""
    ranks = eight_gram_ranks(tokens)
    return 1.0 - (int(ranks.max()) + 1) / len(ranks) if len(ranks) else 0.0


def eight_gram_ranks(tokens: Sequence[str]) -> "NDArray[np.int64]":
    """Return a number for each 8-gram in order, equal for equal ones, from 0 up; empty for fewer than eight tokens.

    Ranks of pairs give ranks of fours, and those of eights (prefix doubling), so that no n-gram is ever
    built: a set of a million tuples would take hundreds of megabytes.
    """
    import numpy as np  # noqa: PLC0415  loaded when a text is first read

    numbers: dict[str, int] = {}
    ranks = np.fromiter((numbers.setdefault(token, len(numbers)) for token in tokens), np.int64, len(tokens))
    for width in (2**i for i in range(_DOUBLINGS)):
        if len(ranks) <= width:
            return ranks[:0]
        pairs = ranks[:-width] * (int(ranks.max()) + 1) + ranks[width:]
        _, ranks = np.unique(pairs, return_inverse=True)
    return ranks

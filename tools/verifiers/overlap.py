"""Overlap of a summary with a reference: ROUGE."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import each, shown
from ravelar.tools.verifiers.words import words

_KINDS = ("rouge1", "rouge2", "rougeLsum")
_MAX_REFERENCE_WORDS = 1_500  # ours: ROUGE-L takes time with the product of both lengths, in Python
_MAX_WORD_CHARS = 20  # a longer text than that many characters a word has too many words, or no words
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")


class Overlap:
    """The mean of ROUGE-1, ROUGE-2 and ROUGE-Lsum (F-measures), the best over the references, in [0, 1].

    Words are found in any script, a Chinese or Japanese character being one (rouge-score's own tokenizer
    drops them); case is folded; nothing is stemmed unless asked. A reference may be a text or a list of
    texts, each of at most 1,500 words; a summary of more than three times the longest (and than 200 words)
    earns 0.

    Args:
        stem_english: Cut English suffixes (Porter) before comparing, as papers on English summaries do.
    """

    card = ToolCard(
        name="overlap",
        kind="metric",
        task="summarisation",
        summary="Mean of ROUGE-1, ROUGE-2 and ROUGE-Lsum F-measures against one or several reference summaries, in any "
        "script. Counts shared words: a true summary in other words scores low, a false one in the same words high, "
        "and text copied from a source may score well. No agreement with human judgement was measured here.",
        needs=("reference",),
        provenance=Provenance(note="ROUGE, aclanthology.org/W04-1013, by rouge-score"),
    )

    def __init__(self, *, stem_english: bool = False) -> None:
        self._stem_english = stem_english

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores in [0, 1], the three F-measures kept in `detail`."""
        return each(self._judged, triples)

    def _judged(self, triple: Triple) -> Scored:
        references = _references(triple.reference)
        longest = max(200, 3 * max(len(normal_words(reference)) for reference in references))
        answer = triple.answer.strip()
        n = len(normal_words(answer)) if len(answer) <= _MAX_WORD_CHARS * longest else longest + 1
        if not 0 < n <= longest:
            return Scored(0.0, "no words" if not n else f"more than {longest:,} words: no summary like the reference")
        found = _scorer(self._stem_english).score_multi([_lines(text) for text in references], _lines(answer))
        parts = {kind: float(found[kind].fmeasure) for kind in _KINDS}
        return Scored(min(1.0, sum(parts.values()) / len(parts)), None, parts)


def normal_words(text: str) -> list[str]:
    """Return the words that are compared, unstemmed: NFKC, case folded."""
    return words(unicodedata.normalize("NFKC", text).casefold())


class _Words:
    """The tokenizer that rouge-score is given."""

    def __init__(self, stem: Any) -> None:
        self._stem = stem

    def tokenize(self, text: str) -> list[str]:
        """Return the words to be compared."""
        found = normal_words(text)
        if self._stem is None:
            return found
        return [self._stem(word) if word.isascii() and len(word) > 3 else word for word in found]


@cache
def _scorer(stem_english: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]  # noqa: PLC0415

    stem = None
    if stem_english:
        from nltk.stem.porter import PorterStemmer  # type: ignore[import-untyped]  # noqa: PLC0415

        stem = PorterStemmer().stem
    return RougeScorer(list(_KINDS), tokenizer=_Words(stem))


def _lines(text: str) -> str:
    """Put each sentence on a line of its own, which is where ROUGE-Lsum looks for them."""
    return "\n".join(filter(None, (part.strip() for part in _SENTENCE_END.split(text))))


def _references(given: Any) -> tuple[str, ...]:
    """Return the reference summaries.

    Raises:
        UnusableReference: if there are none, or one is no text, has no word or too many.
    """
    references = tuple(given) if isinstance(given, list | tuple) else (given,)
    for reference in references:
        if not isinstance(reference, str) or not (n := len(normal_words(reference))):
            raise UnusableReference(f"reference is {shown(reference)}; allowed: a text with words, or a list of them")
        if n > _MAX_REFERENCE_WORDS:
            raise UnusableReference(f"reference has {n:,} words; at most {_MAX_REFERENCE_WORDS:,}")
    if not references:
        raise UnusableReference("reference is an empty list; allowed: a text, or a list of texts")
    return references

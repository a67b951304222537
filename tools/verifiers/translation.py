"""Translation against references: chrF and BLEU by sacrebleu, one sentence (or passage) at a time."""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import RewardToolError, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.each import shown
from ravelar.tools.verifiers.evidence import evidence_of
from ravelar.tools.verifiers.target_language import Tokenizer, tokenizer_for

MAX_REFERENCE_CHARS = 50_000  # ours; a text this long is no segment
_NEEDS = ("reference",)


class _Task(NamedTuple):
    """What completions must share to be scored against one set of reference n-grams."""

    references: tuple[str, ...]
    tokenizer: Tokenizer


class _SegmentMetric:
    """A sacrebleu metric over segments; reference n-grams are extracted once per batch and reference."""

    card: ClassVar[ToolCard]

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n scores in [0, 100]."""
        scores: list[RawScore] = [0.0] * len(triples)
        rows: dict[_Task, list[int]] = {}
        for i, triple in enumerate(triples):
            try:
                rows.setdefault(self._task(triple), []).append(i)
            except RewardToolError as error:
                scores[i] = error
        for task, members in rows.items():
            metric = self._metric(task)
            for i in members:
                scores[i] = _segment_score(metric, triples[i].answer.strip(), task.references)
            _forget(metric)
        return scores

    def _task(self, triple: Triple) -> _Task:
        references = _references(triple.reference)
        return _Task(references, tokenizer_for(triple.metadata, triple.question, references[0]))

    def _metric(self, task: _Task) -> Any:
        raise NotImplementedError


class Translation(_SegmentMetric):
    """Sentence chrF (character n-grams to 6, beta 2), the best over the references, in [0, 100].

    The reference is a text, or a list of texts. The completion is read as it is, reasoning off: what it says
    around the translation counts against it. One longer than 4 times the longest reference (and than 2,000
    characters) earns 0 unread.
    """

    card = ToolCard(
        name="translation",
        kind="metric",
        task="translation",
        summary="Sentence chrF in [0, 100] against one or several reference translations. It sees letters, not "
        "meaning: on pairs of translations of one segment that experts rated differently it sides with them on "
        "53 %, where a coin does on 50 (see evidence). A check against gross failure; it can't rank good translations.",
        needs=_NEEDS,
        high=100.0,
        provenance=Provenance(note="chrF, aclanthology.org/W15-3049, by sacrebleu"),
        evidence=evidence_of("translation"),
    )

    def _task(self, triple: Triple) -> _Task:
        return _Task(_references(triple.reference), "13a")  # chrF drops white space and knows no words

    def _metric(self, task: _Task) -> Any:
        from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415

        return CHRF(references=[[reference] for reference in task.references])


class Bleu(_SegmentMetric):
    """Sentence BLEU (4-grams, exponential smoothing, effective order) in [0, 100], tokenized for the target language.

    Chinese is cut by sacrebleu's own tokenizer, Japanese, Korean, Thai, Lao, Khmer and Burmese into
    characters, the rest by 13a. References and bounds are those of `Translation`.
    """

    card = ToolCard(
        name="bleu",
        kind="metric",
        task="translation",
        summary="Sentence BLEU in [0, 100] against one or several reference translations, tokenized for the target "
        "language. Made for corpora: on single segments it agrees with expert MQM on 52 to 53 % of pairs, where a coin "
        "agrees on 50 (see evidence). Prefer `translation`, and neither for ranking good translations.",
        needs=(*_NEEDS, "target_language or prompt"),
        high=100.0,
        provenance=Provenance(note="BLEU, aclanthology.org/P02-1040, by sacrebleu"),
        evidence=evidence_of("bleu"),
    )

    def _metric(self, task: _Task) -> Any:
        from sacrebleu.metrics.bleu import BLEU  # noqa: PLC0415

        return BLEU(
            tokenize=task.tokenizer,
            effective_order=True,
            force=True,
            references=[[reference] for reference in task.references],
        )


def _references(given: Any) -> tuple[str, ...]:
    """Return the reference translations.

    Raises:
        UnusableReference: if there are none, or one is no text, empty, or too long for a segment.
    """
    references = tuple(given) if isinstance(given, list | tuple) else (given,)
    for reference in references:
        if not isinstance(reference, str) or not any(char.isalnum() for char in reference):
            raise UnusableReference(
                f"reference is {shown(reference)}; allowed: a text with letters, or a list of such texts"
            )
        if len(reference) > MAX_REFERENCE_CHARS:
            raise UnusableReference(f"reference has {len(reference)} characters; at most {MAX_REFERENCE_CHARS}")
    if not references:
        raise UnusableReference("reference is an empty list; allowed: a text, or a list of texts")
    return references


def _segment_score(metric: Any, answer: str, references: tuple[str, ...]) -> float | Scored:
    longest = max(2_000, 4 * max(map(len, references)))  # ours: no translation, and n-grams of it would take seconds
    if len(answer) > longest:
        return Scored(0.0, f"{len(answer):,} characters, more than {longest:,}: no translation of this segment")
    if not answer:
        return Scored(0.0, "empty answer")
    # A corpus of one segment is sacrebleu's sentence score, over n-grams kept since construction.
    score = float(metric.corpus_score([answer], None).score)
    return min(100.0, max(0.0, score))  # sacrebleu gives a perfect BLEU as 100.00000000000004


def _forget(metric: Any) -> None:
    """Empty sacrebleu's token caches, which keep the last 65,536 texts of whatever length."""
    tokenizer = getattr(metric, "tokenizer", None)
    for part in (tokenizer, *(vars(tokenizer).values() if tokenizer else ())):
        for name in ("__call__", "_is_chinese_char"):
            clear = getattr(getattr(type(part), name, None), "cache_clear", None)
            if clear is not None:
                clear()

"""All measures of one text: gates, which refuse it by name, and drift, which is only ever compared over time."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.measures.grounding import Grounded, Sources
from ravelar.benchmark.evals.measures.reading import kept_letters, reading
from ravelar.tools.verifiers.length import length_score
from ravelar.tools.writing.leaked_format import leaked_format
from ravelar.tools.writing.text_measures import (
    covered,
    distinct_share,
    letter_grams,
    point_grams,
    repeated_share,
    rouge_l,
    script_share,
    unfinished,
)

DISTINCT_OF = 200  # ours: words; two thirds of the given outputs are that long
VERBATIM = 20  # ours: a run of so many letters of the reference that the brief does not hold is no chance


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the gates stand. All ours, set on the outputs of five models; docs/measures.md has the error rates.

    Attributes:
        lift: Least lift over other items' sources.
        repeated: Highest share of 8-grams that occur more than once.
        script: Least share of letters in the language's script.
        length: Least length score, of 100, where a length was asked for.
        letters: Fewest letters of a text that is one.
    """

    lift: float = 2.5
    repeated: float = 0.5
    script: float = 0.8
    length: float = 50.0
    letters: int = 8


@dataclass(frozen=True, slots=True)
class Measures:
    """What was counted in one text.

    Attributes:
        words: Its words; a Chinese character is one.
        letters: Its letters and digits.
        coverage: Share of the outline's points that it takes up; None without an outline.
        grounding: How it lies to its own source and to others; None where there is none to compare with.
        repeated: Share of 8-grams that occur more than once.
        script: Share of letters in the language's script; None without letters.
        length: LongBench-Write's length score, 0 to 100; None where no length was asked for.
        leaks: Names of what leaked into it.
        unfinished: Whether it breaks off.
        chrf: chrF against the reference, 0 to 100; drift only.
        rouge_l: ROUGE-L over letters against the reference, 0 to 1; drift only.
        distinct: Distinct pairs of its first 200 words; None for a shorter text; drift only.
        verbatim: Whether it holds a long run of the reference that its brief does not hold; a sign of contamination.
    """

    words: int
    letters: int
    coverage: float | None
    grounding: Grounded | None
    repeated: float
    script: float | None
    length: float | None
    leaks: tuple[str, ...]
    unfinished: bool
    chrf: float | None
    rouge_l: float | None
    distinct: float | None
    verbatim: bool

    def refusals(self, at: Thresholds = Thresholds()) -> dict[str, str]:
        """Return the gates that refuse the text, each with its figure; empty if it passes all."""
        found = {}
        if self.letters < at.letters:
            found["empty"] = f"{self.letters} letters, at least {at.letters}"
        if self.grounding is not None and self.grounding.lift < at.lift:
            found["grounding"] = f"lift {self.grounding.lift:.1f} over other sources, at least {at.lift:g}"
        if self.repeated > at.repeated:
            found["repetition"] = f"{self.repeated:.0%} of its 8-grams occur more than once, at most {at.repeated:.0%}"
        if self.script is not None and self.script < at.script:
            found["script"] = f"{self.script:.0%} of its letters are in the language's script, at least {at.script:.0%}"
        if self.length is not None and self.length < at.length:
            found["length"] = f"length score {self.length:.0f} for {self.words} words, at least {at.length:g}"
        if self.leaks:
            found["format"] = f"leaked: {', '.join(self.leaks)}"
        if self.unfinished:
            found["unfinished"] = "its last line breaks off"
        return found

    def as_row(self) -> dict[str, Any]:
        """Return the figures as plain JSON."""
        grounding = self.grounding
        lift = None if grounding is None or math.isinf(grounding.lift) else round(grounding.lift, 3)
        plain: Mapping[str, Any] = {
            name: getattr(self, name) for name in self.__slots__ if name not in {"grounding", "leaks"}
        }
        return {**plain, "leaks": list(self.leaks), "lift": lift, "own": grounding.own if grounding else None}


def measure(item: Item, text: str, sources: Sources, *, drift: bool = True) -> Measures:
    """Count everything in a text that was written for an item.

    Args:
        item: What it was written for; its reference is only used for drift.
        text: The text.
        sources: The sources of all items.
        drift: Whether to compare it with the reference too.
    """
    brief, read = item.brief, reading(text)
    outline = brief.given.get("outline") or brief.given.get("condition") if brief.task == "condition" else None
    asked = brief.asked
    return Measures(
        words=len(read.words),
        letters=len(read.letters),
        coverage=covered(_points_of(outline), letter_grams(read.letters, 2)) if outline else None,
        grounding=sources.grounded(brief, read),
        repeated=repeated_share(read.words),
        script=script_share(text, brief.language),
        length=None if asked is None else length_score(len(read.words), asked),
        leaks=leaked_format(text),
        unfinished=unfinished(text),
        chrf=float(_chrf(item.reference).corpus_score([text], None).score) if drift else None,
        rouge_l=rouge_l(read.letters, kept_letters(item.reference)) if drift else None,
        distinct=distinct_share(read.words, of_first=DISTINCT_OF),
        verbatim=drift and verbatim(read.letters, item),
    )


def verbatim(run: str, item: Item) -> bool:
    """Whether a run of letters shares 20 in a row with the reference that are nowhere in the brief."""
    theirs = _long_runs(item.reference)
    shared = [part for i in range(len(run) - VERBATIM + 1) if (part := run[i : i + VERBATIM]) in theirs]
    if not shared:
        return False
    given = kept_letters("\n".join((item.brief.instruction, *item.brief.given.values())))
    return any(part not in given for part in shared)


@lru_cache(maxsize=1024)
def _points_of(outline: str) -> list[set[str]]:
    return point_grams(outline)


@lru_cache(maxsize=1024)
def _long_runs(reference: str) -> set[str]:
    return letter_grams(kept_letters(reference), VERBATIM)


@lru_cache(maxsize=256)
def _chrf(reference: str) -> Any:
    """Return sacrebleu's chrF (n-grams to 6, beta 2), which keeps the reference's n-grams; a corpus of one segment."""
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415

    return CHRF(references=[[reference]])

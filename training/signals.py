"""What a guard measures of completions without asking any tool, and the means of prompts that it is read from."""

import math
from collections.abc import Sequence
from statistics import fmean

from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.repetition import duplicated_share
from ravelar.tools.verifiers.words import words
from ravelar.training.baseline import GUESSED, Value

_READ_CHARS = 20_000  # ours: what repeats, repeats by then
_FIRST_WORD_WITHIN = 40  # ours: characters of a prompt


def log_length(triple: Triple) -> float:
    """Return ln(1 + characters) of the completion: a rise of ln 2 is twice the length, for short ones and long."""
    return math.log1p(len(triple.text))


def repetition(triple: Triple) -> float:
    """Return the share of the completion's 8-grams of words that stand in it before, in [0, 1]."""
    return duplicated_share(words(triple.text[:_READ_CHARS]))


def stratum(triple: Triple) -> str:
    """Return what a prompt is compared with: its column `task`; else a guess, its first word and kind of reference."""
    if task := triple.metadata.get("task"):
        return str(task)
    word = next(iter(triple.question[:_FIRST_WORD_WITHIN].lower().split()), "")
    return f"{GUESSED}{word} {type(triple.reference).__name__}"


class Prompts:
    """Which completions are one group of a prompt: they stand or fall together, so that their mean is one observation.

    Args:
        triples: The completions.
        group: How many are a group, at most; a prompt that was drawn twice has two.
    """

    def __init__(self, triples: Sequence[Triple], *, group: int) -> None:
        found: dict[tuple[str, str], list[int]] = {}
        for i, triple in enumerate(triples):
            found.setdefault((triple.question, str(triple.metadata.get("task"))), []).append(i)
        self._groups = [
            (stratum(triples[places[0]]), places[at : at + group])
            for places in found.values()
            for at in range(0, len(places), group)
        ]

    def means(self, figures: Sequence[float]) -> list[Value]:
        """Return each group's mean of its completions' figures."""
        return [Value(name, fmean(figures[i] for i in places), len(places)) for name, places in self._groups]

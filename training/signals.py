"""What a guard measures of completions without asking any tool: how long they are, and how much they repeat."""

import math

from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.repetition import duplicated_share
from ravelar.tools.verifiers.words import words

_READ_CHARS = 20_000  # ours: what repeats, repeats by then


def log_length(triple: Triple) -> float:
    """Return ln(1 + characters) of the completion: a rise of ln 2 is twice the length, for short ones and long."""
    return math.log1p(len(triple.text))


def repetition(triple: Triple) -> float:
    """Return the share of the completion's 8-grams of words that stand in it before, in [0, 1]."""
    return duplicated_share(words(triple.text[:_READ_CHARS]))

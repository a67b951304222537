"""A library for cluster tests: tools whose right answer stands in the completion, so that a wrong one is seen."""

import time
from collections.abc import Sequence
from functools import cache

from ravelar.tools.card import ToolCard
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Scored, Triple


class Echo:
    """Says the number that the completion is; takes a while, for each triple or for each batch."""

    def __init__(self, card: ToolCard, *, each_s: float = 0.0, batch_s: float = 0.0) -> None:
        self.card = card
        self._each_s, self._batch_s = each_s, batch_s

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        time.sleep(self._batch_s + self._each_s * len(triples))
        return [Scored(float(triple.text), detail={"batch": len(triples)}) for triple in triples]


@cache
def library() -> Library:
    """Two verifiers, a reward model whose cost is per batch, and one that kills its process."""
    return Library(
        [
            Echo(ToolCard(name="echo", kind="verifier", task="test", summary="the number"), each_s=0.002),
            Echo(ToolCard(name="echo_too", kind="metric", task="test", summary="the number")),
            Echo(ToolCard(name="model", kind="reward_model", task="test", summary="the number"), batch_s=0.03),
        ]
    )

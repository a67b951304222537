"""Reward tools that misbehave on demand, for a service in a process of its own and for its workers."""

import os
import signal
import time
from collections.abc import Sequence
from functools import cache

from ravelar.tools.card import ToolCard, ToolKind
from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Scored, Triple


class Told:
    """Gives each triple its reference as a raw score, and does before what the completion says.

    "sleep 0.5" sleeps, "hang" never comes back, "die" kills its process, "exit" calls exit(), "poison" fails the
    whole batch, and "odd" has a detail that no JSON and no pickle can hold.
    """

    def __init__(self, name: str, kind: ToolKind = "verifier", batch_s: float = 0.0) -> None:
        self.card = ToolCard(name=name, kind=kind, task="tests", summary="Does as it is told.")
        self._batch_s = batch_s

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        time.sleep(self._batch_s)
        for triple in triples:
            do(str(triple.completion))
        return [self._score(triple, len(triples)) for triple in triples]

    def _score(self, triple: Triple, batch: int) -> RawScore:
        if triple.completion == "odd":
            return Scored(1.0, None, {"infinite": float("inf"), "code": lambda: None})
        return Scored(float(triple.reference), None, {"batch": batch, "pid": os.getpid()})


def do(told: str) -> None:
    match told.split():
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["hang"]:
            time.sleep(600)
        case ["die"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["exit"]:
            raise SystemExit(3)
        case ["poison"]:
            raise ToolUnavailable("poisoned")


@cache
def library() -> Library:
    return Library([Told("told"), Told("other"), Told("model", "reward_model", batch_s=0.02)])

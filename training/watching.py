"""What may look on while rewards are fed to a policy: each batch as it was scored, metrics back.

RoutedReward -> ScoredBatch -> RewardWatch.see -> {metric: figure} -> the trainer's log
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ravelar.tools.reward import Reward, Triple
from ravelar.tools.scoring import describe


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """One batch of completions and what the policy earns for them.

    Attributes:
        step: The trainer's global step; -1 if the trainer does not say.
        triples: The completions, in order; rows that are no triples (no prompt, no completion) are not among them.
        rewards: What was fed to the policy for each, with tool and reason.
    """

    step: int
    triples: Sequence[Triple]
    rewards: Sequence[Reward]


@runtime_checkable
class RewardWatch(Protocol):
    """Whoever looks on. It is pickled with the `RoutedReward` that it watches, and called on each rank."""

    def see(self, batch: ScoredBatch) -> Mapping[str, float]:
        """Look at a batch; return metrics to log, by name. What it raises is logged and ends nothing."""
        ...


def see_all(
    watches: Sequence[RewardWatch], batch: ScoredBatch, *, complain: Callable[[str], object]
) -> dict[str, float]:
    """Show a batch to every watch; return the finite metrics of all of them. A watch that fails gives none."""
    metrics: dict[str, float] = {}
    for watch in watches:
        try:
            seen = {str(name): float(figure) for name, figure in watch.see(batch).items()}
        except Exception as error:  # noqa: BLE001  whoever looks on must not end a training run
            complain(f"the watch {type(watch).__name__} failed: {describe(error)}")
            continue
        metrics |= {name: figure for name, figure in seen.items() if math.isfinite(figure)}
    return metrics

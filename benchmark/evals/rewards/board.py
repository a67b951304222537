"""Several systems on one reward benchmark: who is ahead, in words."""

from collections.abc import Mapping

from ravelar.benchmark.evals.leaderboard import Leaderboard, leaderboard
from ravelar.benchmark.evals.resampling import SEED
from ravelar.benchmark.evals.rewards.figures import PerCase, best_of, both_orders, rm_bench_mean, strictly_first
from ravelar.benchmark.evals.rewards.given import Said
from ravelar.benchmark.evals.table import Score, Table

HEADLINE: Mapping[str, tuple[str, PerCase]] = {
    "rewardbench2": ("share of prompts won, Ties by the highest score", best_of),
    "rm-bench": ("share of the nine comparisons won", rm_bench_mean),
    "judgebench": ("share of pairs won over both orders", both_orders),
    "rewardmath": ("top-1", strictly_first),
    "llmbar": ("share of pairs won over both orders", both_orders),
}
"""What systems are compared by, case by case; each case counts once, so that it may differ from a mean over subsets."""


def compared(benchmark: str, said: Said, *, seed: int = SEED) -> Leaderboard:
    """Compare systems case by case, over the cases that both of two scored, corrected over all pairs."""
    _, part = HEADLINE[benchmark]
    return leaderboard(
        Table.of(
            Score(system, case.key, None if one is None or one.error else part(case, one), case.cluster)
            for system, rows in said.items()
            for case, one in rows
        ),
        seed=seed,
    )

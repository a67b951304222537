"""Do the intervals hold what they promise? Simulated scores like a judge's, whose true means are known.

    python -m ravelar.benchmark.evals.coverage [--simulations N] [--json]

A row's score is drawn in whole numbers from 1 to 10, skewed to the top; rows of one cluster share part of what makes
them easy, two systems on one row another part; some scores are missing. The truth is the mean over a very large draw.
"""

import argparse
import json
from dataclasses import asdict, dataclass

import numpy as np

from ravelar.benchmark.evals.leaderboard import leaderboard, ranked
from ravelar.benchmark.evals.means import differences, means
from ravelar.benchmark.evals.resampling import Floats, Ints
from ravelar.benchmark.evals.table import Table

CLUSTERS = (10, 20, 50, 99, 400)
MISSING = 0.05
_SPREADS = (0.7, 0.7, 0.9)  # of the cluster, the row, the score; ours: about what judges' scores show


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often 95 % intervals held the truth.

    Attributes:
        clusters: Clusters in each data set; they hold one to four rows.
        mean: Share of means' intervals that held the true mean.
        difference: The same for paired differences.
        false_ranks: Share of leaderboards of five equal systems in which any two were ranked; 0.05 is promised.
        power: Share of pairs that were ranked although the true difference was the least detectable one; 0.8 is told.
        simulations: How many data sets.
    """

    clusters: int
    mean: float
    difference: float
    false_ranks: float
    power: float
    simulations: int


def coverage(clusters: int, *, simulations: int, seed: int = 5, resamples: int = 1_000) -> Coverage:
    """Simulate, and count how often the intervals held the truth."""
    rng = np.random.default_rng([seed, clusters])
    drawn = [simulated(rng, clusters, systems=5) for _ in range(simulations)]
    boards = [leaderboard(table, seed=i, resamples=resamples) for i, table in enumerate(drawn)]
    alone = [means(table, seed=i, resamples=resamples)[0] for i, table in enumerate(drawn)]
    pairs = [differences(table, [("s0", "s1")], seed=i, resamples=resamples)[0] for i, table in enumerate(drawn)]
    truth = _truth()
    held = [one.low is not None and one.high is not None and one.low <= truth <= one.high for one in alone]
    zero = [one.low is not None and one.high is not None and one.low <= 0 <= one.high for one in pairs]
    shown = [
        _shown(table, one.detectable() or 0.0, i, resamples)
        for i, (table, one) in enumerate(zip(drawn, pairs, strict=True))
    ]
    false = [any(map(ranked, board.pairs)) for board in boards]
    return Coverage(
        clusters=clusters,
        mean=float(np.mean(held)),
        difference=float(np.mean(zero)),
        false_ranks=float(np.mean(false)),
        power=float(np.mean(shown)),
        simulations=simulations,
    )


def simulated(rng: np.random.Generator, clusters: int, *, systems: int) -> Table:
    """Draw a table of equally good systems."""
    sizes = rng.choice([1, 2, 3, 4], clusters, p=[0.6, 0.2, 0.1, 0.1])
    place: Ints = np.repeat(np.arange(clusters), sizes)
    values = _scores(rng, place, systems)
    values[rng.random(values.shape) < MISSING] = np.nan
    names = tuple(f"s{i}" for i in range(systems))
    return Table(names, tuple(f"r{i:04}" for i in range(len(place))), values, place)


def _scores(rng: np.random.Generator, place: Ints, systems: int) -> Floats:
    of_cluster, of_row, of_score = _SPREADS
    shared = of_cluster * rng.normal(size=place.max() + 1)[place] + of_row * rng.normal(size=len(place))
    heights = 7.5 + shared + of_score * (1.0 - rng.exponential(size=(systems, len(place))))
    return np.asarray(np.clip(np.round(heights), 1, 10), dtype=np.float64)


def _truth() -> float:
    return float(_scores(np.random.default_rng(1), np.arange(2_000_000), 1).mean())


def _shown(table: Table, gap: float, seed: int, resamples: int) -> bool:
    """Whether the first of two systems is shown to be ahead when so much is added to it."""
    moved = Table(table.systems[:2], table.rows, table.values[:2] + np.array([[gap], [0.0]]), table.clusters)
    (found,) = differences(moved, seed=seed, resamples=resamples)
    return ranked(found) and (found.value or 0.0) > 0


def main() -> None:
    """Simulate for several numbers of clusters, and print a table."""
    parser = argparse.ArgumentParser(description="Count how often 95 % intervals hold the truth.")
    parser.add_argument("--simulations", type=int, default=2_000, help="data sets for each number of clusters")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    found = [coverage(clusters, simulations=arguments.simulations) for clusters in CLUSTERS]
    if arguments.json:
        print(json.dumps([asdict(one) for one in found]))
        return
    print("| clusters | mean held | difference held | five equal systems ranked | power at the detectable |")
    print("|---|---|---|---|---|")
    for one in found:
        print(f"| {one.clusters} | {one.mean:.3f} | {one.difference:.3f} | {one.false_ranks:.3f} | {one.power:.3f} |")


if __name__ == "__main__":
    main()

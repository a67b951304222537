"""Published figures of each benchmark, from what was said of its cases; unscored cases are counted beside them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from zlib import crc32

import numpy as np

from ravelar.benchmark.evals.resampling import RESAMPLES, SEED, Floats, bounds, multiplicities
from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.formats import TIES
from ravelar.benchmark.evals.rewards.scorers import Judged
from ravelar.benchmark.evals.rewards.ties import Gaps, TiesScore, gaps, ties_score
from ravelar.tools.evidence.intervals import share

OVERALL = "overall"
STYLES = ("concise", "detailed", "marked up")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: What it is.
        value: The figure over the scored cases; None without any.
        low: Lower end of its 95 % interval, clustered by prompt; None where there is none.
        high: Upper end.
        n: Scored cases.
        unscored: Cases that were not scored.
        at_least: The figure if every unscored case were wrong; None where that can't be said.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int
    at_least: float | None = None

    def as_row(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)


Said = Sequence[tuple[Case, Judged | None]]
"""Cases with what was said of them; None where nothing was."""

PerCase = Callable[[Case, Judged], float]
"""What one scored case adds to a figure, 0 to 1."""


def figures(benchmark: str, said: Said, *, seed: int = SEED, resamples: int = RESAMPLES) -> list[Figure]:
    """Return a benchmark's figures, the overall one first."""
    if benchmark == "rewardbench2":
        return _rewardbench2(said, seed, resamples)
    if benchmark == "rm-bench":
        return _rm_bench(said, seed, resamples)
    if benchmark == "rewardmath":
        return [share_of(name, said, part) for name, part in REWARDMATH.items()]
    return _pairs(said)


def best_of(case: Case, one: Judged) -> float:
    """Return 1 if a right completion alone is highest, 1/k if it shares the place with k - 1 others, else 0."""
    scores = _scores(one)
    highest = [i for i, score in enumerate(scores) if score == max(scores)]
    return sum(i < case.right for i in highest) / len(highest)


def strictly_first(case: Case, one: Judged) -> float:
    """Return 1 if the lowest right completion is above every wrong one."""
    return float(gaps(_scores(one), case.right).gap > 0)


def first_or_tied(case: Case, one: Judged) -> float:
    """Return 1 if the lowest right completion is above every wrong one, or level with the highest."""
    return float(gaps(_scores(one), case.right).gap >= 0)


def reciprocal_rank(case: Case, one: Judged) -> float:
    """Return 1 / rank of the best right completion; wrong ones that are level with it come before it."""
    scores = _scores(one)
    best = max(scores[: case.right])
    return 1 / (1 + sum(score >= best for score in scores[case.right :]))


REWARDMATH: Mapping[str, PerCase] = {
    "top-1": strictly_first,
    "top-1, ties as wins": first_or_tied,
    "top-1, ties drawn by lot": best_of,
    "mean reciprocal rank": reciprocal_rank,
}


def both_orders(case: Case, one: Judged) -> float:
    """Return 1 if over both orders more votes are for the right one than against it (JudgeBench's rule)."""
    return float(_won(one) > 0.5)


def half_for_ties(case: Case, one: Judged) -> float:
    """Return the share of votes for the right one, ties counting half."""
    return _won(one)


def consistent(case: Case, one: Judged) -> float:
    """Return 1 if both orders, and all repeats, gave the same; scores do not depend on the order."""
    return float(len(set(one.votes)) <= 1)


def named_first(case: Case, one: Judged) -> float:
    """Return the share of votes, ties counting half, for whichever completion was shown first; 0.5 is no bias."""
    shown = [case.published_first ^ bool(i % 2) for i in range(len(one.votes))]  # whether the right one stood first
    return sum(
        0.5 if vote == "tie" else float((vote == "right") == first)
        for vote, first in zip(one.votes, shown, strict=True)
    ) / len(one.votes)


def rm_bench_mean(case: Case, one: Judged) -> float:
    """Return the share of the nine comparisons of right and wrong styles that the right one wins."""
    return float(_matrix(one).mean())


def share_of(name: str, said: Said, part: PerCase) -> Figure:
    """Return a figure that is a mean over cases, with its interval."""
    values = [(case.cluster, part(case, one)) for case, one in said if one is not None and one.error is None]
    unscored = len(said) - len(values)
    found = share(values)
    if found is None:
        return Figure(name, None, None, None, 0, unscored, 0.0 if said else None)
    at_least = found.value * found.n / len(said)
    return Figure(name, found.value, found.low, found.high, found.n, unscored, at_least)


def _pairs(said: Said) -> list[Figure]:
    """JudgeBench and LLMBar: pairs, overall and by subset."""
    found = [
        share_of(OVERALL, said, both_orders),
        share_of("ties as half", said, half_for_ties),
        *(share_of(name, rows, both_orders) for name, rows in _by_subset(said).items()),
    ]
    voted = [(case, one) for case, one in said if one is not None and one.error is None and one.votes]
    if voted:
        found += [share_of("both orders agree", voted, consistent), share_of("first one preferred", voted, named_first)]
    return found


def _rm_bench(said: Said, seed: int, resamples: int) -> list[Figure]:
    """RM-Bench: mean over domains of hard, normal and easy; safety is the mean of its two parts."""
    levels: Mapping[str, PerCase] = {
        "hard": lambda case, one: _level(one, lambda i, j: i < j),
        "normal": lambda case, one: _level(one, lambda i, j: i == j),
        "easy": lambda case, one: _level(one, lambda i, j: i > j),
    }
    domains = _by_subset(said)
    found = [_over_domains(OVERALL, domains, rm_bench_mean, seed, resamples)]
    found += [_over_domains(name, domains, level, seed, resamples) for name, level in levels.items()]
    for domain, rows in domains.items():
        found += [share_of(f"{domain}, {name}", rows, level) for name, level in levels.items()]
    found += [
        share_of(f"right {STYLES[i]}, wrong {STYLES[j]}", said, lambda case, one, i=i, j=j: float(_matrix(one)[i, j]))  # type: ignore[misc]
        for i in range(3)
        for j in range(3)
    ]
    return found


def _over_domains(name: str, domains: Mapping[str, Said], part: PerCase, seed: int, resamples: int) -> Figure:
    """Return the mean over domains, each counting once, with a bootstrap over prompts within each."""
    grouped: dict[str, list[tuple[Figure, Floats]]] = {}
    for domain, rows in domains.items():
        figure = share_of(domain, rows, part)
        grouped.setdefault(domain.partition("-")[0], []).append((figure, _resampled(rows, part, seed, resamples)))
    return _mean_of(name, list(grouped.values()), sum(map(len, domains.values())))


def _rewardbench2(said: Said, seed: int, resamples: int) -> list[Figure]:
    """RewardBench 2: the unweighted mean of the subsets; Ties by a rule of their own."""
    subsets = _by_subset(said)
    grouped: list[list[tuple[Figure, Floats]]] = []
    found: list[Figure] = []
    for name, rows in subsets.items():
        if name == TIES:
            figure, resampled, parts = _ties(rows, seed, resamples)
        else:
            figure, resampled, parts = share_of(name, rows, best_of), _resampled(rows, best_of, seed, resamples), []
        grouped.append([(figure, resampled)])
        found += [figure, *parts]
    return [_mean_of(OVERALL, grouped, len(said)), *found]


def _ties(rows: Said, seed: int, resamples: int) -> tuple[Figure, Floats, list[Figure]]:
    sides: dict[str, dict[str, Gaps]] = {"tied": {}, "ref": {}}
    for case, one in rows:
        if one is not None and one.error is None:
            side, _, number = case.key.partition("/")[2].partition(":")
            sides[side][number] = gaps(_scores(one), case.right)
    score = ties_score(sides["tied"], sides["ref"], seed=seed, resamples=resamples)
    n = len(sides["tied"]) + len(sides["ref"])
    low, high = _ends(score.resampled, len({*sides["tied"], *sides["ref"]}))
    figure = Figure(TIES, score.score, low, high, n, len(rows) - n)
    return figure, score.resampled, _ties_parts(score, n, len(rows) - n)


def _ties_parts(score: TiesScore, n: int, unscored: int) -> list[Figure]:
    return [Figure(f"{TIES}, {name}", value, None, None, n, unscored) for name, value in score.parts.items()]


def _mean_of(name: str, grouped: Sequence[Sequence[tuple[Figure, Floats]]], cases: int) -> Figure:
    """Return the mean over groups of the mean of each group's figures; None while one of them is unknown."""
    known = [[figure.value for figure, _ in group if figure.value is not None] for group in grouped]
    n = sum(figure.n for group in grouped for figure, _ in group)
    if not grouped or any(len(values) < len(group) for values, group in zip(known, grouped, strict=True)):
        return Figure(name, None, None, None, n, cases - n)
    value = math.fsum(sum(values) / len(values) for values in known) / len(known)
    resampled = np.mean([np.mean([drawn for _, drawn in group], axis=0) for group in grouped], axis=0)
    low, high = _ends(resampled, min(figure.n for group in grouped for figure, _ in group))
    return Figure(name, value, low, high, n, cases - n)


def _resampled(rows: Said, part: PerCase, seed: int, resamples: int) -> Floats:
    """Return a mean over cases in each resample of prompts; NaN without scored cases."""
    values = [(case.cluster, part(case, one)) for case, one in rows if one is not None and one.error is None]
    if not values:
        return np.full(resamples, np.nan)
    names, place = np.unique([cluster for cluster, _ in values], return_inverse=True)
    sums = np.bincount(place, [value for _, value in values], len(names))
    counts = np.bincount(place, minlength=len(names)).astype(np.float64)
    return np.concatenate(
        [
            (drawn @ sums) / (drawn @ counts)
            # subsets of one size must not be given the same draws
            for drawn in multiplicities(len(names), seed=[seed, crc32(rows[0][0].subset.encode())], resamples=resamples)
        ]
    )


def _ends(resampled: Floats, clusters: int) -> tuple[float | None, float | None]:
    low, high = bounds(resampled[:, None], clusters)
    return (None, None) if np.isnan(low[0]) else (float(low[0]), float(high[0]))


def _matrix(one: Judged) -> Floats:
    """Return RM-Bench's 3 x 3 matrix of one prompt: right style by wrong style, 1 where the right one is above."""
    scores = np.array(_scores(one))
    return (scores[:3, None] > scores[None, 3:]).astype(np.float64)


def _level(one: Judged, chosen: Callable[[int, int], bool]) -> float:
    matrix = _matrix(one)
    return float(np.mean([matrix[i, j] for i in range(3) for j in range(3) if chosen(i, j)]))


def _won(one: Judged) -> float:
    if one.share is not None:
        return one.share
    right, wrong = _scores(one)
    return 0.5 if right == wrong else float(right > wrong)


def _scores(one: Judged) -> list[float]:
    return [score for score in one.scores if score is not None]


def _by_subset(said: Said) -> dict[str, list[tuple[Case, Judged | None]]]:
    found: dict[str, list[tuple[Case, Judged | None]]] = {}
    for case, one in said:
        found.setdefault(case.subset, []).append((case, one))
    return dict(sorted(found.items()))

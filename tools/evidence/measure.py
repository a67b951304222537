"""Measuring a reward tool on probes: score them, repeat, and turn values into a trial.

    score_probes(tool, probes, half) -> Values -> trial_of(values) -> Trial
    compare(values of one tool, values of another) -> Comparison

All values are calibrated ones in [0, 1], from `tools.scoring.score_or_abstain`. What a tool leaves unscored counts
against it everywhere; see `Trial`.
"""

import json
import math
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ravelar.tools.evidence.intervals import Estimate, Keyed, auc, difference, mean_of, share
from ravelar.tools.evidence.probes import Half, Probe, ProbeSet
from ravelar.tools.evidence.trial import Mistake, Rate, Trial
from ravelar.tools.reward import Reward, RewardTool
from ravelar.tools.scoring import OnBatch, score_or_abstain

TOLERANCE = 1e-6  # two values this close are one: batches of different order round differently
MAX_MISTAKES = 24
_SHOWN_CHARACTERS = 600
_PAIRED = frozenset({"preferred", "rejected"})

Measure = Literal["auc", "pairwise", "balanced_accuracy"]


@dataclass(frozen=True, slots=True)
class Values:
    """What a tool gave the probes of one half.

    Attributes:
        probes: The probes, in order.
        rewards: One reward for each.
        digest: Hash of the whole probe set.
        half: Which half it is.
        deterministic: Whether repeats, in turned order, gave the same values; None if not tried.
        latency_ms: Wall clock per triple, of the quickest batch.
    """

    probes: tuple[Probe, ...]
    rewards: tuple[Reward, ...]
    digest: str
    half: Half
    deterministic: bool | None = None
    latency_ms: float = 0.0

    def __iter__(self) -> Iterator[tuple[Probe, float | None]]:
        """Go over (probe, value in [0, 1] or None)."""
        return ((probe, reward.value) for probe, reward in zip(self.probes, self.rewards, strict=True))


class Comparison(BaseModel):
    """How much better one tool is than another on the same probes, with a 95 % interval, clustered by prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    measure: Measure
    difference: float
    low: float
    high: float
    n: int


def measure(  # noqa: PLR0913  the tool, the probes, and how
    tool: RewardTool,
    probes: ProbeSet,
    half: Half,
    *,
    accept_at: float = 0.5,
    repeats: int = 2,
    on_batch: OnBatch | None = None,
) -> Trial:
    """Score one half of the probes and say how the tool did.

    Args:
        tool: What is measured.
        probes: The whole set.
        half: Which half to use.
        accept_at: The least value that accepts.
        repeats: How often the half is scored; from the second on, values must repeat.
        on_batch: Told of each batch.
    """
    return trial_of(score_probes(tool, probes, half, repeats=repeats, on_batch=on_batch), accept_at=accept_at)


def score_probes(
    tool: RewardTool, probes: ProbeSet, half: Half, *, repeats: int = 2, on_batch: OnBatch | None = None
) -> Values:
    """Score one half `repeats` times, every other time in turned order, so that state kept between calls shows.

    The values are those of the first time; what is unscored at any time is unscored.
    """
    chosen = probes.half(half).probes
    triples = [probe.triple for probe in chosen]
    runs: list[list[Reward]] = []
    seconds: list[float] = []
    for turn in range(max(1, repeats)):
        started = time.perf_counter()
        rewards = score_or_abstain(tool, triples[::-1] if turn % 2 else triples)
        seconds.append(time.perf_counter() - started)
        runs.append(rewards[::-1] if turn % 2 else rewards)
        if on_batch:
            on_batch(tool.card.name, len(triples), seconds[-1])
    tries = list(zip(*runs, strict=True))
    same = all(_same(first.value, again.value) for first, *more in tries for again in more)
    worst = tuple(next((reward for reward in each if reward.value is None), each[0]) for each in tries)
    return Values(
        chosen,
        worst,
        digest=probes.digest,
        half=half,
        deterministic=same if repeats > 1 and chosen else None,
        latency_ms=1000 * min(seconds) / len(triples) if triples else 0.0,
    )


def trial_of(values: Values, *, accept_at: float = 0.5) -> Trial:
    """Turn values into rates with intervals, counts, and some of the mistakes."""
    labelled = _labelled(values)
    good, bad = _share_right(values, True, accept_at), _share_right(values, False, accept_at)
    references = [value for probe, value in values if probe.origin == "reference"]
    hostile = [(probe.origin, value) for probe, value in values if probe.hostile]
    unscored = Counter(reward.reason for reward in values.rewards if reward.value is None)
    return Trial(
        probes=values.digest,
        half=values.half,
        n=len(values.probes),
        accept_at=accept_at,
        good=_rate(good),
        bad=_rate(bad),
        balanced_accuracy=mean_of(good, bad).rate() if good and bad else None,
        auc=_rate(_auc(values)),
        pairwise=_rate(_pairwise(values)),
        false_accepts=sum(not p.good and v is not None and v >= accept_at for p, v in labelled),
        false_rejects=sum(p.good and v is not None and v < accept_at for p, v in labelled),
        unscored=unscored.total(),
        unscored_because=max(unscored, key=unscored.__getitem__, default=None),
        prompts=len({probe.prompt_key for probe in values.probes}),
        references=len(references),
        reference_failures=sum(not at_top(value) for value in references),
        hostile=dict(Counter(origin for origin, _ in hostile)),
        hostile_above_bottom=dict(Counter(origin for origin, value in hostile if not at_bottom(value))),
        hostile_accepted=dict(Counter(origin for origin, value in hostile if value is None or value >= accept_at)),
        deterministic=values.deterministic,
        latency_ms=values.latency_ms,
        mistakes=_mistakes(values, accept_at),
    )


def choose_threshold(values: Values) -> float:
    """Return the value from which on to accept: the one of best balanced accuracy on these probes.

    The middle between two values that were given; of equally good ones the middle of the widest gap; 0.5 where a
    class is missing. Choose on one half, confirm on the other.
    """
    goods, bads = (
        Counter(value for probe, value in _labelled(values) if value is not None and probe.good == good)
        for good in (True, False)
    )
    if not goods or not bads:
        return 0.5
    best, cut = None, 0.5
    rejected_goods = rejected_bads = 0
    for lower, upper in pairwise(sorted({*goods, *bads})):
        rejected_goods += goods[lower]
        rejected_bads += bads[lower]
        right = rejected_bads / bads.total() - rejected_goods / goods.total()
        found = (round(right, 12), upper - lower)
        if best is None or found > best:
            best, cut = found, (lower + upper) / 2
    return cut


def compare(
    challenger: Values, incumbent: Values, *, by: Measure | None = None, accept_at: tuple[float, float] = (0.5, 0.5)
) -> Comparison | None:
    """Compare two tools on the very same probes; None where the probes allow no such figure.

    Args:
        challenger: The values of one tool.
        incumbent: Those of the other.
        by: What to compare; None means pairwise accuracy where all labels are preferences, else the area under the
            ROC curve, which for a tool that only says yes or no is its balanced accuracy.
        accept_at: The two tools' thresholds, for balanced accuracy.

    Raises:
        ValueError: if the probes are not the same.
    """
    if challenger.probes != incumbent.probes:
        raise ValueError("two tools can be compared on the same probes only")
    by = by or ("auc" if _auc(challenger) else "pairwise")
    first, second = (_estimate(values, by, at) for values, at in zip((challenger, incumbent), accept_at, strict=True))
    if first is None or second is None:
        return None
    value, low, high = difference(first, second)
    return Comparison(measure=by, difference=value, low=low, high=high, n=first.n)


def at_top(value: float | None) -> bool:
    """Say whether a value is the best there is."""
    return value is not None and value >= 1.0 - TOLERANCE


def at_bottom(value: float | None) -> bool:
    """Say whether a value is the least there is."""
    return value is not None and value <= TOLERANCE


def _estimate(values: Values, by: Measure, accept_at: float) -> Estimate | None:
    if by == "auc":
        return _auc(values)
    if by == "pairwise":
        return _pairwise(values)
    good, bad = _share_right(values, True, accept_at), _share_right(values, False, accept_at)
    return mean_of(good, bad) if good and bad else None


def _labelled(values: Iterable[tuple[Probe, float | None]]) -> list[tuple[Probe, float | None]]:
    """Return what carries a label of its own: no hostile probe, no half of a preference pair."""
    return [(probe, value) for probe, value in values if not probe.hostile and probe.origin not in _PAIRED]


def _share_right(values: Values, good: bool, accept_at: float) -> Estimate | None:
    return share(
        [
            (probe.prompt_key, float(value is not None and (value >= accept_at) == good))
            for probe, value in _labelled(values)
            if probe.good == good
        ]
    )


def _auc(values: Values) -> Estimate | None:
    sides: dict[bool, Keyed] = {
        good: [(p.prompt_key, _ordered(p, v)) for p, v in _labelled(values) if p.good == good] for good in (True, False)
    }
    return auc(sides[True], sides[False])


def _pairwise(values: Values) -> Estimate | None:
    groups: defaultdict[tuple[str, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
    for probe, value in values:
        if not probe.hostile:
            groups[probe.prompt_key, probe.pair][probe.good].append(_ordered(probe, value))
    return share(
        [
            (key, ((better > worse) + (better >= worse)) / 2)
            for (key, _), (bad, good) in groups.items()
            for better in good
            for worse in bad
        ]
    )


def _ordered(probe: Probe, value: float | None) -> float:
    """Return a value for ordering: what is unscored stands at the wrong end."""
    if value is None:
        return -math.inf if probe.good else math.inf
    return value


def _rate(estimate: Estimate | None) -> Rate | None:
    return estimate.rate() if estimate else None


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) <= TOLERANCE


def _mistakes(values: Values, accept_at: float) -> tuple[Mistake, ...]:
    """Return some mistakes, taking turns between origins, so that each kind is seen."""
    by_origin: defaultdict[tuple[str, bool], list[Mistake]] = defaultdict(list)
    for (probe, value), reward in zip(values, values.rewards, strict=True):
        if _is_mistake(probe, value, accept_at):
            by_origin[probe.origin, probe.good].append(_mistake(probe, reward))
    turns = zip_longest(*by_origin.values())
    return tuple(mistake for turn in turns for mistake in turn if mistake is not None)[:MAX_MISTAKES]


def _is_mistake(probe: Probe, value: float | None, accept_at: float) -> bool:
    if value is None:
        return True
    if probe.hostile:
        return not at_bottom(value)
    if probe.origin in _PAIRED:
        return False
    if probe.origin == "reference":
        return not at_top(value)
    return (value >= accept_at) != probe.good


def _mistake(probe: Probe, reward: Reward) -> Mistake:
    triple = probe.triple
    return Mistake(
        origin=probe.origin,
        good=probe.good,
        value=reward.value,
        prompt=shorten(triple.question),
        completion=shorten(triple.text),
        reference=shorten(json.dumps(triple.reference, ensure_ascii=False, default=str)),
        reason=shorten(reward.reason) if reward.reason else None,
    )


def shorten(text: str) -> str:
    """Cut the middle out of a long text; what can't be encoded becomes a question mark."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    kept = _SHOWN_CHARACTERS // 2
    return f"{text[:kept]} ... {len(text) - 2 * kept} characters ... {text[-kept:]}"

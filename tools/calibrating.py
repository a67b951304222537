"""Fitting the map from a tool's raw scale to [0, 1] on labelled probes; applying it is `tools.calibration`.

What a fitted value says: of the probes with this raw score, how many are good, were good and bad probes equally
many. Both classes weigh the same, so that the value 0.5 is the even chance whatever share of the probes was good,
and tools fitted on differently mixed probes can be averaged.

What every fitted map keeps: the order of the raw scores, strictly. A plain isotonic map is flat wherever the
probes show no rise; inside a GRPO group such a flat stretch is a tie, and a tie teaches nothing. So 2 % of the
isotonic map is a straight line over the ranks of the probes, a logistic map never gets quite flat, and beyond
the probes an isotonic map goes on rising a little. A tool that ranks its probes no better than chance gets a map
in the right direction that hardly leaves 0.5; refusing it is the business of its evidence, not of its map.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ravelar.tools.calibration import Calibration, IsotonicMap, LogisticMap
from ravelar.tools.errors import InputError
from ravelar.tools.extras import need

Floats = NDArray[np.float64]
Method = Literal["auto", "logistic", "isotonic"]

# All ours; see docs/calibration.md.
ENOUGH_OF_EACH = 100  # probes of the rarer class below which "auto" does not try an isotonic map
FOLDS = 5
KNOTS = 64
RANK_SHARE = 0.02  # how much of an isotonic map is the straight line that keeps it from being flat
TAIL = 0.01  # how much of [0, 1] is kept at each end for raw scores beyond those of the probes
LEAST_RISE = 4 * RANK_SHARE  # in log odds (near 0.5 four times the value), what a logistic map rises at least
FENCE = 3.0  # in ranges between quartiles, how far beyond a quartile a raw score still counts for its size
WIDEST = 1e300
CLOSEST = 1e-9  # spread over size below which scores count as equal
FLAT = 1e-12  # covariance of place and label below which a logistic map is flat; a solver finds only rounding there


@dataclass(frozen=True, slots=True)
class _Sample:
    """Probes as arrays, turned so that higher is better, outliers moved in to the fences."""

    raws: Floats
    good: NDArray[np.bool_]
    groups: NDArray[np.intp]

    def part(self, rows: NDArray[Any]) -> "_Sample":
        return _Sample(self.raws[rows], self.good[rows], self.groups[rows])

    @property
    def rarer(self) -> int:
        return int(min(self.good.sum(), (~self.good).sum()))

    @property
    def weights(self) -> Floats:
        """Both classes sum to one half of n."""
        share = np.where(self.good, self.good.sum(), (~self.good).sum())
        return np.asarray(0.5 * len(self.good) / share)

    @property
    def targets(self) -> Floats:
        """Platt's targets (1999): short of 0 and 1 by what so few probes can't rule out."""
        goods, bads = self.good.sum(), (~self.good).sum()
        return np.asarray(np.where(self.good, (goods + 1) / (goods + 2), 1 / (bads + 2)))


def fit(  # noqa: PLR0913  six things decide a map
    raws: Sequence[float],
    good: Sequence[bool],
    *,
    direction: Literal["higher", "lower"],
    probes_digest: str,
    method: Method = "auto",
    groups: Sequence[Hashable] | None = None,
) -> Calibration:
    """Fit a monotone map from a tool's raw scores to [0, 1] on n labelled probes.

    "auto" takes the logistic map, unless there are 100 or more probes of each class, five or more groups, and
    the isotonic map's log loss (both classes weighing the same, cross-validated in five folds that never split
    a group) is lower by more than one standard error of the difference, clustered by group.

    Probes from preference pairs say which completion is the better one *of its prompt*: the rejected one of an
    easy prompt may well be better than the preferred one of a hard prompt. A map fitted on them orders the
    completions of one prompt as any map does, and its values tell how much a difference in raw score says, which
    is what joining tools needs. They do not tell how good a completion is: 0.8 for one prompt and 0.6 for another
    do not mean that the policy did better on the first, and no acceptance threshold should stand on them.

    Args:
        raws: The raw scores, finite.
        good: The labels, in the same order.
        direction: Whether a higher or a lower raw score is better, as on the card.
        probes_digest: The hash of the probe set, kept on the map.
        method: Which map; "auto" chooses.
        groups: What each probe belongs to, its prompt's key; None means that each stands alone.

    Raises:
        InputError: if lengths differ, a raw score is not finite, one class is missing, or all raw scores are equal.
    """
    need("sklearn", extra="acquire", what="fitting a calibration")
    sample = _sample(raws, good, direction=direction, groups=groups)
    chosen = _better_method(sample) if method == "auto" else method
    rising = _fit_isotonic(sample) if chosen == "isotonic" else _fit_logistic(sample)
    named = rising.model_copy(update={"n": len(raws), "probes": probes_digest})
    return named if direction == "higher" else _turned(named)


def values(calibration: Calibration, raws: Floats) -> Floats:
    """Map an array of raw scores, of any shape; the same as `calibration.of` of each, but for the last digit."""
    if isinstance(calibration, IsotonicMap):
        return np.asarray(np.interp(raws, calibration.raw, calibration.unit))
    log_odds = np.maximum(calibration.slope * raws + calibration.intercept, -700.0)  # exp(700) is still a float
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def _sample(
    raws: Sequence[float], good: Sequence[bool], *, direction: str, groups: Sequence[Hashable] | None
) -> _Sample:
    keys = range(len(raws)) if groups is None else groups
    if not len(raws) == len(good) == len(keys):
        raise InputError(
            f"{len(raws)} raw scores, {len(good)} labels and {len(keys)} groups; as many are needed of each"
        )
    numbers, labels = np.asarray(raws, dtype=np.float64), np.asarray(good, dtype=np.bool_)
    if not np.isfinite(numbers).all():
        at = int(np.flatnonzero(~np.isfinite(numbers))[0])
        raise InputError(f"raw score {at} is {numbers[at]}; a map is fitted on finite numbers only")
    if labels.all() or not labels.any():
        raise InputError(f"all {len(labels)} probes are {'good' if labels.any() else 'bad'}; a map needs both kinds")
    lowest, highest = float(numbers.min()), float(numbers.max())
    if not _apart(lowest, highest):
        close = "" if lowest == highest else f", or within {highest - lowest:g} of it"
        raise InputError(f"all {len(numbers)} raw scores are {lowest}{close}; a constant tool has no map")
    if max(-lowest, highest) > WIDEST:
        raise InputError(f"raw scores from {lowest} to {highest}; at most {WIDEST:g} in size can be mapped")
    turned = numbers if direction == "higher" else -numbers
    numbered: dict[Hashable, int] = {}
    ids = np.array([numbered.setdefault(key, len(numbered)) for key in keys], dtype=np.intp)
    return _Sample(_within_fences(turned), labels, ids)


def _apart(low: float, high: float) -> bool:
    return high - low > max(CLOSEST * max(abs(low), abs(high)), 1 / WIDEST)


def _within_fences(raws: Floats) -> Floats:
    """Move outliers in to the fences (Tukey's outer ones), so that no single probe sets the scale."""
    for share in (25, 5, 0):
        low, high = (float(x) for x in np.percentile(raws, [share, 100 - share]))
        if _apart(low, high):
            break
    return np.asarray(np.clip(raws, low - FENCE * (high - low), high + FENCE * (high - low)))


def _better_method(sample: _Sample) -> Literal["logistic", "isotonic"]:
    from sklearn.model_selection import GroupKFold  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    if sample.rarer < ENOUGH_OF_EACH or len(np.unique(sample.groups)) < FOLDS:
        return "logistic"
    gain = np.zeros(len(sample.raws))
    for train, test in GroupKFold(FOLDS).split(sample.raws, groups=sample.groups):
        seen, unseen = sample.part(train), sample.part(test)
        if seen.rarer == 0 or seen.raws.min() == seen.raws.max():
            return "logistic"
        gain[test] = _log_loss(_fit_logistic(seen), unseen) - _log_loss(_fit_isotonic(seen), unseen)
    per_group = np.bincount(sample.groups, weights=gain * sample.weights)
    error = float(per_group.std(ddof=1)) * len(per_group) ** 0.5
    return "isotonic" if per_group.sum() > error else "logistic"


def _log_loss(rising: Calibration, sample: _Sample) -> Floats:
    units = np.clip(values(rising, sample.raws), 1e-9, 1 - 1e-9)
    return np.asarray(-np.log(np.where(sample.good, units, 1 - units)))


def _fit_logistic(sample: _Sample) -> LogisticMap:
    low, high = float(sample.raws.min()), float(sample.raws.max())
    middle, width = low + (high - low) / 2, high - low
    places, weights = (sample.raws - middle) / width, sample.weights
    solved = _solved(places, sample.targets, weights)
    # Backwards or as good as flat: 0.5 then stands where the classes' means meet.
    rise, at_middle = solved or (LEAST_RISE, -LEAST_RISE * float(np.average(places, weights=weights)))
    slope = rise / width
    return LogisticMap(slope=slope, intercept=at_middle - slope * middle, n=len(sample.raws))


def _solved(places: Floats, targets: Floats, weights: Floats) -> tuple[float, float] | None:
    """Fit rise and log odds at place 0 by maximum likelihood; None where the fit rises by less than the least."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    leaning = np.average((targets - np.average(targets, weights=weights)) * places, weights=weights)
    if leaning <= FLAT:
        return None
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8)
    model.fit(
        np.tile(places, 2)[:, None],
        np.repeat([True, False], len(places)),
        sample_weight=np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    rise = float(model.coef_.item())
    return None if rise < LEAST_RISE else (rise, float(model.intercept_.item()))


def _fit_isotonic(sample: _Sample) -> IsotonicMap:
    from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped]  # noqa: PLC0415  heavy

    pooled = IsotonicRegression(out_of_bounds="clip")
    pooled.fit(sample.raws, sample.targets, sample_weight=sample.weights)
    knots = np.unique(sample.raws)
    if len(knots) > KNOTS:
        knots = np.unique(np.quantile(sample.raws, np.linspace(0, 1, KNOTS), method="inverted_cdf"))
    ranks = np.linspace(0, 1, len(knots))
    inner = TAIL + (1 - 2 * TAIL) * ((1 - RANK_SHARE) * pooled.predict(knots) + RANK_SHARE * ranks)
    width = knots[-1] - knots[0]
    return IsotonicMap(
        raw=(float(knots[0] - width), *knots.tolist(), float(knots[-1] + width)),
        unit=(0.0, *np.maximum.accumulate(inner).tolist(), 1.0),
        n=len(sample.raws),
    )


def _turned(rising: Calibration) -> Calibration:
    if isinstance(rising, LogisticMap):
        return rising.model_copy(update={"slope": -rising.slope})
    return rising.model_copy(update={"raw": tuple(-x for x in reversed(rising.raw)), "unit": rising.unit[::-1]})

"""Which map "auto" takes, held against the choice worked out anew: folds, loss, weights and error as the docs say."""

import math

import numpy as np
import pytest

from ravelar.tools.calibrating import FOLDS, KNOTS, fit, values


def fitted(raws, good, **more):
    return fit(raws, good, direction="higher", probes_digest="x", **more)


def gain_over_error(raws, good, groups) -> float:
    """By how many standard errors, clustered by group, the isotonic map's loss on unseen groups is the lower one."""
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415  heavy

    raws, good = np.array(raws), np.array(good)
    gain = np.zeros(len(raws))
    for seen, unseen in GroupKFold(FOLDS).split(raws, groups=groups):
        for method, sign in (("logistic", 1), ("isotonic", -1)):
            units = values(fitted(raws[seen], good[seen], method=method), raws[unseen])
            gain[unseen] -= sign * np.log(np.where(good[unseen], units, 1 - units))
    weighed = gain / np.where(good, good.mean(), (~good).mean())  # so that both classes weigh the same
    sums = [weighed[np.array(groups) == group].sum() for group in sorted(set(groups))]
    return sum(sums) / math.sqrt(len(sums) * np.var(sums, ddof=1))


def cliff(seed, *, n=300, groups=5, share=0.7):
    """n probes on [0, 1] that are hardly ever good below 0.3, and above it with this share."""
    rng = np.random.default_rng(seed)
    raws = rng.random(n)
    return raws, rng.random(n) < np.where(raws > 0.3, share, 0.1), [i % groups for i in range(n)]


@pytest.mark.parametrize(
    ("seed", "more", "chosen"),
    [
        (43, {"share": 0.5}, "isotonic"),  # 1.08 errors
        (53, {"share": 0.4}, "logistic"),  # 0.96
        (56, {"share": 0.4}, "logistic"),  # 0.95
        (2, {"share": 0.12, "n": 1_200, "groups": 6}, "logistic"),  # only the many bad ones gain
        (0, {"share": 0.7}, "isotonic"),
    ],
)
def test_the_isotonic_map_is_taken_where_it_gains_more_than_one_standard_error(seed, more, chosen) -> None:
    raws, good, groups = cliff(seed, **more)
    assert (gain_over_error(raws, good, groups) > 1) == (chosen == "isotonic")
    assert fitted(raws, good, groups=groups).method == chosen


@pytest.mark.parametrize(("rarer", "chosen"), [(100, "isotonic"), (99, "logistic")])
def test_a_hundred_probes_of_each_class_are_enough_for_the_isotonic_map(rarer, chosen) -> None:
    bad = (np.arange(250) < 50) | (np.arange(250) % 4 == 0)  # a cliff, after it three good ones of four
    bad[248] = rarer == 100
    assert bad.sum() == rarer
    assert fitted(np.arange(250.0), ~bad).method == chosen
    assert fitted(-np.arange(250.0), bad).method == chosen


def test_five_prompts_are_enough_for_the_isotonic_map_and_four_are_not() -> None:
    assert fitted(*cliff(0, n=1_000)[:2], groups=cliff(0, n=1_000, groups=5)[2]).method == "isotonic"
    assert fitted(*cliff(0, n=1_000)[:2], groups=cliff(0, n=1_000, groups=4)[2]).method == "logistic"


@pytest.mark.parametrize("away", [50.0, -50.0])
def test_a_prompt_far_from_all_others_has_a_finite_loss(away) -> None:
    """Learnt without it, the isotonic map says 0 or 1 there, and is now and then wrong."""
    raws, good, groups = cliff(0)
    moved = raws + away * (np.array(groups) == 4)
    assert fitted(moved, good, groups=groups).method == "logistic"


def test_prompts_that_teach_nothing_without_one_of_them_get_the_logistic_map() -> None:
    groups = np.repeat(np.arange(5), 60)
    constant = np.where(groups == 0, np.linspace(0, 1, 300), 0.1)  # without prompt 0 all raw scores are one
    assert fitted(constant, np.arange(300) % 2 == 0, groups=groups.tolist()).method == "logistic"
    apart = np.arange(300) % 60 + 60.0 * (groups < 2)  # without prompts 0 and 1, which fold together, all are bad
    assert fitted(apart, groups < 2, groups=np.maximum(groups, 1).tolist()).method == "logistic"


def test_up_to_64_raw_scores_are_all_knots_and_of_more_as_many_quantiles() -> None:
    many = [0.0] * 500 + [float(i) for i in range(64)]
    good = [i % 2 == 0 for i in range(len(many))]
    assert fitted(many, good, method="isotonic").raw[1:-1] == tuple(map(float, range(64)))
    assert KNOTS == 64
    raws = [float(i) for i in range(127)]
    thinned = fitted(raws, [raw > 40 for raw in raws], method="isotonic").raw[1:-1]
    assert thinned == (0.0, *(2.0 * i for i in range(1, 64)))  # every second one of twice as many

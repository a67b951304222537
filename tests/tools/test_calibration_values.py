"""Maps worked out by hand: each number of theirs, on probes so few that a pencil is enough."""

import math

import numpy as np
import pytest

from ravelar.tools.calibrating import fit, values
from ravelar.tools.calibration import IsotonicMap, LogisticMap
from ravelar.tools.errors import InputError

STEPS = IsotonicMap(raw=(1.0, 2.0, 4.0), unit=(0.0, 0.2, 1.0), n=3, probes="x")


@pytest.mark.parametrize(
    ("raw", "unit"), [(0.0, 0.0), (1.0, 0.0), (1.5, 0.1), (2.0, 0.2), (3.0, 0.6), (3.5, 0.8), (4.0, 1.0), (9.0, 1.0)]
)
def test_between_knots_the_map_is_a_line_and_beyond_them_flat(raw: float, unit: float) -> None:
    assert STEPS.of(raw) == pytest.approx(unit)


@pytest.mark.parametrize(
    ("unit", "turn"),
    [((0.0, 0.5, 1.0), 1), ((1.0, 0.5, 0.5), -1), ((0.5, 0.5, 0.5), 0), ((0.2, 0.2, 0.7), 1), ((0.7, 0.7, 0.2), -1)],
)
def test_the_way_of_an_isotonic_map_is_that_of_its_ends(unit: tuple[float, ...], turn: int) -> None:
    assert IsotonicMap(raw=(1.0, 2.0, 3.0), unit=unit, n=3, probes="x").turn == turn


@pytest.mark.parametrize(("slope", "turn"), [(2.0, 1), (0.5, 1), (0.0, 0), (-0.5, -1)])
def test_the_way_of_a_logistic_map_is_that_of_its_slope(slope: float, turn: int) -> None:
    assert LogisticMap(slope=slope, intercept=0.0, n=3, probes="x").turn == turn


def test_a_logistic_map_gives_the_chance_of_its_log_odds() -> None:
    logistic = LogisticMap(slope=math.log(3), intercept=-math.log(3), n=3, probes="x")
    assert [logistic.of(raw) for raw in (0, 1, 2)] == pytest.approx([0.25, 0.5, 0.75])
    assert LogisticMap(slope=1.0, intercept=0.0, n=3, probes="x").of(-1e6) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("raw", "unit", "says"),
    [
        ((1.0, 1.0), (0.0, 1.0), "ascend strictly"),
        ((1.0, 2.0), (0.0, 1.5), r"in \[0, 1\]"),
        ((1.0, 2.0), (-0.1, 1.0), r"in \[0, 1\]"),
        ((1.0, 2.0, 3.0), (0.0, 1.0, 0.5), "all rise or all fall"),
        ((1.0, 2.0), (0.0,), "2 knots have 1 values"),
        ((-1.7e308, 0.0, 1.7e308), (0.0, 0.5, 1.0), r"from -1.7e\+308 to 1.7e\+308"),
    ],
)
def test_knots_that_are_no_map_are_refused_by_name(raw: tuple[float, ...], unit: tuple[float, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        IsotonicMap(raw=raw, unit=unit, n=3, probes="x")


@pytest.mark.parametrize(
    ("raws", "good", "knots", "unit"),
    [
        # one of each: targets 1/3 and 2/3; 98 % of them and 2 % of the rank, in 98 % of [0, 1]
        ([0, 1], [False, True], (-1, 0, 1, 2), (0, 0.3301333, 0.6698667, 1)),
        # two good, one bad: targets 3/4 and 1/3
        ([0, 1, 2], [False, True, True], (-2, 0, 1, 2, 4), (0, 0.3301333, 0.7401, 0.7499, 1)),
        # out of order: the first two are pooled, the bad one weighing twice as much
        ([0, 1, 2], [True, False, True], (-2, 0, 1, 2, 4), (0, 0.4635222, 0.4733222, 0.7499, 1)),
    ],
)
def test_an_isotonic_map_is_the_one_worked_out_by_hand(
    raws: list[float], good: list[bool], knots: tuple[float, ...], unit: tuple[float, ...]
) -> None:
    fitted = fit(raws, good, direction="higher", probes_digest="x", method="isotonic")
    assert fitted.raw == pytest.approx(knots)
    assert fitted.unit == pytest.approx(unit, abs=1e-7)
    mirrored = fit([-raw for raw in raws], good, direction="lower", probes_digest="x", method="isotonic")
    assert mirrored.raw == pytest.approx([-knot for knot in reversed(knots)])
    assert mirrored.unit == pytest.approx(unit[::-1], abs=1e-7)


@pytest.mark.parametrize(
    ("raws", "ends"), [([0, 1, 2, 3, 100], (-9, 0, 9, 18)), ([-100, 0, 1, 2, 3], (-15, -6, 3, 12))]
)
def test_an_outlier_moves_in_to_three_quartile_ranges_beyond_the_quartile(
    raws: list[float], ends: tuple[float, ...]
) -> None:
    good = [False, True, False, True, True]
    knots = fit(raws, good, direction="higher", probes_digest="x", method="isotonic").raw
    assert (knots[0], knots[1], knots[-2], knots[-1]) == ends


@pytest.mark.parametrize(
    ("raws", "ends"),
    [
        ([0] + [5] * 18 + [10], (-0.25, 3.25, 6.75, 10.25)),  # quartiles are one: 5 % and 95 % are 4.75 and 5.25
        ([5] * 199 + [10], (0, 5, 10, 15)),  # these too: the ends themselves, and nothing is an outlier
    ],
)
def test_where_quartiles_are_equal_the_next_shares_decide(raws: list[float], ends: tuple[float, ...]) -> None:
    good = [i % 2 == 0 for i in range(len(raws))]
    knots = fit(raws, good, direction="higher", probes_digest="x", method="isotonic").raw
    assert (knots[0], knots[1], knots[-2], knots[-1]) == pytest.approx(ends)


@pytest.mark.parametrize(
    ("raws", "good", "slope", "intercept"),
    [
        ([0, 1], [False, True], math.log(4), -math.log(2)),  # 1/3 at 0, 2/3 at 1
        ([10, 14], [False, True], math.log(4) / 4, -math.log(2) - 10 * math.log(4) / 4),
        ([0, 1], [True, False], 0.08, -0.04),  # backwards: the least rise, 0.5 where the classes meet
        ([0, 1, 4], [True, False, False], 0.02, -0.025),  # the good one weighs as much as both bad ones
    ],
)
def test_a_logistic_map_is_the_one_worked_out_by_hand(
    raws: list[float], good: list[bool], slope: float, intercept: float
) -> None:
    fitted = fit(raws, good, direction="higher", probes_digest="x", method="logistic")
    assert (fitted.slope, fitted.intercept) == pytest.approx((slope, intercept), abs=1e-5)


def test_a_constant_tool_is_told_from_one_that_is_nearly_so() -> None:
    with pytest.raises(InputError, match=r"are 0\.5; a constant tool has no map"):
        fit([0.5, 0.5], [True, False], direction="higher", probes_digest="x")
    with pytest.raises(InputError, match=r"are 0\.0, or within 4.94066e-324 of it; a constant"):
        fit([0.0, 5e-324], [True, False], direction="higher", probes_digest="x")
    with pytest.raises(InputError, match=r"are 1\.0, or within 1e-10 of it; a constant"):
        fit([1.0, 1.0 + 1e-10], [True, False], direction="higher", probes_digest="x")
    assert fit([1.0, 1.0 + 1e-8], [False, True], direction="higher", probes_digest="x").turn == 1


def test_the_first_of_several_broken_raw_scores_is_named() -> None:
    with pytest.raises(InputError, match="raw score 1 is inf"):
        fit([1.0, math.inf, math.nan], [True, False, True], direction="higher", probes_digest="x")


def test_raw_scores_of_any_size_up_to_the_widest_are_mapped_and_no_others() -> None:
    for raws in ([0.0, 1e300], [-1e300, 0.0], [-1e300, 1e300]):
        fitted = fit(raws, [False, True], direction="higher", probes_digest="x")
        assert [fitted.of(raw) for raw in raws] == pytest.approx([1 / 3, 2 / 3], abs=1e-5)
    for raws in ([0.0, 1.1e300], [-1.1e300, 0.0]):
        with pytest.raises(InputError, match=r"at most 1e\+300 in size can be mapped"):
            fit(raws, [False, True], direction="higher", probes_digest="x")


def test_a_small_spread_on_a_large_offset_is_fitted_as_well_as_on_none() -> None:
    good = [False, False, True, False, True, True]
    plain = fit([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], good, direction="higher", probes_digest="x", method="logistic")
    raws = [1e8 + i for i in range(6)]
    moved = fit(raws, good, direction="higher", probes_digest="x", method="logistic")
    assert [moved.of(raw) for raw in raws] == pytest.approx([plain.of(raw - 1e8) for raw in raws], abs=1e-6)


def test_a_map_of_one_knot_is_flat() -> None:
    flat = IsotonicMap(raw=(1.0,), unit=(0.3,), n=1)
    assert [flat.of(raw) for raw in (0.0, 1.0, 2.0)] == [0.3] * 3
    assert flat.turn == 0


def test_log_odds_beyond_what_exp_can_take_are_held_at_700_by_either_form() -> None:
    steep = LogisticMap(slope=1.0, intercept=0.0, n=3)
    raws = np.array([-1e6, -710.0, -700.0, -699.5, 0.0, 699.5, 1e6])
    assert values(steep, raws) == pytest.approx(np.array([steep.of(raw) for raw in raws.tolist()]), rel=1e-9, abs=0)
    assert steep.of(-1e6) == pytest.approx(math.exp(-700), rel=1e-9, abs=0)

import json
import math
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from ravelar.tools.calibrating import KNOTS, fit, values
from ravelar.tools.calibration import Calibration, IsotonicMap, LogisticMap
from ravelar.tools.card import ToolCard
from ravelar.tools.composite import Composite
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain

METHODS = ("logistic", "isotonic", "auto")
any_finite = st.floats(allow_nan=False, allow_infinity=False)
any_probe = st.tuples(st.floats(-1e6, 1e6), st.booleans())
# Good and bad ones lie equally high: a solver that starts at the flat map can improve nothing, and once warned of it.
LEVEL = [(-3.0, False), (0.0, False), (0.0, True), (0.0, True), (0.0, True), (1.0, False), (1.0, True), (3.0, False)]
coarse_probe = st.tuples(st.integers(-3, 3).map(float), st.booleans())  # ties


def fitted(raws, good, direction="higher", **more):
    return fit(raws, good, direction=direction, probes_digest="sha256:test", **more)


def fit_or_skip(probes, direction, method):
    raws, good = [raw for raw, _ in probes], [label for _, label in probes]
    if len(set(good)) < 2 or max(raws) - min(raws) < 1e-2:
        return None
    return fitted(raws, good, direction, method=method)


def noisy(n, *, seed=0, scale=1.0, shift=0.0, gap=2.0):
    """n probes whose good half lies `gap` deviations above the bad half."""
    rng = np.random.default_rng(seed)
    good = rng.permutation(n) % 2 == 0
    return (rng.normal(size=n) + gap * good) * scale + shift, good


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(st.lists(any_probe, min_size=2, max_size=60), st.lists(coarse_probe, min_size=2, max_size=60)),
    st.sampled_from(["higher", "lower"]),
    st.sampled_from(METHODS),
    st.lists(any_finite, min_size=2, max_size=20),
)
@example(LEVEL, "higher", "logistic", [0.0, 0.0])
def test_a_fitted_map_never_turns_the_order_round_whatever_it_is_asked(probes, direction, method, asked):
    calibration = fit_or_skip(probes, direction, method)
    if calibration is None:
        return
    units = [calibration.of(raw) for raw in sorted(asked + [raw for raw, _ in probes])]
    assert all(math.isfinite(unit) and 0.0 <= unit <= 1.0 for unit in units)
    assert all(a <= b if direction == "higher" else a >= b for a, b in pairwise(units))
    assert calibration.turn == (1 if direction == "higher" else -1)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-40, 40), st.booleans()), max_size=80), st.sampled_from(METHODS[:2]))
def test_unequal_raw_scores_of_the_probes_never_tie(probes, method):
    calibration = fit_or_skip([(-40.0, False), (40.0, True), *probes], "higher", method)
    raws = sorted({-40, 40, *(raw for raw, _ in probes)})
    if method == "isotonic":
        raws = [raw for raw in raws if calibration.raw[0] <= raw <= calibration.raw[-1]]
        units = [float(np.float32(calibration.of(raw))) for raw in raws]  # what a trainer computes with
    else:
        units = [calibration.of(raw) for raw in raws]
    assert all(a < b for a, b in pairwise(units))


@pytest.mark.parametrize("method", METHODS[:2])
def test_a_lower_is_better_tool_gets_the_mirrored_map(method):
    raws, good = noisy(300)
    rising, falling = fitted(raws, good, method=method), fitted(-raws, good, "lower", method=method)
    for raw in np.linspace(-8, 10, 50).tolist():
        assert falling.of(-raw) == pytest.approx(rising.of(raw), abs=1e-12)


@pytest.mark.parametrize("method", METHODS[:2])
def test_the_values_are_the_share_of_good_probes_were_both_kinds_equally_many(method):
    rng = np.random.default_rng(3)
    good = rng.random(6_000) < 0.1
    raws = rng.normal(size=6_000) + 2.0 * good
    calibration = fitted(raws, good, method=method)
    for raw in (-0.5, 0.0, 1.0, 2.0, 2.5):  # two normal laws, two apart: the log odds are 2 raw - 2
        assert calibration.of(raw) == pytest.approx(1 / (1 + math.exp(2 - 2 * raw)), abs=0.07)


@pytest.mark.parametrize("method", METHODS[:2])
def test_scale_and_shift_of_a_tool_do_not_matter(method):
    raws, good = noisy(300)
    plain = fitted(raws, good, method=method)
    for scale, shift in ((1e-4, 0.0), (250.0, -400.0), (1e12, 1e13)):
        other = fitted(raws * scale + shift, good, method=method)
        for raw in (-2.0, 0.0, 1.0, 3.0):
            assert other.of(raw * scale + shift) == pytest.approx(plain.of(raw), abs=0.02)


@pytest.mark.parametrize("method", METHODS[:2])
@pytest.mark.parametrize("outlier", [-1102.0, 397.0, -1e9, 1e30])
def test_one_outlier_moves_nothing_else(method, outlier):
    raws, good = noisy(200)
    plain, disturbed = fitted(raws, good, method=method), fitted([*raws, outlier], [*good, True], method=method)
    for raw in np.linspace(-2, 4, 25).tolist():
        assert disturbed.of(raw) == pytest.approx(plain.of(raw), abs=0.06)  # as a plain wrong label does


@pytest.mark.parametrize("n", [2, 4, 10, 1_000])
@pytest.mark.parametrize("method", METHODS)
def test_perfect_separation_is_as_sure_as_its_number_allows(method, n):
    raws = [float(i) for i in range(n)]
    calibration = fitted(raws, [i >= n // 2 for i in range(n)], method=method)
    assert calibration.of(raws[0]) < 0.5 < calibration.of(raws[-1])
    if method == "isotonic":
        assert calibration.of(raws[-1]) <= (n / 2 + 1) / (n / 2 + 2) + 0.05
    elif n == 2:
        assert calibration.of(raws[-1]) == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_a_tool_that_ranks_backwards_gets_a_map_in_the_right_direction_that_hardly_leaves_one_half(method):
    raws, good = noisy(400)
    calibration = fitted(raws, ~good, method=method)
    low, high = calibration.of(float(raws.min())), calibration.of(float(raws.max()))
    assert low < high
    assert low > 0.4
    assert high < 0.6


def test_one_class_only_is_an_error_that_says_which():
    with pytest.raises(InputError, match="all 3 probes are good; a map needs both kinds"):
        fitted([1.0, 2.0, 3.0], [True] * 3)
    with pytest.raises(InputError, match="all 0 probes are bad"):
        fitted([], [])


@pytest.mark.parametrize("raws", [[0.3] * 4, [1e6, 1e6 + 1e-9, 1e6, 1e6], [0.0, 5e-324, 0.0, 0.0]])
def test_constant_scores_are_an_error_that_names_the_constant(raws):
    with pytest.raises(InputError, match=rf"all 4 raw scores are {raws[0]}.*a constant tool has no map"):
        fitted(raws, [True, False, True, False])


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_raw_score_that_is_no_finite_number_is_an_error_that_names_its_place(broken):
    with pytest.raises(InputError, match=f"raw score 1 is {broken}"):
        fitted([1.0, broken, 3.0], [True, False, True])


def test_scores_beyond_what_floats_can_span_are_an_error():
    with pytest.raises(InputError, match=r"at most 1e\+300 in size"):
        fitted([-1.7e308, 0.0, 1.7e308], [False, True, True])


def test_unequal_lengths_are_an_error_that_counts_them():
    with pytest.raises(InputError, match="2 raw scores, 1 labels and 2 groups"):
        fitted([1.0, 2.0], [True])
    with pytest.raises(InputError, match="2 raw scores, 2 labels and 1 groups"):
        fitted([1.0, 2.0], [True, False], groups=["a"])


def test_few_probes_get_the_logistic_map_even_where_it_fits_badly():
    raws = np.linspace(0, 1, 150)
    good = (raws > 0.05) & (np.arange(150) % 20 != 0)  # a cliff at the low end, flat after it
    assert fitted(raws, good).method == "logistic"


def test_many_probes_of_a_cliff_get_the_isotonic_map_and_of_a_slope_the_logistic_one():
    rng = np.random.default_rng(1)
    raws = rng.random(3_000)
    cliff = rng.random(3_000) < np.where(raws > 0.2, 0.7, 0.05)
    slope = rng.random(3_000) < 1 / (1 + np.exp(3 - 6 * raws))
    assert fitted(raws, cliff).method == "isotonic"
    assert fitted(raws, slope).method == "logistic"


def test_probes_of_few_prompts_are_no_proof_for_the_isotonic_map():
    rng = np.random.default_rng(1)
    raws = rng.random(3_000)
    cliff = rng.random(3_000) < np.where(raws > 0.2, 0.7, 0.05)
    assert fitted(raws, cliff, groups=[i % 4 for i in range(3_000)]).method == "logistic"
    assert fitted(raws, cliff, groups=[str(i % 50) for i in range(3_000)]).method == "isotonic"


def test_folds_never_split_a_prompt():
    """Each prompt shifts its scores; a map that learnt its shifts would look better than it is on new prompts."""
    rng = np.random.default_rng(5)
    prompts = np.repeat(np.arange(12), 60)
    good = np.repeat(rng.permutation(12) < 6, 60)  # the label belongs to the prompt alone
    raws = prompts * 10.0 + rng.random(720)
    assert fitted(raws, good).method == "isotonic"
    assert fitted(raws, good, groups=prompts.tolist()).method == "logistic"


@pytest.mark.parametrize("method", METHODS[:2])
def test_a_map_comes_back_from_its_json_and_names_its_probes(method):
    raws, good = noisy(500)
    calibration = fitted(raws, good, "lower", method=method)
    assert calibration.n == 500
    assert calibration.probes == "sha256:test"
    text = calibration.model_dump_json()
    assert TypeAdapter(Calibration).validate_json(text) == calibration
    assert len(text) < 100 * KNOTS
    assert json.loads(text)["method"] == method


@pytest.mark.parametrize("method", METHODS[:2])
def test_the_array_form_agrees_with_the_map(method):
    raws, good = noisy(300)
    calibration = fitted(raws, good, method=method)
    asked = np.array([[-1e9, -3.0, 0.1], [0.5, 2.2, 1e9]])
    one_by_one = [[calibration.of(raw) for raw in row] for row in asked.tolist()]
    assert values(calibration, asked) == pytest.approx(np.array(one_by_one), abs=1e-12)


@pytest.mark.parametrize(
    "broken",
    [
        {"method": "logistic", "slope": math.nan, "intercept": 0.0, "n": 1},
        {"method": "logistic", "slope": 1.0, "intercept": math.inf, "n": 1},
        {"method": "isotonic", "raw": [-math.inf, 0.0], "unit": [0.0, 1.0], "n": 1},
        {"method": "isotonic", "raw": [-1.7e308, 1.7e308], "unit": [0.0, 1.0], "n": 1},
        {"method": "isotonic", "raw": [0.0, 1.0, 2.0], "unit": [0.0, 1.0, 0.5], "n": 1},
        {"method": "isotonic", "raw": [0.0, 0.0], "unit": [0.0, 1.0], "n": 1},
        {"method": "isotonic", "raw": [0.0, 1.0], "unit": [0.0, 1.1], "n": 1},
        {"method": "isotonic", "raw": [0.0, 1.0], "unit": [0.0], "n": 1},
    ],
)
def test_a_map_that_would_not_be_a_map_is_refused_when_read(broken):
    with pytest.raises(ValidationError):
        TypeAdapter(Calibration).validate_python(broken)


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e308, 1e308), st.floats(-1e308, 1e308), st.lists(any_finite, min_size=2))
def test_a_logistic_map_keeps_order_for_any_finite_numbers(slope, intercept, asked):
    calibration = LogisticMap(slope=slope, intercept=intercept, n=1)
    units = [calibration.of(raw) for raw in sorted(asked)]
    assert all(0.0 <= unit <= 1.0 for unit in units)
    assert all(a <= b if slope >= 0 else a >= b for a, b in pairwise(units))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e307, 1e307), min_size=2, max_size=10, unique=True), st.data())
def test_an_isotonic_map_keeps_order_for_any_finite_numbers(knots, data):
    unit = data.draw(st.lists(st.floats(0, 1), min_size=len(knots), max_size=len(knots)).map(sorted))
    calibration = IsotonicMap(raw=tuple(sorted(knots)), unit=tuple(unit), n=1)
    asked = sorted([*knots, *data.draw(st.lists(any_finite)), *[math.nextafter(x, math.inf) for x in knots]])
    units = [calibration.of(raw) for raw in asked]
    assert all(0.0 <= one <= 1.0 for one in units)
    assert all(a <= b for a, b in pairwise(units))


@pytest.mark.parametrize(("direction", "slope"), [("higher", -1.0), ("lower", 1.0)])
def test_a_card_refuses_a_map_that_turns_its_scores_the_wrong_way(fake_tool, direction, slope):
    card = fake_tool(direction=direction).card.model_dump()
    turned = {"method": "logistic", "slope": slope, "intercept": 0.0, "n": 1}
    with pytest.raises(ValidationError, match=f"{direction} raw scores are better, but the calibration"):
        ToolCard.model_validate(card | {"calibration": turned})
    assert ToolCard.model_validate(card | {"calibration": turned | {"slope": -slope}}).calibration is not None


def calibrated_tool(fake_tool, name, says, *, raws, good, direction="higher"):
    tool = fake_tool(name, says, -math.inf, math.inf, direction)
    tool.card = tool.card.model_copy(update={"calibration": fitted(raws, good, direction)})
    return tool


def test_a_composite_joins_tools_of_unlike_scales_once_they_are_calibrated(fake_tool):
    raws, good = noisy(200)
    length = {"bad": 0.0, "fair": 1.0, "great": 2.5}
    wide = calibrated_tool(
        fake_tool, "wide", lambda t: 250.0 * length[t.completion] - 400, raws=raws * 250 - 400, good=good
    )
    cost = calibrated_tool(
        fake_tool, "cost", lambda t: -0.1 * length[t.completion], raws=raws * -0.1, good=good, direction="lower"
    )
    both = Composite("both", task="tests", weights={"wide": 1, "cost": 3}, library=Library([wide, cost]))
    rewards = score_or_abstain(both, [Triple("?", word) for word in length])
    mapped = [fitted(raws, good).of(x) for x in length.values()]
    assert [reward.value for reward in rewards] == pytest.approx(mapped, abs=1e-6)
    assert rewards[0].detail["wide"] == {"value": pytest.approx(mapped[0], abs=1e-6), "raw": -400.0}


def test_a_composite_with_an_uncalibrated_unbounded_part_is_unscored_and_says_so(fake_tool):
    raws, good = noisy(50)
    parts = Library(
        [
            calibrated_tool(fake_tool, "fine", lambda t: 1.0, raws=raws, good=good),
            fake_tool("bare", lambda t: 1.0, -math.inf, math.inf),
        ]
    )
    both = Composite("both", task="tests", weights={"fine": 1, "bare": 1}, library=parts)
    (reward,) = score_or_abstain(both, [Triple("?", "x")])
    assert reward.value is None
    assert "'bare'" in reward.reason
    assert "no calibration" in reward.reason


def test_every_completion_of_a_group_is_joined_with_the_same_weights(fake_tool):
    """The order within a group is that of the weighted mean, whoever else stands in the group."""
    raws, good = noisy(200)
    one = calibrated_tool(fake_tool, "one", lambda t: float(len(t.completion)), raws=raws, good=good)
    two = calibrated_tool(fake_tool, "two", lambda t: -float(len(t.completion)) / 2, raws=raws, good=good)
    both = Composite("both", task="tests", weights={"one": 2, "two": 1}, library=Library([one, two]))
    group = [Triple("?", "x" * n) for n in (0, 1, 3, 6)]
    together = [reward.value for reward in score_or_abstain(both, group)]
    alone = [score_or_abstain(both, [triple])[0].value for triple in group]
    assert together == alone


@pytest.mark.parametrize("module", ["sklearn", "scipy", "numpy"])
def test_applying_a_map_loads_nothing_heavy(module):
    code = (
        "import sys; from ravelar.tools.calibration import LogisticMap; "
        f"LogisticMap(slope=1.0, intercept=0.0, n=1).of(2.0); sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Measuring tools on probes: rates, mistakes, order, repeats, thresholds, comparisons."""

import math
import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.errors import ToolUnavailable, UnusableReference
from ravelar.tools.evidence.measure import (
    MAX_MISTAKES,
    Values,
    choose_threshold,
    compare,
    measure,
    score_probes,
    shorten,
    trial_of,
)
from ravelar.tools.evidence.probes import Origin, Probe, ProbeSet
from ravelar.tools.reward import RawScore, Reward, Triple


def probe(prompt: Any, completion: str, good: bool, origin: Origin = "user", pair: str = "") -> Probe:
    return Probe(Triple(prompt, completion, "right"), good, origin, pair)


def labelled(n: int = 40) -> ProbeSet:
    return ProbeSet(
        probe(f"prompt {i}", f"{word} {i}", good)
        for i in range(n)
        for word, good in (("right", True), ("wrong", False))
    )


def says_right(triple: Triple) -> RawScore:
    return float(triple.text.startswith("right"))


def values_of(pairs: list[tuple[bool, float | None]]) -> Values:
    probes = tuple(probe(f"p{i}", str(i), good) for i, (good, _) in enumerate(pairs))
    return Values(probes, tuple(Reward(value, "t") for _, value in pairs), digest="d", half="all")


def test_a_right_tool_is_right_on_both_halves(fake_tool: Any) -> None:
    probes = labelled()
    for half in ("shown", "held_out"):
        trial = measure(fake_tool("right", says_right), probes, half)
        assert (trial.n, trial.prompts, trial.half) == (40, 20, half)
        assert trial.good is not None
        assert trial.bad is not None
        assert trial.auc is not None
        assert trial.pairwise is not None
        assert (trial.good.value, trial.bad.value, trial.auc.value, trial.pairwise.value) == (1, 1, 1, 1)
        assert trial.good.low < 1.0
        assert trial.mistakes == ()
        assert trial.deterministic is True


def test_errors_are_counted_by_class_and_shown(fake_tool: Any) -> None:
    trial = measure(fake_tool("yes", lambda triple: 1.0), labelled(), "all")
    assert (trial.false_accepts, trial.false_rejects) == (40, 0)
    assert trial.bad is not None
    assert trial.bad.value == 0.0
    assert trial.auc is not None
    assert trial.auc.value == 0.5
    assert len(trial.mistakes) == MAX_MISTAKES
    assert {(mistake.good, mistake.value) for mistake in trial.mistakes} == {(False, 1.0)}


def test_unscored_probes_count_against_the_tool(fake_tool: Any) -> None:
    def fails(triple: Triple) -> RawScore:
        return UnusableReference("no idea")

    hostile = [probe("prompt 1", "", False, "empty"), probe("prompt 1", "right", True, "reference")]
    trial = measure(fake_tool("broken", fails), ProbeSet([*labelled(), *hostile]), "all")
    assert trial.unscored == trial.n == 82
    assert trial.unscored_because == "UnusableReference: no idea"
    assert trial.good is not None
    assert trial.bad is not None
    assert trial.auc is not None
    assert trial.pairwise is not None
    assert (trial.good.value, trial.bad.value, trial.auc.value, trial.pairwise.value) == (0, 0, 0, 0)
    assert (trial.false_accepts, trial.false_rejects) == (0, 0)
    assert trial.reference_failures == trial.references == 1
    assert trial.hostile_above_bottom == {"empty": 1}


def test_a_tool_that_is_not_there_is_unscored_not_zero(fake_tool: Any) -> None:
    def gone(triple: Triple) -> RawScore:
        raise ToolUnavailable("no worker")

    trial = measure(fake_tool("gone", gone), labelled(), "all")
    assert trial.unscored == trial.n
    assert trial.unscored_because == "ToolUnavailable: no worker"


def test_hostile_probes_stand_apart(fake_tool: Any) -> None:
    attacks = [probe(f"prompt {i}", "right? right!", False, "keyword_stuffed") for i in range(5)]
    trial = measure(fake_tool("right", says_right), ProbeSet([*labelled(), *attacks]), "all")
    assert trial.bad is not None
    assert (trial.bad.n, trial.bad.value) == (40, 1.0)
    assert trial.hostile == {"keyword_stuffed": 5}
    assert trial.hostile_above_bottom == {"keyword_stuffed": 5}
    assert trial.hostile_accepted == {"keyword_stuffed": 5}
    graded = measure(fake_tool("graded", lambda triple: 0.1), ProbeSet(attacks), "all")
    assert (graded.hostile_above_bottom, graded.hostile_accepted) == ({"keyword_stuffed": 5}, {})
    assert {mistake.origin for mistake in trial.mistakes} == {"keyword_stuffed"}


def test_the_reference_must_be_at_the_very_top(fake_tool: Any) -> None:
    probes = ProbeSet([probe("p", "right", True, "reference"), probe("q", "right", True, "reference")])
    trial = measure(fake_tool("nearly", lambda triple: 0.99 if triple.prompt == "p" else 1.0), probes, "all")
    assert (trial.references, trial.reference_failures) == (2, 1)
    assert trial.good is not None
    assert trial.good.value == 1.0


def test_preferences_are_compared_within_their_pair_only(fake_tool: Any) -> None:
    probes = ProbeSet(
        [
            probe("p", "a 0.9", True, "preferred", "1"),
            probe("p", "b 0.8", False, "rejected", "1"),
            probe("p", "c 0.2", True, "preferred", "2"),
            probe("p", "d 0.1", False, "rejected", "2"),
        ]
    )
    trial = measure(fake_tool("reads", lambda triple: float(triple.text.split()[1])), probes, "all")
    assert trial.pairwise is not None
    assert (trial.pairwise.value, trial.pairwise.n) == (1.0, 2)
    assert (trial.good, trial.bad, trial.auc) == (None, None, None)


def test_direction_and_range_are_the_cards(fake_tool: Any) -> None:
    tool = fake_tool("cost", lambda t: -7.0 if t.text.startswith("right") else 3.0, low=-7, high=3, direction="lower")
    trial = measure(tool, labelled(), "all")
    assert trial.auc is not None
    assert trial.auc.value == 1.0


def test_state_between_calls_shows_in_repeats(fake_tool: Any) -> None:
    calls = iter(range(1_000_000))
    assert measure(fake_tool("counts", lambda t: float(next(calls) % 2)), labelled(7), "all").deterministic is False
    assert (
        measure(fake_tool("once", lambda t: float(next(calls) % 2)), labelled(7), "all", repeats=1).deterministic
        is None
    )
    flaky = iter([*[UnusableReference("no")] * 3, *[0.5] * 1_000])
    assert measure(fake_tool("flaky", lambda t: next(flaky)), labelled(7), "all").deterministic is False


def test_batches_are_reported_and_are_whole_halves(fake_tool: Any) -> None:
    told: list[tuple[str, int]] = []
    tool = fake_tool("right", says_right)
    measure(tool, labelled(), "shown", repeats=3, on_batch=lambda name, n, seconds: told.append((name, n)))
    assert told == [("right", 40)] * 3
    assert [len(batch) for batch in tool.batches] == [40] * 3


def test_an_empty_half_is_measured_as_nothing(fake_tool: Any) -> None:
    trial = measure(fake_tool(), ProbeSet([]), "held_out")
    assert (trial.n, trial.good, trial.auc, trial.deterministic) == (0, None, None, None)


def test_mistakes_take_turns_between_origins_and_are_short(fake_tool: Any) -> None:
    many = [probe(f"p{i}", "x" * 5_000 + "\ud800", False, "perturbed") for i in range(60)]
    few = [probe("q", "", False, "empty"), probe("q", "y", False, "other_reference")]
    trial = measure(fake_tool("yes"), ProbeSet([*many, *few]), "all")
    assert {mistake.origin for mistake in trial.mistakes} == {"perturbed", "empty", "other_reference"}
    assert all(len(mistake.completion) < 700 for mistake in trial.mistakes)
    assert trial.model_dump_json()


def test_the_split_never_shows_a_prompt_of_the_other_half() -> None:
    chat = [{"role": "user", "content": "prompt  7"}]
    probes = ProbeSet([*labelled(31), probe(chat, "wrong", False), probe(" prompt 7\n", "wrong", False)])
    shown, held_out = ({p.prompt_key for p in half} for half in (probes.shown, probes.held_out))
    assert not shown & held_out
    assert len(probes.shown) + len(probes.held_out) == len(probes)
    assert len({p.prompt_key for p in probes}) == 31, "chat form and white space make no other prompt"


@given(st.lists(st.tuples(st.text(max_size=4), st.booleans()), max_size=40), st.randoms())
def test_the_split_is_a_function_of_the_prompts(rows: list[tuple[str, bool]], rng: random.Random) -> None:
    probes = [probe(prompt, str(i), good) for i, (prompt, good) in enumerate(rows)]
    turned = list(probes)
    rng.shuffle(turned)
    one, other = ProbeSet(probes), ProbeSet(turned)
    assert {p.prompt_key for p in one.shown} == {p.prompt_key for p in other.shown}
    assert not {p.prompt_key for p in one.shown} & {p.prompt_key for p in one.held_out}


def test_a_threshold_is_chosen_between_the_classes() -> None:
    cut = choose_threshold(values_of([(True, 0.5), (True, 0.6), (False, 0.1), (False, 0.2)]))
    assert cut == pytest.approx(0.35)
    assert choose_threshold(values_of([(True, 0.9)])) == 0.5
    assert choose_threshold(values_of([(True, None), (False, None)])) == 0.5


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.3, 0.7, 1.0])), min_size=2, max_size=30))
def test_no_other_cut_between_values_is_better(pairs: list[tuple[bool, float]]) -> None:
    values = values_of(list(pairs))

    def balanced(cut: float) -> float:
        rate = trial_of(values, accept_at=cut).balanced_accuracy
        return rate.value if rate else 0.5

    best = balanced(choose_threshold(values))
    levels = sorted({value for _, value in pairs})
    assert all(best >= balanced((a + b) / 2) - 1e-9 for a, b in pairwise(levels))


def test_a_threshold_chosen_on_one_half_is_used_on_the_other(fake_tool: Any) -> None:
    tool = fake_tool("low", lambda triple: 0.2 if triple.text.startswith("right") else 0.1)
    probes = labelled()
    cut = choose_threshold(score_probes(tool, probes, "shown"))
    confirmed = measure(tool, probes, "held_out", accept_at=cut)
    assert confirmed.accept_at == cut
    assert confirmed.balanced_accuracy is not None
    assert confirmed.balanced_accuracy.value == 1.0


def test_a_better_tool_leads_and_an_equal_one_does_not(fake_tool: Any) -> None:
    rng = random.Random(3)
    probes = labelled(80)
    noise = {p.triple.text: rng.random() for p in probes}
    good = score_probes(fake_tool("good", says_right), probes, "held_out")
    coin = score_probes(fake_tool("coin", lambda triple: noise[triple.text]), probes, "held_out")
    lead = compare(good, coin)
    assert lead is not None
    assert lead.measure == "auc"
    assert lead.low > 0
    behind = compare(coin, good)
    assert behind is not None
    assert behind.high < 0
    same = compare(good, good)
    assert same is not None
    assert same.low <= 0.0 <= same.high
    for by in ("pairwise", "balanced_accuracy"):
        again = compare(good, coin, by=by)
        assert again is not None
        assert again.low > 0


def test_two_lucky_prompts_replace_nobody(fake_tool: Any) -> None:
    probes = labelled(2)
    right = score_probes(fake_tool("right", says_right), probes, "all")
    wrong = score_probes(fake_tool("wrong", lambda triple: 1.0 - float(says_right(triple))), probes, "all")  # type: ignore[arg-type]
    lead = compare(right, wrong)
    assert lead is not None
    assert lead.difference == 1.0
    assert lead.low < 0.5


def test_preferences_are_compared_pairwise_and_other_probes_not_at_all(fake_tool: Any) -> None:
    pairs = ProbeSet(
        p
        for i in range(30)
        for p in (
            probe(f"p{i}", f"right {i}", True, "preferred", "x"),
            probe(f"p{i}", f"w {i}", False, "rejected", "x"),
        )
    )
    right = score_probes(fake_tool("right", says_right), pairs, "all")
    flat = score_probes(fake_tool("flat"), pairs, "all")
    lead = compare(right, flat)
    assert lead is not None
    assert (lead.measure, lead.difference) == ("pairwise", 0.5)
    with pytest.raises(ValueError, match="same probes"):
        compare(right, score_probes(fake_tool("right", says_right), pairs, "shown"))
    nothing = score_probes(fake_tool(), ProbeSet([probe("p", "a", True)]), "all")
    assert compare(nothing, nothing) is None


def test_values_near_the_ends_are_at_the_ends(fake_tool: Any) -> None:
    probes = ProbeSet([probe("p", "right", True, "reference"), probe("p", "", False, "empty")])
    says: Callable[[Triple], float] = lambda t: 1 - 1e-9 if t.text else 1e-9  # noqa: E731
    trial = measure(fake_tool("near", says), probes, "all")
    assert (trial.reference_failures, dict(trial.hostile_above_bottom)) == (0, {})
    assert math.isfinite(trial.latency_ms)


def test_repeats_are_asked_in_turned_order_and_put_back(fake_tool: Any) -> None:
    tool = fake_tool("right", says_right)
    values = score_probes(tool, labelled(4), "all", repeats=3)
    forward = [probe.triple for probe in values.probes]
    assert tool.batches == [forward, forward[::-1], forward]
    assert values.deterministic is True


def test_of_equally_good_cuts_the_widest_gap_is_taken_and_the_first_of_equal_gaps() -> None:
    even = [(False, 0.125), (True, 0.25), (False, 0.375), (True, 0.5)]
    assert choose_threshold(values_of(even)) == 0.1875
    wide = [(False, 0.1), (True, 0.2), (False, 0.3), (True, 0.9)]
    assert choose_threshold(values_of(wide)) == pytest.approx(0.6)
    backwards = [(True, 0.1), (False, 0.9)]
    assert choose_threshold(values_of(backwards)) == pytest.approx(0.5), "a cut between them is as bad as may be"


def test_a_value_at_the_threshold_is_accepted(fake_tool: Any) -> None:
    values = values_of([(True, 0.5), (True, 0.5), (False, 0.5), (False, 0.4)])
    trial = trial_of(values, accept_at=0.5)
    assert trial.good is not None
    assert trial.bad is not None
    assert (trial.good.value, trial.bad.value) == (1.0, 0.5)
    assert (trial.false_accepts, trial.false_rejects) == (1, 0)
    assert [mistake.value for mistake in trial.mistakes] == [0.5]


def test_a_reference_that_is_not_at_the_top_is_shown_as_a_mistake(fake_tool: Any) -> None:
    probes = ProbeSet([probe("p", "right", True, "reference"), probe("q", "right", True, "reference")])
    trial = measure(fake_tool("nearly", lambda triple: 0.99 if triple.prompt == "p" else 1.0), probes, "all")
    assert [(mistake.origin, mistake.value) for mistake in trial.mistakes] == [("reference", 0.99)]


def test_a_long_text_loses_its_middle_and_says_how_much() -> None:
    text = "".join(chr(97 + i % 26) for i in range(1_000))
    assert shorten(text) == f"{text[:300]} ... 400 characters ... {text[-300:]}"
    assert shorten(text[:600]) == text[:600]
    assert shorten(text[:601]) == f"{text[:300]} ... 1 characters ... {text[301:601]}"
    assert shorten("a\ud800b") == "a?b"

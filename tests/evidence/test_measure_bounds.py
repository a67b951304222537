"""Measuring at its bounds: values on a threshold or a tolerance, what is unscored, repeats, times, what is shown."""

import time
from typing import Any

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.evidence.measure import (
    TOLERANCE,
    Values,
    at_bottom,
    at_top,
    choose_threshold,
    compare,
    measure,
    score_probes,
    trial_of,
)
from ravelar.tools.evidence.probes import Origin, Probe, ProbeSet
from ravelar.tools.reward import RawScore, Reward, Triple


def probe(prompt: str, completion: str, good: bool, origin: Origin = "user", pair: str = "") -> Probe:
    return Probe(Triple(prompt, completion, "né"), good, origin, pair)


def pairs(n: int) -> ProbeSet:
    return ProbeSet(probe(f"p{i}", f"{word} {i}", word == "right") for i in range(n) for word in ("right", "wrong"))


def says_right(triple: Triple) -> RawScore:
    return float(triple.text.startswith("right"))


def values_of(given: list[tuple[bool, float | None]], origin: Origin = "user", reason: str | None = None) -> Values:
    probes = tuple(probe(f"p{i}", str(i), good, origin) for i, (good, _) in enumerate(given))
    return Values(probes, tuple(Reward(value, "t", reason) for _, value in given), digest="d", half="all")


def in_turn(*runs: float | None) -> Any:
    """Make a scoring function that gives each whole batch of two the next of these values; None is unscored."""
    answers = iter([UnusableReference("no") if value is None else value for value in runs for _ in range(2)])
    return lambda triple: next(answers)


def test_the_ends_are_reached_within_the_tolerance_and_not_beyond_it() -> None:
    assert at_top(1.0)
    assert at_top(1.0 - TOLERANCE)
    assert not at_top(1.0 - 2 * TOLERANCE)
    assert at_bottom(0.0)
    assert at_bottom(TOLERANCE)
    assert not at_bottom(2 * TOLERANCE)
    assert not at_top(None)
    assert not at_bottom(None)


@pytest.mark.parametrize(
    ("runs", "same"),
    [
        ((0.0, TOLERANCE), True),
        ((0.0, 2 * TOLERANCE), False),
        ((1.0, 1.0, 1.0), True),
        ((0.5, 1.0, 1.0), False),
        ((1.0, 0.5, 1.0), False),
        ((1.0, 1.0, 0.5), False),
        ((None, None), True),
        ((None, 0.5), False),
        ((0.5, None), False),
    ],
)
def test_values_repeat_iff_each_repeat_is_the_first_one_again(
    fake_tool: Any, runs: tuple[float | None, ...], same: bool
) -> None:
    values = score_probes(fake_tool("turns", in_turn(*runs)), pairs(1), "all", repeats=len(runs))
    assert values.deterministic is same
    unscored = None in runs
    assert [reward.value for reward in values.rewards] == [None if unscored else runs[0]] * 2


def test_a_half_is_scored_twice_unless_told_otherwise_and_once_at_least(fake_tool: Any) -> None:
    for ask in (score_probes, measure):
        for repeats, times in [({}, 2), ({"repeats": 1}, 1), ({"repeats": 0}, 1), ({"repeats": 3}, 3)]:
            tool = fake_tool("right", says_right)
            ask(tool, pairs(2), "all", **repeats)
            assert len(tool.batches) == times


def test_the_time_is_that_of_the_quickest_batch_shared_among_its_triples(
    fake_tool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    takes = iter([1.0] * 4 + [0.5] * 4 + [1.5] * 4)

    def waits(triple: Triple) -> RawScore:
        now[0] += next(takes)
        return says_right(triple)

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    told: list[float] = []
    tool = fake_tool("slow", waits)
    trial = measure(tool, pairs(2), "all", repeats=3, on_batch=lambda name, n, seconds: told.append(seconds))
    assert told == [4.0, 2.0, 6.0]
    assert trial.latency_ms == 500.0
    assert measure(tool, ProbeSet([]), "all").latency_ms == 0.0


def test_from_one_half_on_a_value_accepts_unless_told_otherwise() -> None:
    values = values_of([(True, 0.5), (True, 0.4), (False, 0.5), (False, 0.4), (False, 0.4)])
    trial = trial_of(values)
    assert trial.accept_at == 0.5
    assert (trial.false_accepts, trial.false_rejects) == (1, 1)
    lead = compare(values, values, by="balanced_accuracy")
    sure = compare(
        values_of([(True, 1.0), (False, 0.0)]), values_of([(True, 0.5), (False, 0.4)]), by="balanced_accuracy"
    )
    assert lead is not None
    assert sure is not None
    assert (lead.difference, sure.difference, sure.measure, sure.n) == (0.0, 0.0, "balanced_accuracy", 2)
    shifted = compare(values, values, by="balanced_accuracy", accept_at=(0.5, 0.45))
    stricter = compare(values, values, by="balanced_accuracy", accept_at=(0.6, 0.5))
    assert shifted is not None
    assert stricter is not None
    assert shifted.difference == 0.0
    assert stricter.difference == pytest.approx(0.5 - (1 / 2 + 2 / 3) / 2)


def test_a_comparison_is_by_what_was_asked_for_or_is_none() -> None:
    """Two prompts of two probes each: within prompts all is well, between them not."""
    probes = tuple(probe(f"p{i}", word, word == "right") for i in range(2) for word in ("right", "wrong"))
    first = Values(probes, tuple(Reward(v, "t") for v in (0.9, 0.7, 0.3, 0.1)), digest="d", half="all")
    second = Values(probes, tuple(Reward(0.5, "t") for _ in probes), digest="d", half="all")
    found = {by: compare(first, second, by=by) for by in ("auc", "pairwise", "balanced_accuracy", None)}  # type: ignore[arg-type]
    told = {by: (each.measure, each.difference) for by, each in found.items() if each}
    assert told == {
        "auc": ("auc", 0.25),
        "pairwise": ("pairwise", 0.5),
        "balanced_accuracy": ("balanced_accuracy", 0.0),
        None: ("auc", 0.25),
    }
    good_alone = values_of([(True, 0.5)])
    assert compare(good_alone, good_alone, by="balanced_accuracy") is None


def test_ties_within_a_prompt_count_half() -> None:
    probes = tuple(probe("p", f"{word} {i}", word == "right") for i in range(2) for word in ("right", "wrong"))
    values = Values(probes, tuple(Reward(v, "t") for v in (0.5, 0.5, 0.9, 0.7)), digest="d", half="all")
    pairwise = trial_of(values).pairwise
    assert pairwise is not None
    assert (pairwise.value, pairwise.n) == ((0.5 + 0 + 1 + 1) / 4, 4)


def test_a_hostile_probe_on_the_threshold_or_unscored_is_accepted() -> None:
    values = values_of([(False, 0.5), (False, 0.49), (False, 0.0), (False, None)], "hedged")
    trial = trial_of(values)
    assert trial.hostile == {"hedged": 4}
    assert trial.hostile_accepted == {"hedged": 2}
    assert trial.hostile_above_bottom == {"hedged": 3}


def test_the_commonest_reason_for_no_value_is_told() -> None:
    probes = tuple(probe(f"p{i}", str(i), True) for i in range(4))
    rewards = (Reward(None, "t", "rare"), Reward(None, "t", "often"), Reward(None, "t", "often"), Reward(1.0, "t"))
    trial = trial_of(Values(probes, rewards, digest="d", half="all"))
    assert (trial.unscored, trial.unscored_because) == (3, "often")
    assert trial_of(values_of([(True, 1.0)])).unscored_because is None


def test_what_is_unscored_is_a_mistake_and_a_preference_is_none() -> None:
    shown = trial_of(values_of([(True, None), (False, None)], reason="no idea")).mistakes
    assert [(mistake.good, mistake.value, mistake.reason) for mistake in shown] == [
        (True, None, "no idea"),
        (False, None, "no idea"),
    ]
    assert shown[0].reference == '"né"', "as it is written, not as JSON escapes it"
    for origin, value in [("preferred", 0.1), ("rejected", 0.9)]:
        assert trial_of(values_of([(origin == "preferred", value)], origin)).mistakes == ()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "cut"),
    [
        ([(True, 0.1), (True, 0.9)], 0.5),
        ([(False, 0.1), (False, 0.9)], 0.5),
        ([(True, 0.25), (False, 0.25)], 0.5),
        ([(True, 0.75), (False, 0.25), (False, None)], 0.5),
        ([(False, 0.0), (True, 0.5), (False, 0.625), (True, 0.75)], 0.25),
        ([(False, 0.0), (False, 0.25), (True, 0.25), (True, 0.25), (True, 1.0)], 0.125),
    ],
)
def test_a_cut_needs_two_classes_and_lies_in_the_widest_of_the_best_gaps(
    given: list[tuple[bool, float | None]], cut: float
) -> None:
    assert choose_threshold(values_of(given)) == cut

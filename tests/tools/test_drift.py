"""Drift of a tool from its evidence: found soon, and seldom where there is none, however often one looks."""

import random
from typing import Any

import pytest

from ravelar.tools.card import ToolCard
from ravelar.tools.drift import Expected, LiveStatistics, drift, log_evidence, should_suspend
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.reward import Reward

EXPECTED = Expected(unscored=0.05, low=-2.0, high=2.0, slow_ms=10.0, disagreement=0.2)


def rewards(n: int, rng: random.Random, *, unscored: float = 0.0, raw: float = 1.0) -> list[Reward]:
    return [
        Reward(None, "t", "broken") if rng.random() < unscored else Reward(rng.random(), "t", None, raw)
        for _ in range(n)
    ]


def observed(batches: int, **how: Any) -> LiveStatistics:
    rng, live = random.Random(3), LiveStatistics()
    for _ in range(batches):
        live = live.observing(rewards(64, rng, **how), seconds=0.064, expected=EXPECTED)
    return live


def first_alarm(rng: random.Random, share: float, *, cases: int, group: int = 1) -> int | None:
    """Return after how many cases a check that looks after every group sees too many; all of a group fail together."""
    failed = 0
    for seen in range(group, cases + 1, group):
        failed += group * (rng.random() < share)
        if log_evidence(failed, seen, 0.05, group=group) >= 4.6:  # 1 in 100
            return seen
    return None


@pytest.mark.slow
def test_looking_after_every_case_raises_few_false_alarms() -> None:
    rng = random.Random(11)
    alarms = sum(first_alarm(rng, 0.05, cases=200) is not None for _ in range(120))
    assert alarms <= 5  # 1.2 are expected at most; 6 or more have a chance below 0.2 %


def test_groups_that_fail_together_raise_few_false_alarms_and_many_if_taken_for_single_ones() -> None:
    rng = random.Random(12)
    assert sum(first_alarm(rng, 0.05, cases=800, group=8) is not None for _ in range(120)) <= 5
    naive = 0
    for _ in range(40):
        failed = 0
        for seen in range(8, 801, 8):
            failed += 8 * (rng.random() < 0.05)
            if log_evidence(failed, seen, 0.05) >= 4.6:
                naive += 1
                break
    assert naive > 5


def test_a_real_change_is_seen_soon() -> None:
    rng = random.Random(13)
    seen = [first_alarm(rng, 0.20, cases=600) for _ in range(50)]
    assert all(seen)
    assert sorted(n for n in seen if n)[25] < 120


def test_a_healthy_tool_gives_no_finding() -> None:
    live = observed(40, unscored=0.03).comparing(
        [Reward(0.9)] * 90 + [Reward(None)] * 10, [Reward(0.8)] * 75 + [Reward(0.1)] * 15 + [Reward(0.5)] * 10
    )
    assert drift(live, EXPECTED) == []
    assert (live.compared, live.disagreed) == (90, 15)
    assert drift(LiveStatistics(), EXPECTED) == []


@pytest.mark.parametrize(
    ("live", "code", "suspends"),
    [
        (observed(10, unscored=0.3), "unscored", True),
        (observed(10, raw=7.0), "outside_range", True),
        (LiveStatistics().comparing([Reward(1.0)] * 200, [Reward(0.0)] * 200), "disagrees", True),
        (LiveStatistics(n=100, batches=100, slow=60), "slow", False),
        (LiveStatistics(n=900, least=0.5, greatest=0.5), "constant", False),
    ],
)
def test_each_drift_is_named_and_only_wrong_scores_suspend(live: LiveStatistics, code: str, suspends: bool) -> None:
    findings = drift(live, EXPECTED)
    assert [finding.code for finding in findings] == [code]
    assert should_suspend(findings) is suspends
    assert "%" in findings[0].message or code == "constant"


def test_a_rising_reward_is_no_drift() -> None:
    live = LiveStatistics()
    for step in range(40):
        batch = [Reward(min(1.0, i / 64 + step / 40), "t", None, 1.0) for i in range(64)]
        live = live.observing(batch, seconds=0.01, expected=EXPECTED)
    assert drift(live, EXPECTED) == []


def test_processes_merge_in_any_order_and_through_json() -> None:
    parts = [observed(3, unscored=0.2), observed(2, raw=5.0), LiveStatistics().comparing([Reward(1.0)], [Reward(0.0)])]
    there = [LiveStatistics.model_validate_json(part.model_dump_json()) for part in parts]
    assert parts[0].merged(parts[1]).merged(parts[2]) == there[2].merged(there[0].merged(there[1]))
    assert parts[0].merged(LiveStatistics()) == parts[0]


def test_quantiles_and_latency_are_read_from_bins() -> None:
    live = observed(20)
    assert live.quantile(0.5) == pytest.approx(0.5, abs=0.1)
    assert live.quantile(0.9) == pytest.approx(0.9, abs=0.1)
    latency = live.latency_ms()
    assert latency is not None
    assert 1.0 <= latency <= 2.048  # a batch of 64 in 64 ms
    assert LiveStatistics().quantile(0.5) is None
    assert LiveStatistics().latency_ms() is None


def test_what_is_expected_comes_from_the_trial() -> None:
    trial = Trial(probes="p", half="held_out", n=200, unscored=4, latency_ms=3.0)
    card = ToolCard(name="t", kind="reward_model", task="t", summary="s", low=-50, high=50)
    seen = Expected.of_trial(trial, raw=[-1.0, 9.0], card=card, disagreement=0.1)
    assert (seen.low, seen.high, seen.slow_ms) == (-2.0, 10.0, 80.0)
    assert seen.unscored == pytest.approx(0.06)
    assert seen.disagreement == pytest.approx(0.2)
    assert Expected.of_trial(trial, card=card).high == 50
    assert Expected.of_trial(trial).low is None


def test_samples_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        LiveStatistics().comparing([Reward(1.0)], [])

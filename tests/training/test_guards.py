"""The guard: silent while a policy learns, loud when it games its reward, and harmless whatever its checks do."""

import json
import logging
import math
import pickle
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pytest

from ravelar.tools.builtin import builtin_library
from ravelar.tools.calibration import IsotonicMap, LogisticMap
from ravelar.tools.card import ToolCard
from ravelar.tools.drift import Expected
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.training.baseline import Value
from ravelar.training.checks import Checks
from ravelar.training.guards import HackingGuard, calibrated_ranges
from ravelar.training.watched_tool import ALERTS, FOLLOWS, Alert, WatchedTool
from ravelar.training.watching import RewardWatch, ScoredBatch

CHECKED = 32  # of a batch, at most
Group = tuple[str, list[tuple[float, float, float, float]]]
"""A task, and of eight completions: reward, check, ln of the length, share that is repeated."""


@dataclass(frozen=True)
class Simulated:
    """What a simulated policy is like at one step, and what the check makes of it.

    Attributes:
        good: Chance of a completion that the reward accepts.
        misses: Share of the good ones that the check rejects.
        slips: Share of the bad ones that the check accepts.
        check: Chance that the check accepts, whatever the reward says; None where it looks at the same.
        gamed: Share of the bad ones that the reward accepts all the same.
        length: Mean of ln(1 + characters).
        repeats: Share that is repeated.
        task: Its name.
    """

    good: float = 0.4
    misses: float = 0.1
    slips: float = 0.1
    check: float | None = None
    gamed: float = 0.0
    length: float = 4.0
    repeats: float = 0.02
    task: str = ""


def group(numbers: random.Random, like: Simulated) -> Group:
    chance, middle = numbers.gauss(like.good, 0.25), numbers.gauss(like.length, 0.3)
    found = []
    for _ in range(8):
        right = numbers.random() < chance
        accepts = like.check if like.check is not None else 1 - like.misses if right else like.slips
        rewarded = right or numbers.random() < like.gamed
        repeated = max(0.0, numbers.gauss(like.repeats, like.repeats))
        found.append((float(rewarded), float(numbers.random() < accepts), numbers.gauss(middle, 0.4), repeated))
    return like.task, found


Run = Callable[[random.Random, int, int], list[Group]]
"""Numbers, step, groups to a batch -> the batch."""


def one_task(at: Callable[[int], Simulated]) -> Run:
    return lambda numbers, step, groups: [group(numbers, at(step)) for _ in range(groups)]


def alerts_of(run: Run, seed: int, n: int = 100, groups: int = 4, checked: int = CHECKED) -> list[Alert]:
    """Watch one run of n batches at the level that a guard's first tool has; return its alerts."""
    numbers, watched = random.Random(seed), WatchedTool("a", "b", Expected(low=0.0, high=1.0))
    found: list[Alert] = []
    for step in range(n):
        batch = run(numbers, step, groups)
        few = batch[: checked // 8]
        rewards = [Reward(one[0], "a", raw=one[0]) for _, completions in batch for one in completions]
        values = {
            "reward": means(batch, lambda one: one[0]),
            "log_length": means(batch, lambda one: one[2]),
            "repetition": means(batch, lambda one: one[3]),
            "gap": means(few, lambda one: one[0] - one[1]),
            "check": means(few, lambda one: one[1]),
            "disagreement": means(few, lambda one: float(one[0] != one[1])),
            "behind": means(few, lambda one: FOLLOWS * one[0] - one[1]),
        }
        watched.add(values, rewards)
        found += watched.alerts(step=step, alpha=0.005, group=8)
    return found


def means(batch: list[Group], figure: Callable[[tuple[float, ...]], float]) -> list[Value]:
    return [Value(task, fmean(map(figure, completions)), len(completions)) for task, completions in batch]


def learned(step: int) -> float:
    return min(0.95, 0.3 + step / 120)


def mixed(numbers: random.Random, step: int, groups: int) -> list[Group]:
    """Three tasks that the check sees differently; their shares vary from batch to batch, and drift."""
    tasks = [
        Simulated(good=0.8, misses=0.95, slips=0.0, length=3.0, task="words"),
        Simulated(good=learned(step), task="sums"),
        Simulated(good=0.2, misses=0.0, slips=0.5, length=6.0, task="proofs"),
    ]
    weights = [numbers.random() + step / 50, numbers.random() + 0.5, numbers.random() + max(0.0, 1 - step / 50)]
    return [group(numbers, numbers.choices(tasks, weights)[0]) for _ in range(groups)]


def another_task_comes(numbers: random.Random, step: int, groups: int) -> list[Group]:
    tasks = [Simulated(good=learned(step), task="sums"), Simulated(good=0.7, misses=0.9, length=6.0, task="words")]
    return [group(numbers, tasks[numbers.random() < 0.5 and step >= 30]) for _ in range(groups)]


def wandering(numbers: random.Random, step: int, groups: int) -> list[Group]:
    """A policy that gets better and worse by itself: each batch is another one."""
    good = 0.5 + 0.15 * math.sin(step / 9 + 1) + numbers.gauss(0, 0.05)
    return [group(numbers, Simulated(good=good, misses=0.2)) for _ in range(groups)]


HONEST: dict[str, Run] = {
    "stationary": one_task(lambda step: Simulated()),
    "stationary, with a check that often errs": one_task(lambda step: Simulated(misses=0.3, slips=0.3)),
    "learning": one_task(lambda step: Simulated(good=learned(step))),
    "learning, with a check that often errs": one_task(
        lambda step: Simulated(good=learned(step), misses=0.3, slips=0.3)
    ),
    "learning, with a check that rejects half of what is right": one_task(
        lambda step: Simulated(good=learned(step), misses=0.5, slips=0.02)
    ),
    "learning to write longer": one_task(lambda step: Simulated(good=learned(step), length=4 + min(1.0, step / 80))),
    "learning to write as a strict reward wants it, which the check does not ask": one_task(
        lambda step: Simulated(good=0.2 + min(0.5, step / 100), check=0.75)
    ),
    "falling apart": one_task(lambda step: Simulated(good=max(0.0, 0.6 - step / 100))),
    "wandering": wandering,
    "tasks in changing shares": mixed,
    "another task comes": another_task_comes,
}
GAMING: dict[str, Run] = {
    "gap_grows": one_task(lambda step: Simulated(gamed=min(0.95, step / 60))),
    "check_falls": one_task(lambda step: Simulated(check=max(0.0, 0.5 - step / 60))),
    "length_runaway": one_task(lambda step: Simulated(length=4 + step / 30)),
    "repetition": one_task(lambda step: Simulated(repeats=min(0.8, 0.02 + step / 60))),
    "tool_disagreement": one_task(lambda step: Simulated(0.5, 0.05, 0.05) if step < 20 else Simulated(0.5, 0.9, 0.9)),
}


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.slow
def test_honest_runs_raise_no_alert_in_ten_of_ten(name: str) -> None:
    found = Counter(alert.name for seed in range(10) for alert in alerts_of(HONEST[name], seed))
    assert not found


@pytest.mark.parametrize("name", HONEST)
@pytest.mark.slow
def test_honest_runs_of_large_batches_raise_no_alert_though_little_noise_hides_what_moves(name: str) -> None:
    assert not alerts_of(HONEST[name], 100, groups=32, checked=256)


@pytest.mark.parametrize("name", GAMING)
def test_gaming_raises_the_alert_that_names_it(name: str) -> None:
    found = [{alert.name for alert in alerts_of(GAMING[name], seed, groups=16, checked=128)} for seed in range(3)]
    assert all(name in names for names in found)


def first_alert(groups: int, seed: int) -> int:
    """Return the step of the first alert in a run whose true accuracy falls from 0.45 to its half at step 75."""

    def longer(step: int) -> Simulated:
        right = max(0.0, 0.45 - 0.003 * step)
        return Simulated(good=min(0.99, 0.4 + step / 200), check=right, length=4 + min(2.5, 0.015 * step))

    found = alerts_of(one_task(longer), seed, n=110, groups=groups, checked=8 * groups)
    return min((alert.step for alert in found), default=110)


@pytest.mark.slow
def test_gaming_is_found_before_accuracy_halves_if_enough_completions_are_seen() -> None:
    with_128, with_16 = (sorted(first_alert(groups, seed) for seed in range(11)) for groups in (16, 2))
    print(f"first alert with 128 completions a step: {with_128}; with 16: {with_16}")
    assert with_128[-1] < 75
    assert with_16[5] > 65  # docs/training.md says that so few are too few


def test_every_alert_can_be_raised() -> None:
    assert set(ALERTS) == {*GAMING, "outside_range"}  # that one has a test of its own below


def test_an_alert_says_what_was_measured_and_what_it_was_at_first() -> None:
    alert = next(one for one in alerts_of(GAMING["check_falls"], 1) if one.name == "check_falls")
    assert alert.tool == "a"
    assert alert.value < alert.baseline - 0.1
    assert f"the check 'b' gives {alert.value:.3f}; at first {alert.baseline:.3f}" in alert.message


class Policy:
    """A policy whose completions answer rightly with some chance, and have so many words."""

    def __init__(self, seed: int = 0) -> None:
        self.numbers, self.step = random.Random(seed), 0

    def batch(self, *, right: float, words: int, reward: Callable[[bool, int], float], tool: str = "r") -> ScoredBatch:
        triples, rewards = [], []
        for _ in range(64):
            good, n = self.numbers.random() < right, max(1, round(self.numbers.gauss(words, words / 4)))
            text = " ".join(self.numbers.choice("abcdefgh") * self.numbers.randint(1, 6) for _ in range(n))
            triples.append(Triple("6 * 7?", f"{text} {42 if good else 41}", "42", {"right": good}))
            value = reward(good, n)
            rewards.append(Reward(value, tool, raw=value))
        self.step += 1
        return ScoredBatch(self.step, triples, rewards)


def longer_is_better(_: bool, words: int) -> float:
    return min(1.0, words / 100)


def gaming(guard: HackingGuard, steps: int = 60) -> Iterator[tuple[float, list[Alert]]]:
    """Let a policy learn that longer is better; yield its true accuracy and the alerts so far, step by step."""
    policy = Policy()
    for step in range(steps):
        right = max(0.0, 0.6 - step / 80)
        guard.see(policy.batch(right=right, words=8 + 2 * step, reward=longer_is_better))
        yield right, guard.alerts


@pytest.fixture
def library(fake_tool: Any) -> Library:
    return Library([fake_tool("truth", lambda triple: float(triple.metadata["right"])), fake_tool("r")])


def test_a_policy_that_games_length_is_found_before_its_accuracy_halves(library: Library, caplog: Any) -> None:
    guard = HackingGuard(Checks(library, {"*": "truth"}), share=1.0)
    assert isinstance(guard, RewardWatch)
    with caplog.at_level(logging.WARNING):
        accuracy = next(right for right, alerts in gaming(guard) if alerts)
    assert accuracy > 0.3
    assert "reward hacking? step" in caplog.text


def test_without_a_check_length_is_still_watched(library: Library) -> None:
    guard = HackingGuard()
    assert {alert.name for _, alerts in gaming(guard) for alert in alerts} == {"length_runaway"}


def test_metrics_say_what_was_seen_in_the_batch(library: Library) -> None:
    guard = HackingGuard(Checks(library, {"r": "truth"}), share=1.0)
    metrics = guard.see(Policy().batch(right=1.0, words=5, reward=lambda good, n: 0.25))
    assert metrics["guard/reward"] == 0.25
    assert metrics["guard/check"] == 1.0
    assert metrics["guard/gap"] == -0.75
    assert metrics["guard/alerts"] == 0.0
    assert guard.see(ScoredBatch(2, [Triple("p", "c")], [Reward(None, "r", "broken")])) == {"guard/alerts": 0.0}


def test_only_a_share_is_checked_the_same_for_a_seed(library: Library) -> None:
    asked = []
    for _ in range(2):
        guard = HackingGuard(Checks(library, {"r": "truth"}), share=0.5, spare_s=0)
        guard.see(Policy().batch(right=0.5, words=5, reward=longer_is_better))
        asked.append([triple.text for triple in library["truth"].batches[-1]])
    assert len(asked[0]) == 32
    assert asked[0] == asked[1]


def test_a_quick_check_sees_every_completion_and_a_slow_one_its_share(fake_tool: Any) -> None:
    def slowly(triple: Triple) -> float:
        time.sleep(0.01)
        return 1.0

    for says, at_last in ((lambda triple: 1.0, 64), (slowly, 16)):
        library = Library([fake_tool("check", says)])
        guard, policy = HackingGuard(Checks(library, {"*": "check"}), spare_s=0.15), Policy()
        for _ in range(3):
            guard.see(policy.batch(right=0.5, words=5, reward=longer_is_better))
        assert len(library["check"].batches[0]) == 16
        assert len(library["check"].batches[-1]) == at_last


def test_a_check_that_hangs_or_crashes_costs_its_own_figures_only(fake_tool: Any) -> None:
    def crash(triple: Triple) -> float:
        raise RuntimeError("broken check")

    def hang(triple: Triple) -> float:
        time.sleep(2)
        return 1.0

    for says in (crash, hang):
        checks = Checks(Library([fake_tool("bad", says)]), {"*": "bad"})
        guard, began = HackingGuard(checks, time_limit_s=0.2), time.monotonic()
        metrics = guard.see(Policy().batch(right=1.0, words=5, reward=longer_is_better))
        assert time.monotonic() - began < 1.5
        assert "guard/check" not in metrics
        assert "guard/reward" in metrics


@pytest.mark.slow
def test_it_goes_on_after_a_checkpoint_as_if_there_had_been_none(library: Library) -> None:
    checks = Checks(library, {"*": "truth"})
    whole, half, resumed = (HackingGuard(checks, share=1.0) for _ in range(3))
    for _ in gaming(whole):
        pass
    policy = Policy()
    for step in range(60):
        guard = half if step < 20 else resumed
        if step == 20:
            resumed.restore(json.loads(json.dumps(half.as_json())))
        guard.see(policy.batch(right=max(0.0, 0.6 - step / 80), words=8 + 2 * step, reward=longer_is_better))
    assert resumed.alerts == whole.alerts
    assert whole.alerts


@pytest.mark.slow
def test_an_acknowledged_alert_takes_a_new_baseline_and_can_be_raised_again(library: Library) -> None:
    guard = HackingGuard(Checks(library, {"*": "truth"}), share=1.0)
    policy = Policy()

    def steps(n: int, right: float, words: int) -> None:
        for _ in range(n):
            guard.see(policy.batch(right=right, words=words, reward=longer_is_better))

    steps(10, 0.6, 10)
    steps(20, 0.6, 60)
    raised = len(guard.alerts)
    assert raised
    guard.acknowledge()
    steps(20, 0.6, 60)
    assert len(guard.alerts) == raised, "what a person said is well is not told again"
    steps(20, 0.6, 240)
    assert len(guard.alerts) > raised


def test_raw_scores_beyond_those_of_the_calibration_are_an_alert() -> None:
    guard, policy = HackingGuard(ranges={"r": (0.0, 1.0)}), Policy()
    for step in range(40):
        guard.see(policy.batch(right=0.5, words=10, reward=lambda good, n: 0.5))
        if step == 20:
            assert not guard.alerts
    beyond = HackingGuard(ranges={"r": (0.0, 0.4)})
    for _ in range(40):
        beyond.see(policy.batch(right=0.5, words=10, reward=lambda good, n: 0.5))
    assert [alert.name for alert in beyond.alerts] == ["outside_range"]


def test_ranges_are_those_of_isotonic_calibrations(fake_tool: Any) -> None:
    tools = [fake_tool("a"), fake_tool("b"), fake_tool("c")]
    for tool, calibration in zip(
        tools,
        [IsotonicMap(raw=(-3.0, 5.0), unit=(0.0, 1.0), n=9), LogisticMap(slope=1, intercept=0, n=9)],
        strict=False,
    ):
        tool.card = ToolCard.model_validate({**tool.card.model_dump(), "calibration": calibration})
    assert calibrated_ranges(Library(tools)) == {"a": (-3.0, 5.0)}


def test_it_can_be_sent_to_another_process_where_its_library_can_be_opened() -> None:
    guard = HackingGuard(Checks(builtin_library, {"*": "math_answer"}))
    policy = Policy()
    guard.see(policy.batch(right=0.5, words=5, reward=longer_is_better))
    copy = pickle.loads(pickle.dumps(guard))
    assert copy.as_json() == guard.as_json()
    assert copy.see(policy.batch(right=1.0, words=5, reward=longer_is_better))["guard/check"] == 1.0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Checks(Library([]), {"a": "a"}), "'a' can't check itself"),
        (lambda: HackingGuard(share=0.0), "share is 0.0; a number above 0"),
        (lambda: HackingGuard(alpha=2.0), "alpha is 2.0"),
        (lambda: HackingGuard(spare_s=-1), "spare_s is -1; seconds are needed"),
    ],
)
def test_settings_that_can_not_be_used_are_told_at_once(made: Callable[[], object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        made()


def test_an_unknown_check_is_told_at_once(library: Library) -> None:
    with pytest.raises(UnknownName, match="did you mean 'truth'"):
        HackingGuard(Checks(library, {"*": "thruth"}))
    assert Checks(library, {"*": "truth"}).of("truth") is None

"""One reward tool under watch: its series of points, their tests, and the alerts that they raise.

`training.guards` says what each alert means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

from ravelar.tools.drift import Expected, Finding, LiveStatistics, drift
from ravelar.tools.reward import Reward
from ravelar.training.checks import Pair
from ravelar.training.rise_test import RiseTest

AlertName = Literal["gap_grows", "check_falls", "length_runaway", "repetition", "tool_disagreement", "outside_range"]
ALERTS: tuple[AlertName, ...] = (
    "gap_grows",
    "check_falls",
    "length_runaway",
    "repetition",
    "tool_disagreement",
    "outside_range",
)
POINT = 16  # completions, at least
_POINTS = 3  # of one batch, at most
STILL = 0.05  # a mean that moved by less has neither risen nor fallen
_RISES: tuple[AlertName, ...] = ALERTS[:4]
_CHECKED: frozenset[str] = frozenset({"gap_grows", "check_falls"})
_MARGINS = {"gap_grows": 0.1, "check_falls": 0.1, "length_runaway": math.log(1.5), "repetition": 0.1}
_UNCHECKED_LENGTH = math.log(2)
_LEAST_DEVIATIONS = {"gap_grows": 0.02, "check_falls": 0.02, "length_runaway": 0.05, "repetition": 0.01}
_DRIFTS: Mapping[str, AlertName] = {"disagrees": "tool_disagreement", "outside_range": "outside_range"}
Series = Mapping[str, Sequence[float]]
"""New values of single completions: `reward`, `log_length`, `repetition`; of checked ones also `gap` and `check`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A sign that the policy games a reward tool.

    Attributes:
        name: Which one.
        tool: The reward tool.
        step: The trainer's step at which it was found.
        value: What was measured: the mean of the last 6 points, or a share since the baseline.
        baseline: The same at first; of a share, the greatest that was to be expected.
        message: In words.
    """

    name: AlertName
    tool: str
    step: int
    value: float
    baseline: float
    message: str


@dataclass(slots=True)
class WatchedTool:
    """What is known of one reward tool.

    Attributes:
        name: The tool.
        check: The tool that checks it; None if none does.
        expected: The raw scores that are expected of it; what disagreement is, is measured.
        tests: One test a series; that of the reward raises no alert.
        waiting: Values that are not a point yet.
        live: Counts for `tools.drift`.
        raised: The alerts that were raised and not acknowledged.
    """

    name: str
    check: str | None
    expected: Expected
    tests: dict[str, RiseTest] = field(default_factory=dict)
    waiting: dict[str, list[float]] = field(default_factory=dict)
    live: LiveStatistics = field(default_factory=LiveStatistics)
    raised: list[AlertName] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in _RISES:
            if self.check is not None or name not in _CHECKED:
                self.tests[name] = self._test(name)
        self.tests["reward"] = RiseTest(0.0, 0.02)

    def add(self, values: Series, rewards: Sequence[Reward], pairs: Sequence[Pair]) -> None:
        """Take a batch: values of its completions, all rewards of this tool, and those that were checked."""
        self._expect_disagreement()
        self.live = self.live.observing(rewards, seconds=None, expected=self.expected)
        self.live = self.live.comparing([reward for reward, _ in pairs], [check for _, check in pairs])
        self._add("reward", values["reward"])
        self._add("length_runaway", values["log_length"])
        self._add("repetition", values["repetition"])
        if self.check is not None:
            self._add("gap_grows", values.get("gap", ()))
            self._add("check_falls", [-value for value in values.get("check", ())])

    def alerts(self, *, step: int, alpha: float, group: int) -> list[Alert]:
        """Return the alerts that are new, false ones with probability at most `alpha` in a whole run.

        Args:
            step: The trainer's step.
            alpha: The part of the guard's that this tool has.
            group: How many completions stand or fall together.
        """
        needed = math.log(len(ALERTS) / alpha)
        new = [
            self._rise(name, step)
            for name in _RISES
            if name in self.tests and self.tests[name].log_evidence >= needed and self._counts(name)
        ]
        for finding in drift(self.live, self.expected, alpha=2 * alpha / len(ALERTS), group=group):
            if finding.code in _DRIFTS:
                new.append(self._drift(_DRIFTS[finding.code], finding, step))
        new = [alert for alert in new if alert.name not in self.raised]
        self.raised += [alert.name for alert in new]
        return new

    def acknowledge(self) -> None:
        """Take the alerts for known: what raised one starts with a new baseline, and may raise it again."""
        for name in self.raised:
            if name in self.tests:
                self.tests[name] = self._test(name)
            elif name == "tool_disagreement":
                self._expect_as_much_disagreement()
            else:
                self.live = self.live.model_copy(update={"raw_n": 0, "outside": 0})
        self.raised = []

    def as_json(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "tests": {name: test.as_json() for name, test in self.tests.items()},
            "waiting": self.waiting,
            "live": self.live.model_dump(mode="json"),
            "disagreement": self.expected.disagreement,
            "raised": self.raised,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `as_json` was asked; a series that was not there then begins anew."""
        kept = state["tests"]
        self.tests = {name: test.restored(kept[name]) if name in kept else test for name, test in self.tests.items()}
        self.waiting, self.raised = dict(state["waiting"]), list(state["raised"])
        self.live = LiveStatistics.model_validate(state["live"])
        self.expected = self.expected.model_copy(update={"disagreement": state["disagreement"]})

    def _test(self, name: str) -> RiseTest:
        margin = _UNCHECKED_LENGTH if name == "length_runaway" and self.check is None else _MARGINS[name]
        return RiseTest(margin, _LEAST_DEVIATIONS[name])

    def _add(self, name: str, values: Sequence[float]) -> None:
        """Make points of values in order, as many as there are, but at most three: a baseline spans four batches."""
        waiting = [*self.waiting.get(name, ()), *values]
        points = min(_POINTS, len(waiting) // POINT)
        for i in range(points):
            self.tests[name].add(fmean(waiting[i * len(waiting) // points : (i + 1) * len(waiting) // points]))
        self.waiting[name] = [] if points else waiting

    def _expect_disagreement(self) -> None:
        """Once the baseline is there, expect what it shows and half as much more, and count from nought."""
        ready = self.check is not None and self.tests["gap_grows"].baseline is not None
        if ready and self.expected.disagreement is None:
            self._expect_as_much_disagreement()

    def _expect_as_much_disagreement(self) -> None:
        share = self.live.disagreed / max(1, self.live.compared)
        self.expected = self.expected.model_copy(update={"disagreement": min(0.9, 1.5 * share + 0.05)})
        self.live = self.live.model_copy(update={"compared": 0, "disagreed": 0})

    def _counts(self, name: AlertName) -> bool:
        """Say whether a rise is what its alert is about, and not the side of something good or plain."""
        if name == "check_falls":
            return self._moved("reward") >= -STILL
        if name in ("length_runaway", "repetition") and self.check is not None:
            return -self._moved("check_falls") <= STILL
        return True

    def _moved(self, name: str) -> float:
        test = self.tests[name]
        return 0.0 if test.baseline is None or test.recent is None else test.recent - test.baseline

    def _rise(self, name: AlertName, step: int) -> Alert:
        test = self.tests[name]
        now, first = test.recent or 0.0, test.baseline or 0.0
        now_characters, first_characters = math.expm1(min(now, 30.0)), math.expm1(min(first, 30.0))
        said = {
            "gap_grows": f"the reward exceeds the check {self.check!r} by {now:.3f}; at first by {first:.3f}",
            "check_falls": f"the check {self.check!r} gives {-now:.3f}; at first {-first:.3f}",
            "length_runaway": f"{now_characters:,.0f} characters to a completion; at first {first_characters:,.0f}",
            "repetition": f"{now:.1%} of a completion says again what it said before; at first {first:.1%}",
        }[name]
        sign = -1 if name == "check_falls" else 1
        return Alert(name, self.name, step, sign * now, sign * first, said)

    def _drift(self, name: AlertName, finding: Finding, step: int) -> Alert:
        return Alert(name, self.name, step, finding.value, finding.allowed, finding.message)

"""One reward tool under watch: its series of points, their tests, and the alerts that they raise.

`training.guards` says what each alert means.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ravelar.tools.drift import Expected, Finding, LiveStatistics, drift
from ravelar.tools.reward import Reward
from ravelar.training.baseline import Value
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
STILL = 0.05  # a mean that moved by less has neither risen nor fallen
ACCEPTED = 0.5  # and above
FOLLOWS = 1 / 3  # a check that rises by this share of the reward's rise goes along with it
_RISES: tuple[AlertName, ...] = ALERTS[:5]
_CHECKED: frozenset[str] = frozenset({"gap_grows", "check_falls", "tool_disagreement", "behind"})
_MARGINS = {
    "gap_grows": STILL,
    "check_falls": 0.1,
    "length_runaway": math.log(1.5),
    "repetition": 0.1,
    "tool_disagreement": 0.1,
}
_UNCHECKED_LENGTH = math.log(2)
_LEAST_DEVIATIONS = {"length_runaway": 0.05, "repetition": 0.01}
_LEAST_DEVIATION = 0.01  # of all others
Series = Mapping[str, Sequence[Value]]
"""New values: `reward`, `log_length`, `repetition`; of what was checked `gap`, `check`, `behind`, `disagreement`."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A sign that the policy games a reward tool.

    Attributes:
        name: Which one.
        tool: The reward tool.
        step: The trainer's step at which it was found.
        value: The baseline, and how far the last 6 points are from it on the mean; of `outside_range` the share so far.
        baseline: The mean of the first batches; of `outside_range` the greatest share that was to be expected.
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
        tests: One test a series; those of `reward` and `behind` raise no alert by themselves.
        waiting: Values of too few completions to be a point yet.
        live: Counts for `tools.drift`.
        raised: The alerts that were raised and not acknowledged.
    """

    name: str
    check: str | None
    expected: Expected
    tests: dict[str, RiseTest] = field(default_factory=dict)
    waiting: dict[str, list[Value]] = field(default_factory=dict)
    live: LiveStatistics = field(default_factory=LiveStatistics)
    raised: list[AlertName] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in (*_RISES, "reward", "behind"):
            if self.check is not None or name not in _CHECKED:
                self.tests[name] = self._test(name)

    def add(self, values: Series, rewards: Sequence[Reward]) -> None:
        """Take a batch: values of its prompts, and all rewards of this tool."""
        self.live = self.live.observing(rewards, seconds=None, expected=self.expected)
        self._add("reward", values["reward"])
        self._add("length_runaway", values["log_length"])
        self._add("repetition", values["repetition"])
        if self.check is not None:
            self._add("gap_grows", values.get("gap", ()))
            self._add("behind", values.get("behind", ()))
            self._add("tool_disagreement", values.get("disagreement", ()))
            self._add("check_falls", [value._replace(mean=-value.mean) for value in values.get("check", ())])

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
            if name in self.tests and self.tests[name].log_evidence >= needed and self._counts(name, needed)
        ]
        for finding in drift(self.live, self.expected, alpha=alpha / len(ALERTS), group=group):
            if finding.code == "outside_range":
                new.append(self._drift(finding.code, finding, step))
        new = [alert for alert in new if alert.name not in self.raised]
        self.raised += [alert.name for alert in new]
        return new

    def acknowledge(self) -> None:
        """Take the alerts for known: what raised one starts with a new baseline, and may raise it again."""
        for name in self.raised:
            if name in self.tests:
                self.tests[name] = self._test(name)
                if name == "gap_grows":
                    self.tests["behind"] = self._test("behind")
            else:
                self.live = self.live.model_copy(update={"raw_n": 0, "outside": 0})
        self.raised = []

    def as_json(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "tests": {name: test.as_json() for name, test in self.tests.items()},
            "waiting": {name: [list(value) for value in values] for name, values in self.waiting.items()},
            "live": self.live.model_dump(mode="json"),
            "raised": self.raised,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `as_json` was asked; a series that was not there then begins anew."""
        kept = state["tests"]
        self.tests = {name: test.restored(kept[name]) if name in kept else test for name, test in self.tests.items()}
        self.waiting = {name: [Value(*value) for value in values] for name, values in state["waiting"].items()}
        self.raised = list(state["raised"])
        self.live = LiveStatistics.model_validate(state["live"])

    def _test(self, name: str) -> RiseTest:
        margin = _UNCHECKED_LENGTH if name == "length_runaway" and self.check is None else _MARGINS.get(name, 0.0)
        least = 0.0 if name == "gap_grows" else -math.inf
        return RiseTest(margin, _LEAST_DEVIATIONS.get(name, _LEAST_DEVIATION), least)

    def _add(self, name: str, values: Sequence[Value]) -> None:
        """Make a point of a batch's values, together with those before it that were too few for one."""
        waiting = [*self.waiting.get(name, ()), *values]
        enough = sum(value.n for value in waiting) >= POINT
        if enough:
            self.tests[name].add(waiting)
        self.waiting[name] = [] if enough else waiting

    def _counts(self, name: AlertName, needed: float) -> bool:
        """Say whether a rise is what its alert is about, and not the side of something good or plain."""
        if name == "gap_grows":
            return self.tests["behind"].log_evidence >= needed
        if name == "check_falls":
            return self._moved("reward") >= -STILL
        if self.check is not None:
            return -self._moved("check_falls") <= STILL
        return True

    def _moved(self, name: str) -> float:
        return self.tests[name].moved or 0.0

    def _rise(self, name: AlertName, step: int) -> Alert:
        first = self.tests[name].first or 0.0
        now = first + self._moved(name)
        now_characters, first_characters = math.expm1(min(now, 30.0)), math.expm1(min(first, 30.0))
        said = {
            "gap_grows": f"the reward exceeds the check {self.check!r} by {now:.3f}; at first by {first:.3f}",
            "check_falls": f"the check {self.check!r} gives {-now:.3f}; at first {-first:.3f}",
            "length_runaway": f"{now_characters:,.0f} characters to a completion; at first {first_characters:,.0f}",
            "tool_disagreement": f"{self.check!r} says otherwise of {now:.1%}; at first of {first:.1%}",
            "repetition": f"{now:.1%} of a completion says again what it said before; at first {first:.1%}",
        }[name]
        sign = -1 if name == "check_falls" else 1
        return Alert(name, self.name, step, sign * now, sign * first, said)

    def _drift(self, name: AlertName, finding: Finding, step: int) -> Alert:
        return Alert(name, self.name, step, finding.value, finding.allowed, finding.message)

"""Does the reward still mean what it should? An independent check on a sample of each batch, and what it tells.

    ScoredBatch -> per reward tool: reward r, check c of a sample, length, repetition -> points -> tests -> Alert

A point is the mean over at least 16 completions of one reward tool; a batch makes at most three of them. The first 12
points are the baseline; the tests of `training.rise_test` look at each one after. For each reward tool:

    gap_grows          r - c rises by more than 0.1
    check_falls        c falls by more than 0.1, while r does not fall
    length_runaway     ln(1 + characters) rises by more than ln 1.5 (without a check ln 2), while c does not rise
    repetition         the share of repeated 8-grams rises by more than 0.1, while c does not rise
    tool_disagreement  r and c differ on accepting in more than 1.5 d + 0.05 of the sample, d the baseline's share
    outside_range      over 5 % of raw scores lie outside those that the tool's calibration was fitted on

The last two are `tools.drift`. "Does not fall" and "does not rise" compare the mean of the last 6 points with the
baseline, within 0.05. All alerts of a run together are meant to be false with probability at most `alpha`: it is
divided by 6 for the alerts, and by k (k + 1) for the k-th reward tool that is seen. The constants are ours.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from ravelar.tools.calibration import IsotonicMap
from ravelar.tools.drift import Expected
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.side_by_side import SideBySide
from ravelar.training.checks import Checks, Pair, checked, drawn
from ravelar.training.signals import log_length, repetition
from ravelar.training.watched_tool import POINT, Alert, WatchedTool
from ravelar.training.watching import ScoredBatch

_log = logging.getLogger(__name__)


class HackingGuard:
    """Looks at each batch (`training.watching.RewardWatch`), and raises each alert once for a reward tool.

    Attributes:
        alerts: All that were raised, in order.

    Args:
        checks: Which tool checks which; None leaves length, repetition and range.
        ranges: Of reward tools, the least and greatest raw score to be expected; see `calibrated_ranges`.
        share: The share of each batch that is checked, drawn by seed and step; at least 16 completions of a tool.
        alpha: Greatest probability that a run without hacking raises any alert. Of several ranks each has a guard of
            its own, and should be given its part.
        group: How many completions stand or fall together: the group size of GRPO.
        time_limit_s: Most seconds that the checks of a batch may take; what takes longer is left out.
        seed: Decides what is drawn.

    Raises:
        InputError: if the share or alpha is not in (0, 1], or a check is not in its library.
    """

    def __init__(  # noqa: PLR0913  keyword-only settings with defaults
        self,
        checks: Checks | None = None,
        *,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        share: float = 0.25,
        alpha: float = 0.01,
        group: int = 8,
        time_limit_s: float = 60.0,
        seed: int = 42,
    ) -> None:
        for name, given in (("share", share), ("alpha", alpha)):
            if not 0 < given <= 1:
                raise InputError(f"{name} is {given!r}; a number above 0 and at most 1 is needed")
        self.alerts: list[Alert] = []
        self._checks, self._ranges = checks, dict(ranges or {})
        self._share, self._alpha, self._group, self._seed = share, alpha, group, seed
        self._time_limit_s = time_limit_s
        self._tools: dict[str, WatchedTool] = {}
        self._open()

    def see(self, batch: ScoredBatch) -> Mapping[str, float]:
        """Look at a batch; return `guard/...` metrics: means of this batch, and how many alerts there were so far."""
        of_tool: dict[str, list[int]] = {}
        for i, reward in enumerate(batch.rewards):
            if reward.value is not None and reward.tool is not None:
                of_tool.setdefault(reward.tool, []).append(i)
        pairs = self._checked(batch, of_tool)
        seen: dict[str, list[float]] = {}
        for tool, places in of_tool.items():
            rewards, checks = [batch.rewards[i] for i in places], pairs.get(tool, [])
            values = _values([batch.triples[i] for i in places], rewards, checks)
            watched = self._watched(tool)
            watched.add(values, rewards, checks)
            self._raise(watched, batch.step)
            for name, new in values.items():
                seen.setdefault(name, []).extend(new)
        means = {f"guard/{name}": fmean(values) for name, values in seen.items() if values}
        return {**means, "guard/alerts": float(len(self.alerts))}

    def acknowledge(self) -> None:
        """Take the alerts for known: what raised one starts with a new baseline, and may raise it again."""
        for watched in self._tools.values():
            watched.acknowledge()

    def as_json(self) -> dict[str, Any]:
        """Return what `restore` needs to go on after a checkpoint: plain JSON."""
        return {
            "alerts": [asdict(alert) for alert in self.alerts],
            "tools": {tool: watched.as_json() for tool, watched in self._tools.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `as_json` was asked; checks that were named since then begin anew."""
        self.alerts = [Alert(**alert) for alert in state["alerts"]]
        for tool, kept in state["tools"].items():
            self._watched(tool).restore(kept)

    def _open(self) -> None:
        self._library = self._checks.opened() if self._checks else Library([])
        self._run = SideBySide(self._time_limit_s)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_library", "_run")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def _watched(self, tool: str) -> WatchedTool:
        if tool not in self._tools:
            low, high = self._ranges.get(tool, (None, None))
            check = self._checks.of(tool) if self._checks else None
            self._tools[tool] = WatchedTool(tool, check, Expected(low=low, high=high))
        return self._tools[tool]

    def _checked(self, batch: ScoredBatch, of_tool: Mapping[str, list[int]]) -> dict[str, list[Pair]]:
        if self._checks is None:
            return {}
        places = [
            i
            for tool, places in of_tool.items()
            if self._checks.of(tool) is not None
            for i in drawn(places, share=self._share, least=POINT, seed=f"{self._seed}:{batch.step}:{tool}")
        ]
        return checked(batch, places, self._checks, library=self._library, run=self._run)

    def _raise(self, watched: WatchedTool, step: int) -> None:
        order = 1 + list(self._tools).index(watched.name)
        for alert in watched.alerts(step=step, alpha=self._alpha / (order * (order + 1)), group=self._group):
            self.alerts.append(alert)
            _log.warning("reward hacking? step %d, %s, %s: %s", step, alert.tool, alert.name, alert.message)


def calibrated_ranges(library: Library) -> dict[str, tuple[float, float]]:
    """Return the raw scores that tools were calibrated on: beyond them an isotonic map is flat and tells nothing."""
    return {
        tool.card.name: (tool.card.calibration.raw[0], tool.card.calibration.raw[-1])
        for tool in library
        if isinstance(tool.card.calibration, IsotonicMap)
    }


def _values(triples: Sequence[Triple], rewards: Sequence[Reward], pairs: Sequence[Pair]) -> dict[str, list[float]]:
    return {
        "reward": [reward.value for reward in rewards if reward.value is not None],
        "log_length": [log_length(triple) for triple in triples],
        "repetition": [repetition(triple) for triple in triples],
        "gap": [one.value - other.value for one, other in pairs if one.value is not None and other.value is not None],
        "check": [check.value for _, check in pairs if check.value is not None],
    }

"""Does the reward still mean what it should? An independent check on a sample of each batch, and what it tells.

    ScoredBatch -> per reward tool: reward r, check c of a sample, length, repetition -> points -> tests -> Alert

A value is the mean of a group of completions of one prompt, measured from what prompts of its kind (`training.signals`)
had in the first batches (`training.baseline`). A point is a batch's mean, of 16 completions of one reward tool or more;
`training.rise_test` looks at each one after the baseline. For each reward tool:

    gap_grows          r - c rises by more than 0.05, to above 0, while c does not follow r
    check_falls        c falls by more than 0.1, while r does not fall
    length_runaway     ln(1 + characters) rises by more than ln 1.5 (without a check ln 2), while c does not rise
    repetition         the share of repeated 8-grams rises by more than 0.1, while c does not rise
    tool_disagreement  the share on which r and c differ on accepting rises by more than 0.1, while c does not rise
    outside_range      over 5 % of raw scores lie outside those that the tool's calibration was fitted on

"Does not follow" is a test of its own, at the same level: c rises by less than a third of what r rises by, so that
r / 3 - c rises. A check that often errs rises more slowly than the reward where a policy learns honestly, and this is
what tells it from gaming. "Does not fall" and "does not rise" compare the mean of the last 6 points with the baseline,
within 0.05. The last alert is `tools.drift`. All alerts of a run together are meant to be false with probability at
most `alpha`: it is divided by 6 for the alerts, and by k (k + 1) for the k-th reward tool that is seen. The constants
are ours.
"""

import logging
import time
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
from ravelar.training.baseline import Value
from ravelar.training.checks import Checked, Checks, checked, drawn
from ravelar.training.signals import Prompts, log_length, repetition
from ravelar.training.watched_tool import ACCEPTED, FOLLOWS, POINT, Alert, WatchedTool
from ravelar.training.watching import ScoredBatch

_LOGGED = frozenset({"reward", "log_length", "repetition", "gap", "check"})
_log = logging.getLogger(__name__)


class HackingGuard:
    """Looks at each batch (`training.watching.RewardWatch`), and raises each alert once for a reward tool.

    Attributes:
        alerts: All that were raised, in order.

    Args:
        checks: Which tool checks which; None leaves length, repetition and range.
        ranges: Of reward tools, the least and greatest raw score to be expected; see `calibrated_ranges`.
        share: The share of each batch that is checked at least, drawn by seed and step, and 16 completions of a tool.
        spare_s: More are checked, up to all, as far as the last batch's pace lets it be done within these seconds.
        alpha: Greatest probability that a run without hacking raises any alert. Of several ranks each has a guard of
            its own, and should be given its part.
        group: How many completions stand or fall together: the group size of GRPO.
        time_limit_s: Most seconds that the checks of a batch may take; what takes longer is left out.
        seed: Decides what is drawn.

    Raises:
        InputError: if the share or alpha is not in (0, 1], spare_s is negative, or a check is not in its library.
    """

    def __init__(  # noqa: PLR0913  keyword-only settings with defaults
        self,
        checks: Checks | None = None,
        *,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        share: float = 0.25,
        spare_s: float = 0.1,
        alpha: float = 0.01,
        group: int = 8,
        time_limit_s: float = 60.0,
        seed: int = 42,
    ) -> None:
        for name, given in (("share", share), ("alpha", alpha)):
            if not 0 < given <= 1:
                raise InputError(f"{name} is {given!r}; a number above 0 and at most 1 is needed")
        if not spare_s >= 0:
            raise InputError(f"spare_s is {spare_s!r}; seconds are needed, 0 or more")
        self.alerts: list[Alert] = []
        self._checks, self._ranges = checks, dict(ranges or {})
        self._share, self._alpha, self._group, self._seed = share, alpha, group, seed
        self._time_limit_s, self._spare_s = time_limit_s, spare_s
        self._pace_s: float | None = None  # seconds a check, of the last batch
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
            rewards = [batch.rewards[i] for i in places]
            own = [pair for pair in pairs if pair.reward.tool == tool]
            triples = [batch.triples[i] for i in places]
            of_all, of_checked = _of_all(triples, rewards), _of_checked(own)
            watched = self._watched(tool)
            watched.add(
                {**self._means(triples, of_all), **self._means([pair.triple for pair in own], of_checked)}, rewards
            )
            self._raise(watched, batch.step)
            for name, figures in (*of_all.items(), *of_checked.items()):
                if name in _LOGGED:
                    seen.setdefault(name, []).extend(figures)
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
            "pace_s": self._pace_s,
            "tools": {tool: watched.as_json() for tool, watched in self._tools.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `as_json` was asked; checks that were named since then begin anew."""
        self.alerts = [Alert(**alert) for alert in state["alerts"]]
        self._pace_s = state["pace_s"]
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

    def _checked(self, batch: ScoredBatch, of_tool: Mapping[str, list[int]]) -> list[Checked]:
        if self._checks is None:
            return []
        own = {tool: places for tool, places in of_tool.items() if self._checks.of(tool) is not None}
        least = max(POINT, int(self._spare_s / self._pace_s / len(own)) if self._pace_s and own else 0)
        places = [
            i
            for tool, places in own.items()
            for i in drawn(places, share=self._share, least=least, seed=f"{self._seed}:{batch.step}:{tool}")
        ]
        began = time.monotonic()
        found = checked(batch, places, self._checks, library=self._library, run=self._run)
        self._pace_s = (time.monotonic() - began) / max(1, len(places))
        return found

    def _means(self, triples: Sequence[Triple], figures: Mapping[str, Sequence[float]]) -> dict[str, list[Value]]:
        prompts = Prompts(triples, group=self._group)
        return {name: prompts.means(own) for name, own in figures.items()}

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


def _of_all(triples: Sequence[Triple], rewards: Sequence[Reward]) -> dict[str, list[float]]:
    return {
        "reward": [reward.value for reward in rewards if reward.value is not None],
        "log_length": [log_length(triple) for triple in triples],
        "repetition": [repetition(triple) for triple in triples],
    }


def _of_checked(pairs: Sequence[Checked]) -> dict[str, list[float]]:
    both = [(pair.reward.value or 0.0, pair.check.value or 0.0) for pair in pairs]
    return {
        "gap": [reward - check for reward, check in both],
        "check": [check for _, check in both],
        "disagreement": [float((reward >= ACCEPTED) != (check >= ACCEPTED)) for reward, check in both],
        "behind": [FOLLOWS * reward - check for reward, check in both],
    }

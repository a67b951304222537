"""Running figures per tool: how many, how good, how many unscored and why, how fast; and against labels."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.reward import Reward

_KIND = re.compile(r"[:;]")  # what stands before it is the kind of a reason, what follows are its particulars
_MAX_REASONS = 20  # kinds of reasons kept apart per tool; the rest are counted together


@dataclass(slots=True)
class ToolTally:
    """The figures of one tool.

    Attributes:
        n: Rows that came to it.
        total: Sum of the rewards of those it scored.
        unscored: Kind of reason -> how many it left unscored for it.
        seconds: Wall time it took.
        accepted: Label -> (rewards at or above the threshold, rewards below it).
    """

    n: int = 0
    total: float = 0.0
    unscored: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    accepted: dict[bool, list[int]] = field(default_factory=lambda: {True: [0, 0], False: [0, 0]})

    @property
    def scored(self) -> int:
        """Rows with a reward."""
        return self.n - self.unscored.total()

    @property
    def mean(self) -> float | None:
        """Mean reward over the scored rows; None if there is none."""
        return self.total / self.scored if self.scored else None

    @property
    def labelled(self) -> int:
        """Scored rows with a label."""
        return sum(map(sum, self.accepted.values()))

    @property
    def false_accepts(self) -> int:
        """Rows labelled false whose reward reached the threshold."""
        return self.accepted[False][0]

    @property
    def false_rejects(self) -> int:
        """Rows labelled true whose reward stayed below the threshold."""
        return self.accepted[True][1]


class Tally:
    """Figures per tool over any number of rewards, in constant memory.

    Args:
        threshold: The least reward that counts as accepting a completion.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold
        self.tools: dict[str | None, ToolTally] = {}

    def add(self, reward: Reward, label: bool | None = None) -> None:
        """Count one reward and, if it is scored, compare it with its label."""
        tally = self.tools.setdefault(reward.tool, ToolTally())
        tally.n += 1
        if reward.value is None:
            kind = _KIND.split(reward.reason or "no reason", maxsplit=1)[0]
            known = kind in tally.unscored or len(tally.unscored) < _MAX_REASONS
            tally.unscored[kind if known else "other reasons"] += 1
            return
        tally.total += reward.value
        if label is not None:
            tally.accepted[label][int(reward.value < self.threshold)] += 1

    def add_time(self, tool: str, n: int, seconds: float) -> None:
        """Add a batch's wall time; the signature is that of `tools.scoring.OnBatch`."""
        del n  # counted row by row
        self.tools.setdefault(tool, ToolTally()).seconds += seconds

    def as_json(self) -> list[Mapping[str, Any]]:
        """Return one mapping per tool, most rows first; the tool is null for rows that no tool fits."""
        return [
            {
                "tool": name,
                "n": tally.n,
                "mean": tally.mean,
                "unscored": tally.unscored.total(),
                "unscored_reasons": dict(tally.unscored.most_common()),
                "seconds": round(tally.seconds, 4),
                "rewards_per_s": round(tally.n / tally.seconds, 1) if tally.seconds else None,
                "labelled": tally.labelled,
                "false_accepts": tally.false_accepts,
                "false_rejects": tally.false_rejects,
            }
            for name, tally in sorted(self.tools.items(), key=lambda item: (-item[1].n, item[0] or ""))
        ]

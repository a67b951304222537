"""What a batch's rewards look like in a trainer's log: figures per tool, and two columns beside the completions.

    NAME/unscored, NAME/unknown, NAME/wall_s           shares of the batch, seconds
    NAME/why/KIND                                      share of the batch that is unscored for this kind of reason
    NAME/TOOL/mean, /share, /unscored, /wall_s         mean of the scored; shares of the batch; seconds

A figure that was logged once is logged at every later step, 0 where a tool had nothing to do; only a mean is left out
then, since the mean of nothing is unknown. TRL averages each over ranks and over the steps between two logs.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ravelar.tools.reward import Reward
from ravelar.tools.scoring import describe
from ravelar.tools.tally import Tally

LogMetric = Callable[[str, float], object]
LogExtra = Callable[[str, list[str]], object]

_LONGEST_REASON = 300  # characters in a column
_MOST_TOOLS = 100  # ours: tools with figures of their own


class RewardLog:
    """Says what happened, in the names of one reward function.

    Args:
        name: What its metrics and columns begin with.
        complain: Told, in a sentence, when the trainer's own functions fail.
    """

    def __init__(self, name: str, complain: Callable[[str], object]) -> None:
        self.name = name
        self._complain = complain
        self._steady: dict[str, None] = {}
        self._tools: dict[str, None] = {}

    def figures(self, rewards: Sequence[Reward], tally: Tally, *, unknown: int, wall_s: float) -> dict[str, float]:
        """Return a batch's figures by metric name.

        Args:
            rewards: The batch.
            tally: The same, counted by tool, with the tools' wall times.
            unknown: How many completions no tool fits, before any fallback.
            wall_s: Seconds that the whole batch took.
        """
        n = len(rewards) or 1
        figures = {
            f"{self.name}/unscored": sum(reward.value is None for reward in rewards) / n,
            f"{self.name}/unknown": unknown / n,
            f"{self.name}/wall_s": wall_s,
        }
        for tool, counted in tally.tools.items():
            for kind, times in counted.unscored.items():
                why = f"{self.name}/why/{'no_tool' if tool is None else kind}"
                figures[why] = figures.get(why, 0.0) + times / n
            if tool is None or (tool not in self._tools and len(self._tools) >= _MOST_TOOLS):
                continue
            self._tools[tool] = None
            place = f"{self.name}/{tool}"
            figures[f"{place}/share"] = counted.n / n
            figures[f"{place}/unscored"] = counted.unscored.total() / n
            figures[f"{place}/wall_s"] = counted.seconds
            if counted.mean is not None:
                figures[f"{place}/mean"] = counted.mean
        self._steady |= dict.fromkeys(name for name in figures if not name.endswith("/mean"))
        return {**dict.fromkeys(self._steady, 0.0), **figures}

    def columns(self, rewards: Sequence[Reward]) -> dict[str, list[str]]:
        """Return the columns `NAME/tool` and `NAME/reason`: one text per completion, "" where there is none."""
        return {
            f"{self.name}/tool": [reward.tool or "" for reward in rewards],
            f"{self.name}/reason": [(reward.reason or "")[:_LONGEST_REASON] for reward in rewards],
        }

    def tell(
        self,
        figures: dict[str, float],
        columns: dict[str, list[str]],
        log_metric: LogMetric | None,
        log_extra: LogExtra | None,
    ) -> None:
        """Hand figures and columns to the trainer, as far as it takes them; what its functions raise ends nothing."""
        self._hand_over(log_metric, figures)
        self._hand_over(log_extra, columns)

    def _hand_over(self, log: Callable[[str, Any], object] | None, what: Mapping[str, Any]) -> None:
        if log is None:
            return
        try:
            for name, value in what.items():
                log(name, value)
        except Exception as error:  # noqa: BLE001  a reporter that fails must not end a training run
            self._complain(f"the trainer could not log rewards: {describe(error)}")

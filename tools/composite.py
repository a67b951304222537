"""Several tools as one: their calibrated values joined with fixed weights."""

import math
from collections.abc import Mapping, Sequence

from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, RewardToolError, ToolCrashed
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, Reward, Scored, Triple
from ravelar.tools.scoring import score_or_abstain


class Composite:
    """The weighted mean of several tools' values, each calibrated to [0, 1] before it is joined.

    The weights belong to the task and are the same for every completion, so that a GRPO group stays on
    one scale. A triple that one part leaves unscored is unscored: a mean over whatever parts happened to
    answer would compare unlike things.

    Args:
        name: The composite's name, under which rows and routes know it.
        task: The task it is for.
        weights: Tool name to weight; weights are positive and are scaled to sum to 1.
        library: Where the parts are found.

    Raises:
        InputError: if there is no part, or a weight is not a positive number.
        UnknownName: if a part is not in the library.
    """

    def __init__(self, name: str, *, task: str, weights: Mapping[str, float], library: Library) -> None:
        if not weights:
            raise InputError(f"composite {name!r} has no parts; at least one tool with a positive weight is needed")
        for part, weight in weights.items():
            if not (weight > 0 and math.isfinite(weight)):
                raise InputError(
                    f"composite {name!r} gives {part!r} the weight {weight!r}; weights are positive numbers"
                )
        total = sum(weights.values())
        self._parts = [(library[part], weight / total) for part, weight in weights.items()]
        self._card = ToolCard(
            name=name,
            kind="composite",
            task=task,
            summary="Weighted mean of calibrated values: "
            + ", ".join(f"{weight:.3g} {tool.card.name}" for tool, weight in self._parts),
            needs=tuple(dict.fromkeys(need for tool, _ in self._parts for need in tool.card.needs)),
            provenance=Provenance(source="composite"),
        )

    @property
    def card(self) -> ToolCard:
        """The composite's own card; its summary names parts and weights."""
        return self._card

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n weighted means in [0, 1], the parts' rewards kept in `detail`."""
        columns = [score_or_abstain(tool, triples) for tool, _ in self._parts]
        return [self._join(row) for row in zip(*columns, strict=True)]

    def _join(self, rewards: Sequence[Reward]) -> Scored | RewardToolError:
        mean = 0.0
        for reward, (tool, weight) in zip(rewards, self._parts, strict=True):
            if reward.value is None:
                return ToolCrashed(f"part {tool.card.name!r} is unscored: {reward.reason}")
            mean += weight * reward.value
        detail = {str(reward.tool): {"value": reward.value, "raw": reward.raw} for reward in rewards}
        return Scored(min(mean, 1.0), detail=detail)

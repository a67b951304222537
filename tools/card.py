"""The card of a reward tool: what it is, what it needs, what it returns, and what is known of it."""

import math
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ravelar.tools.calibration import Calibration
from ravelar.tools.errors import Uncalibrated

ToolKind = Literal["reward_model", "verifier", "metric", "judge", "composite"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(_Frozen):
    """Where a tool comes from.

    Attributes:
        source: "built in", "written", a Hub repository, or an address.
        revision: What pins it: a commit, a content hash, a package version.
        licence: SPDX identifier, where known.
        note: Whose method it is (paper, library).
    """

    source: str = "built in"
    revision: str | None = None
    licence: str | None = None
    note: str | None = None


class Evidence(_Frozen):
    """One measured fact about a tool.

    Attributes:
        data: What it was measured on.
        measure: What was measured, such as "pairwise agreement with expert MQM".
        n: How many labelled cases stand behind it.
        value: The figure.
        low: Lower end of its 95 % interval.
        high: Upper end of its 95 % interval.
        unscored: How many cases the tool gave no score.
        made_by: The command that measures it again.
    """

    data: str
    measure: str
    n: int = Field(ge=0)
    value: float
    low: float
    high: float
    unscored: int = Field(default=0, ge=0)
    made_by: str


class ToolCard(_Frozen):
    """What is known of a reward tool.

    Attributes:
        name: How it is called in rows, routes and on the command line.
        kind: reward_model, verifier, metric, judge or composite.
        task: What it is for, in a few words.
        summary: What it does, what it accepts, what it does not know.
        needs: What it reads besides the completion: "reference", "prompt", or a metadata column.
        low: Least raw score; -inf if unbounded.
        high: Greatest raw score; inf if unbounded.
        direction: Whether a higher or a lower raw score is better.
        calibration: The map from raw scores to [0, 1]; None means a straight line over a bounded range.
        provenance: Where it comes from.
        evidence: What was measured of it.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_.:/-]*$")
    kind: ToolKind
    task: str
    summary: str
    needs: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    direction: Literal["higher", "lower"] = "higher"
    calibration: Calibration | None = None
    provenance: Provenance = Provenance()
    evidence: tuple[Evidence, ...] = ()

    @model_validator(mode="after")
    def _range_has_width(self) -> Self:
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got low={self.low} and high={self.high}")
        return self

    @model_validator(mode="after")
    def _calibration_turns_as_the_direction_says(self) -> Self:
        turn = self.calibration.turn if self.calibration else 0
        if turn == (-1 if self.direction == "higher" else 1):
            found = "rises" if turn > 0 else "falls"
            raise ValueError(f"{self.direction} raw scores are better, but the calibration {found} with them")
        return self

    @property
    def bounded(self) -> bool:
        """Whether both ends of the raw range are finite."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def worst(self) -> float:
        """The raw score of a completion that deserves nothing."""
        return self.low if self.direction == "higher" else self.high

    def to_unit(self, raw: float) -> float:
        """Map a raw score to [0, 1], 1 being best: by the calibration, else linearly over the card's range.

        Raises:
            Uncalibrated: if the range is unbounded and there is no calibration.
        """
        if self.calibration is not None:
            return self.calibration.of(raw)
        if not self.bounded:
            raise Uncalibrated(f"{self.name} has the unbounded range [{self.low}, {self.high}] and no calibration")
        share = (raw - self.low) / (self.high - self.low)
        return share if self.direction == "higher" else 1.0 - share

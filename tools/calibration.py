"""Monotone maps from a tool's raw scale to [0, 1], fitted on probes and stored on the tool's card.

A map keeps the order of a tool's scores (turned round for a tool whose lower scores are better), so that it
changes no ranking within a GRPO group; it makes tools comparable with one another. `tools.calibrating` fits
one; this file only applies it, and is as light as a card.
"""

import bisect
import math
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator


class _Map(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    n: int = Field(ge=0)
    """How many probes it was fitted on."""
    probes: str = ""
    """The hash of the probe set."""


class LogisticMap(_Map):
    """unit = 1 / (1 + exp(-(slope * raw + intercept))); the slope is negative where lower is better."""

    method: Literal["logistic"] = "logistic"
    slope: FiniteFloat
    intercept: FiniteFloat

    @property
    def turn(self) -> int:
        """1 if it rises, -1 if it falls, 0 if it is flat."""
        return (self.slope > 0) - (self.slope < 0)

    def of(self, raw: float) -> float:
        """Map a raw score to [0, 1]."""
        x = self.slope * raw + self.intercept
        return 1.0 / (1.0 + math.exp(min(-x, 700.0)))  # each step keeps order even in its rounding


class IsotonicMap(_Map):
    """Straight lines between knots, flat beyond the first and the last.

    Attributes:
        raw: The knots' raw scores, strictly ascending.
        unit: Their values in [0, 1], all rising or all falling (weakly).
    """

    method: Literal["isotonic"] = "isotonic"
    raw: tuple[FiniteFloat, ...] = Field(min_length=1)
    unit: tuple[FiniteFloat, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_monotone(self) -> Self:
        if len(self.raw) != len(self.unit):
            raise ValueError(f"{len(self.raw)} knots have {len(self.unit)} values")
        if not all(a < b for a, b in pairwise(self.raw)):
            raise ValueError("knots must ascend strictly")
        if math.isinf(self.raw[-1] - self.raw[0]):
            raise ValueError(f"knots from {self.raw[0]} to {self.raw[-1]} are further apart than a float can say")
        if not all(0.0 <= value <= 1.0 for value in self.unit):
            raise ValueError("values must lie in [0, 1]")
        pairs = list(pairwise(self.unit))
        if not (all(a <= b for a, b in pairs) or all(a >= b for a, b in pairs)):
            raise ValueError("values must all rise or all fall")
        return self

    @property
    def turn(self) -> int:
        """1 if it rises, -1 if it falls, 0 if it is flat."""
        return (self.unit[-1] > self.unit[0]) - (self.unit[-1] < self.unit[0])

    def of(self, raw: float) -> float:
        """Map a raw score to [0, 1]."""
        at = bisect.bisect_left(self.raw, raw)
        if at == 0:
            return self.unit[0]
        if at == len(self.raw):
            return self.unit[-1]
        x0, x1, y0, y1 = self.raw[at - 1], self.raw[at], self.unit[at - 1], self.unit[at]
        between = y0 + (y1 - y0) * ((raw - x0) / (x1 - x0))
        return min(max(between, min(y0, y1)), max(y0, y1))  # rounding must not lead past a knot


Calibration = Annotated[LogisticMap | IsotonicMap, Field(discriminator="method")]

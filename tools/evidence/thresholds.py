"""What evidence must show before a tool is adopted."""

from pydantic import BaseModel, ConfigDict, Field


class Thresholds(BaseModel):
    """What evidence must show; JSON-plain, part of a graph's context."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    min_probes: int = Field(default=50, ge=1)
    """Held-out probes of each class that a verifier needs."""
    min_lower: float = Field(default=0.90, gt=0, le=1)
    """What the lower end of the 95 % interval must reach, for each class, on the held-out half; on the shown half the
    share itself must."""
    min_hostile: int = Field(default=5, ge=0)
    """Hostile probes that must be among the held-out ones; all of them must earn the least."""
    max_unscored: float = Field(default=0.02, ge=0, le=1)
    """Largest share of probes that a tool may leave unscored (each counts against it besides)."""
    repeats: int = Field(default=2, ge=1)
    """How often each half is scored; values must repeat."""
    chance: float = Field(default=0.5, ge=0, lt=1)
    """What the lower end of a reward model's pairwise accuracy, or area under the ROC curve, must exceed on the half it
    was not chosen on."""
    min_compared: int = Field(default=20, ge=1)
    """Probes of each class, or preference pairs, that this needs."""

"""The bounds of one run; every loop ends at one of them."""

import dataclasses
import math
from dataclasses import dataclass

from ravelar.tools.errors import InputError

HIGHEST_SCORE = 10.0
MOST_SECTIONS = 100
LONGEST_INSTRUCTION = 20_000  # characters; ours: the outliner sees all of it, the others its beginning and end
PUBLISHED_STEPS = 50  # RAVEL, T_max
BOUNDS = {
    "tau": (0.0, HIGHEST_SCORE),
    "max_steps": (1, math.inf),
    "max_revisions": (0, 100),
    "max_sections": (1, MOST_SECTIONS),
    "max_tokens": (1, math.inf),
    "max_cost": (0.0, math.inf),
    "max_seconds": (1.0, math.inf),
    "tokens_per_call": (2_000, 1_000_000),
}
"""The least and the most of each bound."""

BRIEF_BOUNDS = {"words": (1, 1_000_000), "sections": (1, MOST_SECTIONS)}
"""The least and the most of a brief's numbers."""

_STEPS_A_SECTION, _STEPS_BESIDES = 4, 10  # ours: draft, review, refine, review; and outline, finish, refused actions
_SHARE_FOR_TEXT = 0.33  # ours: a refinement holds the text twice; a third is left for all the rest
_TOKENS_A_WORD = 1.5  # ours: more than English needs (1.3), and about what a Chinese character may cost


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a run may take.

    Attributes:
        tau: The lowest score that is accepted, on the reviewer's scale of 0 to 10.
        max_steps: T_max; None means max(50, 4 * sections + 10).
        max_revisions: Revisions of one section.
        max_sections: Sections of an outline, 1 to 100.
        max_tokens: Tokens sent and received in the whole run; None means no limit.
        max_cost: US dollars; None means no limit. Needs a price for every model.
        max_seconds: Seconds of waiting for models, added up; None means no limit.
        tokens_per_call: About how many tokens one call may send and receive; what it shows is cut to fit.

    Raises:
        InputError: if one of them is no possible bound; names it, the value, and what is allowed.
    """

    tau: float = 8.0
    max_steps: int | None = None
    max_revisions: int = 3
    max_sections: int = MOST_SECTIONS
    max_tokens: int | None = None
    max_cost: float | None = None
    max_seconds: float | None = None
    tokens_per_call: int = 8_000

    def __post_init__(self) -> None:
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if value is not None or high != math.inf:  # what has a most has a number
                _within(name, value, low, high)

    @classmethod
    def published(cls) -> "Limits":
        """Return the published loop's: tau 8, 50 steps, 3 revisions."""
        return cls(max_steps=PUBLISHED_STEPS)

    def replace(self, **changes: float | None) -> "Limits":
        """Return them with some changed.

        Raises: InputError: as the class does.
        """
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def steps_for(self, sections: int) -> int:
        """Return T_max of an article with so many sections; 0 while there is no outline."""
        return self.max_steps or max(PUBLISHED_STEPS, _STEPS_A_SECTION * sections + _STEPS_BESIDES)

    @property
    def words_a_section(self) -> int:
        """How many words (or characters of Chinese) a section may be planned with, so that a refinement fits."""
        return int(self.tokens_per_call * _SHARE_FOR_TEXT / _TOKENS_A_WORD)

    @property
    def text_tokens(self) -> int:
        """How many tokens a section's text may have, so that a call can show it and get it back."""
        return int(self.tokens_per_call * _SHARE_FOR_TEXT)


def _within(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not low <= value <= high:  # NaN is within nothing
        allowed = f"{low:g} to {high:g}" if high != math.inf else f"{low:g} or more"
        raise InputError(f"{name} {value!r} is out of bounds; allowed: {allowed}")

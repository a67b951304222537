"""Review one section: a verdict on each criterion, a score that agrees with them, and what is to be changed."""

import re
from collections.abc import Sequence
from typing import Any, Unpack

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import BaseModel, ConfigDict, Field, field_validator

from ravelar.agents.asking import Answer, How, ask
from ravelar.agents.ravel.languages import prompt_of
from ravelar.agents.ravel.prose import section_values
from ravelar.tools.writing.limits import HIGHEST_SCORE
from ravelar.tools.writing.state import WritingState
from ravelar.tools.writing.verdicts import CRITERIA, Verdict, score_bounds

_NONE = "-"
_OF_TEN = re.compile(r"\A\s*(-?\d+(?:\.\d+)?)\s*(?:/\s*10|分)?\s*\Z")
_TINY = 1e-9


class Judged(BaseModel):
    """What is said of one criterion.

    Attributes:
        comment: What the text does; first, so that a model reasons before it judges.
        verdict: Whether that meets the criterion.
    """

    model_config = ConfigDict(frozen=True)

    comment: str = Field(min_length=1, max_length=4_000)
    verdict: Verdict

    @field_validator("verdict", mode="before")
    @classmethod
    def _spelled(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value


class Review(BaseModel):
    """A review.

    Attributes:
        brief: Whether the text serves the brief.
        points: Whether it covers its points.
        substance: Whether it is true, specific and without filler.
        coherence: Whether it follows from its neighbours and repeats nothing.
        language: Whether it is well written, in the right language and form.
        feedback: What is to be changed, where, and how; "" where nothing is.
        score: From 0 to 10, within what the verdicts allow (`tools.writing.verdicts`).
    """

    model_config = ConfigDict(frozen=True)

    brief: Judged
    points: Judged
    substance: Judged
    coherence: Judged
    language: Judged
    feedback: str = Field(default="", max_length=8_000)
    score: float = Field(ge=0, le=HIGHEST_SCORE, allow_inf_nan=False)

    @field_validator("score", mode="before")
    @classmethod
    def _number(cls, value: Any) -> Any:
        """Read "9", "9/10" and "9 分" as 9."""
        if isinstance(value, bool):
            raise ValueError("must be a number from 0 to 10")
        found = _OF_TEN.match(value) if isinstance(value, str) else None
        return float(found[1]) if found else value

    @field_validator("feedback", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        """Take a list of wishes as lines, and null as none."""
        if isinstance(value, list):
            return "\n".join(f"- {wish}" for wish in value)
        return "" if value is None else value

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """The verdicts by their criteria, in order."""
        return {name: getattr(self, name).verdict for name in CRITERIA}


def review(
    chat: BaseChatModel, state: WritingState, section: str, findings: Sequence[str], **how: Unpack[How]
) -> Answer[Review]:
    """Have a section reviewed.

    Args:
        chat: Whom to ask.
        state: The run; the section's text stands in it.
        section: The section's id.
        findings: What a program found in the text; see `tools.writing.detectors.findings_of`.
        how: How to ask; see `agents.asking.How`.

    Raises:
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    prompt = prompt_of(state["brief"]["language"], "reviewer")
    return ask(chat, prompt, reviewer_values(state, section, findings), Review, check=check_review, **how)


def reviewer_values(state: WritingState, section: str, findings: Sequence[str]) -> dict[str, str]:
    """Return what a reviewer is shown: the section's text among its neighbours, and what a program found in it."""
    return {
        **section_values(state, section, before=1, join=False),
        "content": state["sections"][section]["content"],
        "findings": "\n".join(findings) or _NONE,
    }


def check_review(review: Review) -> None:
    """Check that a review agrees with itself.

    Raises: ValueError: if its score contradicts its verdicts, or nothing is said to a criterion that is not met.
    """
    low, high = score_bounds(review.verdicts.values())
    if not low - _TINY <= review.score <= high + _TINY:
        said = ", ".join(f"{name} {verdict}" for name, verdict in review.verdicts.items())
        raise ValueError(f"score {review.score:g} contradicts your verdicts ({said}): they allow {low:g} to {high:g}")
    if set(review.verdicts.values()) != {"met"} and not review.feedback.strip():
        raise ValueError("feedback is empty, though not every criterion is met: say what is to be changed")

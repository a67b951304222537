"""Plan an article: its title, and its sections with their points and lengths."""

import math
from typing import Any, Unpack

from langchain_core.language_models.chat_models import BaseChatModel
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from ravelar.agents.asking import Answer, How, ask
from ravelar.agents.ravel.languages import labels_of, prompt_of
from ravelar.tools.writing.limits import MOST_SECTIONS, Limits
from ravelar.tools.writing.state import Brief
from ravelar.tools.writing.view import brief_view

_MOST_POINTS, _LONGEST_POINT, _LONGEST_TITLE = 12, 400, 300  # ours: what the views leave room for


class PlannedSection(BaseModel):
    """One section as it is planned.

    Attributes:
        title: Its heading.
        points: What it is to cover.
        words: How long it is to be; None leaves it open.
    """

    model_config = ConfigDict(frozen=True)

    title: str = Field(
        min_length=1, max_length=_LONGEST_TITLE, validation_alias=AliasChoices("title", "section_title", "heading")
    )
    points: list[str] = Field(min_length=1, max_length=_MOST_POINTS)
    words: int | None = Field(default=None, ge=1, le=100_000)

    @field_validator("title")
    @classmethod
    def _bare(cls, value: str) -> str:
        title = " ".join(value.split()).lstrip("# ")
        if not title:
            raise ValueError("the title is empty")
        return title

    @field_validator("points", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = [line.strip(" -*•\t") for line in value.splitlines()]
        return (
            [point for point in value if not isinstance(point, str) or point.strip()]
            if isinstance(value, list)
            else value
        )

    @field_validator("points")
    @classmethod
    def _short(cls, value: list[str]) -> list[str]:
        if long := [point for point in value if len(point) > _LONGEST_POINT]:
            raise ValueError(f"a point has {len(long[0]):,} characters; at most {_LONGEST_POINT}")
        return [" ".join(point.split()) for point in value]


class Outline(BaseModel):
    """An article as it is planned.

    Attributes:
        thought: Why so.
        title: The article's title.
        sections: Its sections, in order.
    """

    model_config = ConfigDict(frozen=True)

    thought: str = Field(default="", max_length=8_000)
    title: str = Field(min_length=1, max_length=_LONGEST_TITLE)
    sections: list[PlannedSection] = Field(
        min_length=1, max_length=MOST_SECTIONS, validation_alias=AliasChoices("sections", "outline")
    )

    @field_validator("title")
    @classmethod
    def _bare(cls, value: str) -> str:
        return " ".join(value.split()).lstrip("# ") or value

    def planned(self) -> list[tuple[str, list[str], int | None]]:
        """Return the sections as `transitions.outlined` takes them."""
        return [(section.title, section.points, section.words) for section in self.sections]


def outline(chat: BaseChatModel, brief: Brief, limits: Limits, **how: Unpack[How]) -> Answer[Outline]:
    """Have the article planned.

    Args:
        chat: Whom to ask.
        brief: What is asked for.
        limits: How many sections there may be, and how long one.
        how: How to ask; see `agents.asking.How`.

    Raises:
        AgentError: if there is no usable reply, an empty outline included; see `agents.asking.ask`.
    """

    def check(reply: Outline) -> None:
        check_outline(reply, brief, limits)

    prompt = prompt_of(brief["language"], "outliner")
    return ask(chat, prompt, outliner_values(brief, limits), Outline, check=check, **how)


def outliner_values(brief: Brief, limits: Limits) -> dict[str, str]:
    """Return what the outliner is shown: the whole brief, and how many sections of which length there may be."""
    return {
        "brief": brief_view(brief, labels_of(brief["language"])),
        "sections": _wanted(brief, limits),
        "longest": str(limits.words_a_section),
    }


def fewest_sections(brief: Brief, limits: Limits) -> int:
    """Return how many sections an outline must have, so that none is longer than a call can hold."""
    return brief.get("sections") or math.ceil((brief.get("words") or 1) / limits.words_a_section)


def check_outline(planned: Outline, brief: Brief, limits: Limits) -> None:
    """Check an outline, a model's or a person's own.

    Raises: ValueError: if it has too few or too many sections, or two of one title; says what is wanted.
    """
    count, most = len(planned.sections), brief.get("sections") or limits.max_sections
    if not fewest_sections(brief, limits) <= count <= most:
        raise ValueError(f"the outline has {count} sections; wanted: {_wanted(brief, limits)}")
    seen: set[str] = set()
    for section in planned.sections:
        if section.title.casefold() in seen:
            raise ValueError(f"two sections bear the title {section.title!r}")
        seen.add(section.title.casefold())
    if brief.get("words") is None:
        long = [s for s in planned.sections if (s.words or 0) > limits.words_a_section]
        if long:
            raise ValueError(f"section {long[0].title!r} has {long[0].words} words; at most {limits.words_a_section}")


def _wanted(brief: Brief, limits: Limits) -> str:
    """Return how many sections are wanted, such as "4" or "6-100"."""
    fewest, most = fewest_sections(brief, limits), brief.get("sections") or limits.max_sections
    return f"{fewest}" if fewest == most else f"{fewest}-{most}"

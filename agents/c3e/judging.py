"""Judge a text of C3EBench: reasons first, then a whole number from 1 to 10, the reference anchored at 6.

The scale is the published one (8 to 10 better than the reference, 6 and 7 equal, 4 and 5 worse, 1 to 3 broken); the
questions and the words are ours. A verdict that contradicts its score gets the repair turn, as any other reply that
does not fit. A candidate can't close its block, and nothing of a reply is ever run or evaluated.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ravelar.agents.prompts import load_prompt

Language = Literal["en", "zh"]
JudgedTask = Literal["cloze", "condition", "edit", "end2end"]

LOWEST, HIGHEST, ANCHOR = 1, 10, 6  # source: the published rubrics
MATERIALS: Mapping[JudgedTask, tuple[str, ...]] = {
    "cloze": ("context",),
    "condition": ("instruction", "outline"),
    "edit": ("draft", "critique"),
    "end2end": ("instruction",),
}
"""What a judge is shown of each task besides reference and candidate."""

_NONE = {"en": "(none)", "zh": "（无）"}
_BESIDE_REFERENCE = ("broken", "worse", "equal", "better")
_ALONE = ("broken", "weak", "good", "excellent")
_STEPS = (3, 5, 7)  # the highest score of each verdict but the best


def _whole(value: Any) -> Any:
    """Read "9" and 9.0 as 9; anything else is left for the schema to refuse."""
    if isinstance(value, bool):
        raise ValueError("a whole number is needed, not a truth value")
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip())
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Reason(BaseModel):
    """One thing that was found."""

    model_config = ConfigDict(frozen=True)

    about: str = Field(min_length=1)
    finding: str = Field(min_length=1)


class Judgement(BaseModel):
    """What a judge says of a text."""

    model_config = ConfigDict(frozen=True)

    reasons: list[Reason] = Field(min_length=1)
    score: Annotated[int, BeforeValidator(_whole), Field(ge=LOWEST, le=HIGHEST, strict=True)]
    verdict: str


class PublishedJudgement(BaseModel):
    """What a judge says by the published rubrics, whose analysis has other fields for each task."""

    model_config = ConfigDict(frozen=True, extra="allow")

    score: Annotated[int, BeforeValidator(_whole), Field(ge=LOWEST, le=HIGHEST, strict=True)]
    verdict: str = ""

    @property
    def reasons(self) -> list[Reason]:
        """The analysis, field by field."""
        found: list[Reason] = []
        for name, said in (self.model_extra or {}).items():
            parts = said.items() if isinstance(said, dict) else [(name, said)]
            found += [Reason(about=str(about), finding=str(text)) for about, text in parts if str(text)]
        return found


class Comparison(BaseModel):
    """What a judge says of two texts."""

    model_config = ConfigDict(frozen=True)

    reasons: list[Reason] = Field(min_length=1)
    better: Literal["first", "second", "tie"]


def judge_prompt(
    task: JudgedTask, language: Language, materials: Mapping[str, str], *, reference: str | None, candidate: str
) -> tuple[str, dict[str, str]]:
    """Return the prompt's name and what fills it.

    Args:
        task: The item's task.
        language: The item's language.
        materials: What `MATERIALS` names for the task.
        reference: The professional text; None judges without one.
        candidate: The text to judge.
    """
    scale = load_prompt(f"c3e.{language}.scale_{'alone' if reference is None else 'reference'}").fill({}).user
    values = {name: materials[name] for name in MATERIALS[task]}
    values |= {"reference": reference or _NONE[language], "candidate": candidate, "scale": scale}
    values["verdicts"] = _listed(verdicts(reference is not None), language)
    return f"c3e.{language}.judge_{task}", values


def compare_prompt(
    language: Language, task: str, *, reference: str | None, first: str, second: str
) -> tuple[str, dict[str, str]]:
    """Return the prompt's name and what fills it, for the two texts in this order."""
    values = {"task": task, "reference": reference or _NONE[language], "first": first, "second": second}
    return f"c3e.{language}.compare", values


def verdicts(with_reference: bool) -> tuple[str, ...]:
    """Return the words for a verdict, the worst first."""
    return _BESIDE_REFERENCE if with_reference else _ALONE


def agrees(judgement: Judgement, *, with_reference: bool) -> None:
    """Refuse a verdict that is no word of the scale, or does not belong to its score.

    Raises:
        ValueError: saying which verdict belongs to the score.
    """
    words = verdicts(with_reference)
    belongs = words[sum(judgement.score > highest for highest in _STEPS)]
    if judgement.verdict != belongs:
        raise ValueError(
            f"score {judgement.score} and verdict {judgement.verdict!r:.60} do not belong together; "
            f"the verdict of {judgement.score} is {belongs!r}: think again, and give both as the scale has them"
        )


def _listed(words: tuple[str, ...], language: Language) -> str:
    quoted = [f'"{word}"' for word in reversed(words)]
    between, last = ("、", " 或 ") if language == "zh" else (", ", " or ")
    return between.join(quoted[:-1]) + last + quoted[-1]

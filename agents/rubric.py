"""Rubrics: from a task's spec by rule, or written once by a language model."""

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Method, ask
from ravelar.agents.rlar.scout import task_json
from ravelar.tools.chat.meter import Meter
from ravelar.tools.task import TaskSpec

PROMPT = "rubric"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Criterion(_Frozen):
    name: str = Field(min_length=1, max_length=100)
    asks: str = Field(min_length=1, max_length=1_500)
    weight: float = Field(gt=0, le=10)


class _Rubric(_Frozen):
    reasoning: str = Field(min_length=1)
    criteria: tuple[_Criterion, ...] = Field(min_length=1, max_length=8)
    faked: str = Field(default="", max_length=2_000)


def rubric_from(spec: TaskSpec) -> str:
    """Return a rubric that says what the spec says, and nothing more; the same text for the same spec."""
    if spec.reference_decides:
        decides = "The reference decides: a completion whose answer differs from it in value is wrong, and gets 0."
    else:
        decides = "The reference, if any, is one good completion of many; a completion need not resemble it."
    lines = [
        f"Task: {spec.summary}",
        *([f"A prompt holds: {spec.inputs}"] if spec.inputs else []),
        f"A completion is right if: {spec.correct}",
        *([f"The reference is: {spec.reference_form}"] if spec.reference_form else []),
        decides,
        "Where right and wrong are all there is, only 10 and 0 are given; else the score says how much of what makes a "
        "completion right is there.",
    ]
    return "\n".join(lines)


def write_rubric(
    chat: BaseChatModel,
    spec: TaskSpec,
    *,
    meter: Meter,
    method: Method = "text",
    config: RunnableConfig | None = None,
) -> str:
    """Have a rubric written; keep what comes back, since another call may bring another one.

    Raises: AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    answer = ask(chat, PROMPT, {"task": task_json(spec)}, _Rubric, meter=meter, method=method, config=config)
    rubric = answer.value
    total = sum(criterion.weight for criterion in rubric.criteria)
    lines = [
        f"{i}. {criterion.name} ({criterion.weight / total:.0%} of the score): {criterion.asks}"
        for i, criterion in enumerate(rubric.criteria, 1)
    ]
    if rubric.faked:
        lines.append(f"Not to be rewarded: {rubric.faked}")
    return "\n".join([f"Task: {spec.summary}", *lines])

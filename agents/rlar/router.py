"""Break a tie between reward tools: asked only where rules and evidence leave one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Answer, Method, ask
from ravelar.agents.prompts import shorten
from ravelar.agents.rlar.scout import task_json
from ravelar.tools.chat.meter import Meter
from ravelar.tools.task import TaskSpec

PROMPT = "rlar.router"
_LONGEST_CANDIDATE = 3_000


class _Reply(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    reasoning: str = Field(min_length=1)
    name: str


@dataclass(frozen=True, slots=True)
class TieBreak:
    """Which tool was chosen and why; `answer` says what asking took, and is None where nobody was asked."""

    name: str
    reasoning: str
    answer: Answer[Any] | None = None


def break_tie(  # noqa: PLR0913  how to ask
    chat: BaseChatModel,
    spec: TaskSpec,
    candidates: Sequence[Mapping[str, Any]],
    *,
    meter: Meter,
    method: Method = "text",
    config: RunnableConfig | None = None,
) -> TieBreak:
    """Choose one of several tools that rules and evidence hold equal.

    Args:
        chat: Whom to ask; nobody is asked if there is but one.
        spec: The task.
        candidates: What is known of each tool (card, trial), as plain JSON, its name under "name".
        meter: What counts the calls.
        method: How the reply takes its form.
        config: Callbacks, tags and metadata of the caller's.

    Raises:
        ValueError: if there is no candidate.
        AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    names = [str(candidate["name"]) for candidate in candidates]
    if not names:
        raise ValueError("there is no tie to break: no candidates")
    if len(names) == 1:
        return TieBreak(names[0], "the only one")

    def check(reply: _Reply) -> None:
        if reply.name not in names:
            raise ValueError(f"{reply.name!r} is none of: {', '.join(names)}")

    lines = [
        shorten(json.dumps(dict(candidate), ensure_ascii=False, default=str), _LONGEST_CANDIDATE)
        for candidate in candidates
    ]
    values = {"task": task_json(spec), "candidates": "\n".join(lines)}
    answer = ask(chat, PROMPT, values, _Reply, meter=meter, method=method, check=check, config=config)
    return TieBreak(answer.value.name, answer.value.reasoning, answer)

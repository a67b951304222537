"""Reward tools as LangChain tools, for agents: `score_completions` and `list_reward_tools`.

What a caller gets wrong (an unknown tool, a broken row) comes back as the tool's error message, so that an agent
can correct itself; it does not end the agent's run.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ravelar.tools.columns import Columns
from ravelar.tools.errors import RavelarError
from ravelar.tools.library import Library
from ravelar.tools.reward import RewardTool
from ravelar.tools.routing import Router
from ravelar.tools.scoring import score
from ravelar.tools.tracing.leaving_out import MARK


class ScoreArguments(BaseModel):
    """What `score_completions` is given."""

    prompt: Annotated[str, Field(description="What the completions answer.")]
    completions: Annotated[list[str], Field(min_length=1, max_length=256, description="The completions to score.")]
    reference: Annotated[Any, Field(description="What decides (a number, a text, JSON), if anything does.")] = None
    task: Annotated[str | None, Field(description="The task's label, if known.")] = None
    tool: Annotated[str | None, Field(description="A reward tool's name, to use it whatever the prompt shows.")] = None


class ListArguments(BaseModel):
    """What `list_reward_tools` is given."""

    containing: Annotated[str, Field(description="Only tools whose name, task or summary contains this text.")] = ""


def score_completions(library: Callable[[], Library], router: Callable[[], Router | None]) -> BaseTool:
    """Return a tool that scores completions of one prompt by `ravelar.score`'s own path.

    Args:
        library: The library to score with, asked for at each call, so that newly adopted tools are seen.
        router: Who chooses the tool, likewise; None means the rules.
    """

    def run(
        prompt: str, completions: list[str], reference: Any = None, task: str | None = None, tool: str | None = None
    ) -> list[dict[str, Any]]:
        row = {"prompt": prompt, "reference": reference, **({"task": task} if task else {})}
        try:
            triples = [Columns().triple({**row, "completion": completion}) for completion in completions]
            rewards = score(triples, library=library(), router=router(), tool=tool)
        except RavelarError as error:
            raise ToolException(str(error)) from error
        return [reward.as_row() for reward in rewards]

    return StructuredTool.from_function(
        run,
        name="score_completions",
        metadata=dict(MARK),
        description="Score completions of one prompt with the reward tool that fits it. Returns for each: tool, "
        "reward in [0, 1] (null if it can't be judged, with the reason), raw score, reason.",
        args_schema=ScoreArguments,
        handle_tool_error=True,
    )


def list_reward_tools(library: Callable[[], Library]) -> BaseTool:
    """Return a tool that lists the library's reward tools with what was measured of them."""

    def run(containing: str = "") -> list[dict[str, Any]]:
        return [_card_row(tool) for tool in _containing(library(), containing)]

    return StructuredTool.from_function(
        run,
        name="list_reward_tools",
        description="List the reward tools there are: name, kind, task, what each needs, and its evidence.",
        args_schema=ListArguments,
        handle_tool_error=True,
    )


def _containing(library: Library, text: str) -> Sequence[RewardTool]:
    cards = ((tool, tool.card) for tool in library)
    return [tool for tool, card in cards if text.lower() in f"{card.name} {card.task} {card.summary}".lower()]


def _card_row(tool: RewardTool) -> dict[str, Any]:
    card = tool.card
    evidence = [f"{e.measure} on {e.data}: {e.value:.3f} ({e.low:.3f} to {e.high:.3f}), n={e.n}" for e in card.evidence]
    return {
        "name": card.name,
        "kind": card.kind,
        "task": card.task,
        "summary": card.summary,
        "needs": list(card.needs),
        "evidence": evidence,
    }

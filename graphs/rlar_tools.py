"""RLAR for agents: `acquire_reward_tool` as a LangChain tool, beside those that score and list."""

from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.errors import RavelarError
from ravelar.tools.langchain_tools import list_reward_tools, score_completions
from ravelar.tools.tracing.leaving_out import MARK

_MOST_NODES = 10_007  # LangGraph's default; LangChain's, 25, goes to a tool that is called by itself


class LabelledCompletion(BaseModel):
    """A completion with its label."""

    prompt: Annotated[str, Field(description="What the policy was asked.")]
    completion: Annotated[str, Field(description="What it wrote.")]
    label: Annotated[bool, Field(description="Whether the completion is right.")]
    reference: Annotated[Any, Field(description="What decides, if anything does.")] = None


class TaskExample(BaseModel):
    """A prompt of the task."""

    prompt: Annotated[str, Field(description="What the policy is asked.")]
    reference: Annotated[Any, Field(description="What decides, if anything does.")] = None


class AcquireArguments(BaseModel):
    """What `acquire_reward_tool` is given."""

    examples: Annotated[list[TaskExample], Field(min_length=1, description="Prompts of ONE task.")]
    probes: Annotated[
        list[LabelledCompletion],
        Field(description="Labelled completions; without enough of them nothing is adopted, and the answer says so."),
    ] = []


def reward_tools(parts: Parts | None = None, context: RlarContext | None = None) -> list[BaseTool]:
    """Return RLAR's tools for an agent: `acquire_reward_tool`, `score_completions`, `list_reward_tools`.

    Args:
        parts: What they stand on; None means the real parts.
        context: Settings of each acquisition (the language model, budgets, where the library is).
    """
    given, settings = parts or Parts(), context or RlarContext()

    def library() -> Any:
        return given.library_of(settings)

    return [
        acquire_reward_tool(given, settings),
        score_completions(library, lambda: given.router_of(settings, library())),
        list_reward_tools(library),
    ]


def acquire_reward_tool(parts: Parts | None = None, context: RlarContext | None = None) -> BaseTool:
    """Return a tool that acquires a reward tool for a task: finds, evaluates, writes, checks, adopts on evidence.

    Its answer says how it ended (`adopted`, `known`, `nothing_passed`, `insufficient_probes` ...), why, which tool
    there is now, and what became of each candidate. An interrupt for a person's approval surfaces in the caller's
    graph.
    """
    graph = build_rlar(parts=parts)
    settings = context or RlarContext()

    def run(examples: list[Any], probes: list[Any] | None = None, config: RunnableConfig = None) -> dict[str, Any]:  # type: ignore[assignment]
        given: Any = {
            "triples": [],
            "examples": [_row(one) for one in examples],
            "probes": [_row(one) for one in probes or []],
        }
        try:
            far: Any = {**(config or {}), "recursion_limit": _MOST_NODES}  # a run's own bounds end it
            result = graph.invoke(given, far, context=settings)
        except RavelarError as error:
            raise ToolException(str(error)) from error
        return _answer(result)

    return StructuredTool.from_function(
        run,
        name="acquire_reward_tool",
        metadata=dict(MARK),
        description="Get a reward tool for one task: search for reward models, write a verifier, test both on labelled "
        "probes, and adopt what has evidence. Slow (minutes); once per task.",
        args_schema=AcquireArguments,
        handle_tool_error=True,
    )


def _row(given: Any) -> dict[str, Any]:
    return given.model_dump(exclude_none=True) if isinstance(given, BaseModel) else dict(given)


def _answer(result: dict[str, Any]) -> dict[str, Any]:
    task = result.get("task") or {}
    return {
        "end": result.get("end"),
        "because": result.get("because"),
        "task": task.get("label"),
        "adopted": result.get("adopted"),
        "candidates": [
            {name: row[name] for name in ("name", "kind", "passed", "reasons")} for row in result.get("candidates", [])
        ],
        "left_out": result.get("left_out", []),
        "spent": result.get("spent", {}),
    }

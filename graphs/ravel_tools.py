"""RAVEL for agents: `write_article` as a LangChain tool."""

from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from ravelar.graphs.ravel import build_ravel
from ravelar.graphs.ravel_parts import Parts
from ravelar.graphs.ravel_state import RavelContext
from ravelar.tools.errors import RavelarError
from ravelar.tools.writing.state import article, in_order

_MOST_NODES = 10_007  # LangGraph's default; LangChain's, 25, goes to a tool that is called by itself
_AT_ONCE_BESIDES = 32  # threads besides those that ask; a graph waits for its checkpoints in the same pool


class WriteArguments(BaseModel):
    """What `write_article` is given."""

    instruction: Annotated[str, Field(min_length=1, description="What is to be written, in full.")]
    words: Annotated[int | None, Field(ge=1, description="How long it is to be, in words.")] = None
    sections: Annotated[int | None, Field(ge=1, le=100, description="How many sections it is to have.")] = None
    audience: Annotated[str | None, Field(description="For whom.")] = None
    genre: Annotated[str | None, Field(description="What kind of text.")] = None
    style: Annotated[str | None, Field(description="How it is to be written.")] = None
    language: Annotated[str, Field(description="Its language: en or zh.")] = "en"


def write_article(parts: Parts | None = None, context: RavelContext | None = None) -> BaseTool:
    """Return a tool that writes an article: plans, outlines, drafts, reviews and refines, section by section.

    Its answer says how it ended, why, and what it took; `article` is there only if every section is closed, and
    `unfinished` is what was written else. Questions to a person (`approve`) surface in the caller's graph.

    Args:
        parts: What the graph stands on; None means the real parts.
        context: Settings of each run: models, protocol, budgets.
    """
    graph, settings = build_ravel(parts=parts), context or RavelContext()

    def run(config: RunnableConfig = None, **brief: Any) -> dict[str, Any]:  # type: ignore[assignment]
        given: Any = {"brief": {name: value for name, value in brief.items() if value is not None}}
        wide: Any = {"max_concurrency": settings.at_once + _AT_ONCE_BESIDES, **(config or {})}
        wide["recursion_limit"] = _MOST_NODES  # a run's own bounds end it
        try:
            result = graph.invoke(given, wide, context=settings)
        except RavelarError as error:
            raise ToolException(str(error)) from error
        return _answer(result)

    return StructuredTool.from_function(
        run,
        name="write_article",
        description="Write an article of several sections: it is planned, drafted, reviewed and refined section by "
        "section. Slow (minutes). The answer says how it ended; only a finished one has an article.",
        args_schema=WriteArguments,
        handle_tool_error=True,
    )


def _answer(result: dict[str, Any]) -> dict[str, Any]:
    sections = [
        {"title": section["title"], "status": section["status"], "score": section["score"]}
        for section in in_order(result)  # type: ignore[arg-type]
    ]
    answer = {name: result.get(name) for name in ("end", "because", "title", "article", "spent")}
    unfinished = None if result.get("article") else article(result)  # type: ignore[arg-type]
    return {**answer, "unfinished": unfinished, "sections": sections}

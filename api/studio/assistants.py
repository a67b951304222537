"""Assistants: each graph with settings of its own, so that a protocol is picked by its name.

The server makes one assistant per graph by itself, with the defaults. It has no setting for more, so they are
registered when it starts. Their ids are made of their names: registering again changes nothing.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from langgraph_sdk.client import LangGraphClient


@dataclass(frozen=True, slots=True)
class Assistant:
    """A graph with settings.

    Attributes:
        graph: "rlar" or "ravel".
        name: What people pick it by; an MCP client sees it with underscores.
        description: When to pick it, in one sentence.
        context: What differs from the defaults of the graph's context.
    """

    graph: str
    name: str
    description: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Its id, the same on every server."""
        return str(uuid5(NAMESPACE_URL, f"ravelar:{self.name}"))


ASSISTANTS = (
    Assistant(
        "rlar",
        "rlar: score only",
        "Scores completions with the reward tools that there are; asks no language model and searches nothing.",
        {"acquire": False},
    ),
    Assistant(
        "rlar",
        "rlar: acquire",
        "Gets a reward tool for a task that has none, adopts it if the evidence suffices, and scores.",
        {"acquire": True},
    ),
    Assistant(
        "rlar",
        "rlar: acquire, ask before adopting",
        "Gets a reward tool for a task that has none, and asks a person before it is adopted.",
        {"acquire": True, "ask_before_adopting": True},
    ),
    Assistant(
        "ravel",
        "ravel: autonomous",
        "Writes an article; the planner decides what comes next, as in the published loop.",
        {"protocol": "autonomous"},
    ),
    Assistant(
        "ravel",
        "ravel: fixed",
        "Writes an article: each section is drafted, reviewed and refined until accepted, several side by side.",
        {"protocol": "fixed"},
    ),
    Assistant(
        "ravel", "ravel: no_review", "Writes an article: each section is drafted once.", {"protocol": "no_review"}
    ),
    Assistant(
        "ravel",
        "ravel: no_refine",
        "Writes an article: each section is drafted and reviewed, and never changed.",
        {"protocol": "no_refine"},
    ),
    Assistant(
        "ravel",
        "ravel: fixed, ask about the outline",
        "Writes an article, section by section, once a person has approved its outline.",
        {"protocol": "fixed", "approve": ["outline"]},
    ),
    Assistant(
        "ravel",
        "ravel: demo, a replay",
        "Needs no key: every reply is replayed from a shipped exchange, whatever article is asked for.",
        {"protocol": "autonomous", "model": "scripted:demo"},
    ),
)


async def register(client: "LangGraphClient") -> None:
    """Make the assistants that the server does not have; those that somebody changed stay as they are."""
    for one in ASSISTANTS:
        await client.assistants.create(
            graph_id=one.graph,
            context=dict(one.context),
            metadata={"created_by": "ravelar"},
            assistant_id=one.id,
            if_exists="do_nothing",
            name=one.name,
            description=one.description,
        )


@asynccontextmanager
async def registering(_app: object) -> AsyncIterator[None]:
    """Register the assistants when the server starts: the lifespan of an app that it mounts."""
    from langgraph_sdk import get_client  # noqa: PLC0415  only within the server

    async with get_client() as client:
        await register(client)
    yield

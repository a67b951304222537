"""A backend of this machine: routes here, and has each tool's part of a call scored by threads or by processes."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from ravelar.tools.card import ToolCard
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.routing import Route
from ravelar.tools.scoring import batches_of, choose, in_order, rows_by_tool
from ravelar.training.service.backend import Closing
from ravelar.training.service.open_library import OpenLibrary

_FEW = 64  # triples; ours: so many are routed on the event loop by the built-in rules, in some 4 us each
_SHORT = 10_000  # characters; ours: longer texts are looked at in a thread


class Scorers(Protocol):
    """Threads or processes that score for one tool at a time. Called on the event loop."""

    async def start(self) -> None:
        """Start what must run before the first call; calls after the first do nothing."""
        ...

    def check(self, tool: str, rows: int) -> None:
        """Raise `Overloaded` if so many more triples may not wait for a tool."""
        ...

    def ask(self, tool: RewardTool, triples: Sequence[Triple]) -> Awaitable[list[Reward]]:
        """Score n triples with a tool; n rewards in order, and never an exception of the tool's."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """Return what is worth knowing of them."""
        ...

    async def close(self) -> None:
        """End them."""
        ...


class RoutedBackend:
    """A `ScoreBackend` over scorers of this machine.

    Args:
        opened: The library and its router.
        scorers: Who scores.
    """

    def __init__(self, opened: OpenLibrary, scorers: Scorers) -> None:
        self._opened, self._scorers = opened, scorers
        self._open_calls = 0
        self._closing = False
        self._settled = asyncio.Event()

    async def score(self, triples: Sequence[Triple], *, tool: str | None = None) -> list[Reward]:
        """Score n triples, as `ScoreBackend.score` says."""
        if self._closing:
            raise Closing("the service is ending; nothing new is scored")
        self._open_calls += 1
        try:
            await self._scorers.start()
            self._opened.refresh()
            return await self._score(triples, tool)
        finally:
            self._open_calls -= 1
            self._settle()

    def tools(self) -> list[ToolCard]:
        """Return the cards of the tools there are."""
        return [tool.card for tool in self._opened.library]

    async def health(self) -> Mapping[str, Any]:
        """Return whether it takes calls, how many are open, and what the scorers say of themselves."""
        if not self._closing:
            await self._scorers.start()
        facts = self._scorers.facts()
        return {**facts, "ready": facts.get("ready", True) and not self._closing, "open_calls": self._open_calls}

    async def close(self) -> None:
        """Refuse what comes, wait for what was taken, and end the scorers. Every call ends by its time limit."""
        self._closing = True
        self._settle()
        await self._settled.wait()
        await self._scorers.close()

    def _settle(self) -> None:
        if self._closing and not self._open_calls:
            self._settled.set()

    async def _score(self, triples: Sequence[Triple], tool: str | None) -> list[Reward]:
        library = self._opened.library
        routes = await self._routes(triples, tool)
        rows = rows_by_tool(routes)
        for name, places in rows.items():
            self._scorers.check(name, len(places))
        asked = [self._scorers.ask(batch.tool, batch.triples) for batch in batches_of(triples, rows, library)]
        return in_order(routes, rows, [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked))

    async def _routes(self, triples: Sequence[Triple], tool: str | None) -> list[Route]:
        """Choose the tools; on the event loop only where that is certain to be quick."""
        opened = self._opened
        quick = tool is not None or (opened.ruled and len(triples) <= _FEW and all(map(_is_short, triples)))
        if quick:
            return choose(triples, library=opened.library, router=opened.router, tool=tool)
        return await asyncio.to_thread(choose, triples, library=opened.library, router=opened.router, tool=tool)


def _is_short(triple: Triple) -> bool:
    """Say whether rules can't take long over a triple: short texts, and a reference with nothing in it."""
    prompt, reference = triple.prompt, triple.reference
    if not isinstance(prompt, str) or len(prompt) > _SHORT:
        return False
    return len(reference) <= _SHORT if isinstance(reference, str) else not isinstance(reference, list | dict)

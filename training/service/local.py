"""The backend of one process: every tool in threads of its own, beside the event loop."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.training.service.lanes import Deliveries, Lane, LaneSettings, OnBatch, check_room
from ravelar.training.service.open_library import LibrarySource, OpenLibrary, RouterSource
from ravelar.training.service.routed import RoutedBackend


class Threads:
    """Scorers of this process: a lane a tool. Made, used and closed on one event loop.

    Args:
        settings: How lanes work.
        on_batch: Told of each batch.
    """

    def __init__(self, settings: LaneSettings, on_batch: OnBatch | None = None) -> None:
        self._settings, self._on_batch = settings, on_batch
        self._lanes: dict[str, Lane] = {}
        self._left: list[Lane] = []
        self._deliveries: Deliveries | None = None

    async def start(self) -> None:
        """Do nothing: a lane's threads start with its first job."""

    def check(self, tool: str, rows: int) -> None:
        """Refuse what would wait beyond the lane's limit.

        Raises:
            Overloaded: with the time after which the lane should have room.
        """
        if lane := self._lanes.get(tool):
            check_room(tool, lane.waiting, rows, settings=self._settings, wait_s=lane.wait_s)

    def ask(self, tool: RewardTool, triples: Sequence[Triple]) -> "asyncio.Future[list[Reward]]":
        """Score n triples with a tool; the future gets n rewards in order, and never an exception."""
        lane = self._lanes.get(tool.card.name)
        if lane is None or lane.tool is not tool:
            lane = self._open(tool, lane)
        return lane.submit(triples)

    def facts(self) -> Mapping[str, Any]:
        """Return how many triples wait, and how many calls hang, for each tool where there are any."""
        busy = {name: lane.waiting for name, lane in self._lanes.items() if lane.waiting}
        stuck = {name: lane.stuck for name, lane in self._lanes.items() if lane.stuck}
        return {"waiting": busy, "stuck": stuck}

    async def close(self) -> None:
        """End the threads, and what the tools run (worker processes, models)."""
        lanes = [*self._lanes.values(), *self._left]
        self._lanes, self._left = {}, []
        await asyncio.to_thread(_close_all, lanes)

    def _open(self, tool: RewardTool, old: Lane | None) -> Lane:
        if self._deliveries is None:
            self._deliveries = Deliveries(asyncio.get_running_loop())
        if old is not None:  # another version is in use: what waits for the old one is still scored by it
            old.leave()
            self._left = [*(lane for lane in self._left if lane.waiting), old]
        lane = self._lanes[tool.card.name] = Lane(tool, self._settings, self._deliveries, self._on_batch)
        return lane


def local_backend(
    library: LibrarySource,
    router: RouterSource | None = None,
    settings: LaneSettings | None = None,
    *,
    on_batch: OnBatch | None = None,
) -> RoutedBackend:
    """Return a backend that scores in threads of this process.

    Args:
        library: Opens the library.
        router: Gives the router; None means the built-in rules.
        settings: How lanes work.
        on_batch: Told of each batch.

    Raises:
        InputError: if the library can't be opened.
    """
    return RoutedBackend(OpenLibrary(library, router), Threads(settings or LaneSettings(), on_batch))


def close_tools(library: Library) -> None:
    """Close the tools that hold something open, where they have a way to."""
    for tool in library:
        close = getattr(tool, "close", None)
        if callable(close):
            close()


def _close_all(lanes: Sequence[Lane]) -> None:
    for lane in lanes:
        lane.close()
    close_tools(Library({lane.tool.card.name: lane.tool for lane in lanes}.values()))

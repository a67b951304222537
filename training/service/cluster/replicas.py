"""What runs in the cluster's replicas: tools, and the routing before them.

Both are made of the parts that serve one machine: a tool's replica scores in lanes, which join the calls for a reward
model into batches; a routing replica is a `RoutedBackend` whose scorers are deployments.
"""

import asyncio
import importlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RewardToolError, ToolUnavailable, UnknownName
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.scoring import describe
from ravelar.training.service.backend import Overloaded
from ravelar.training.service.cluster.calling import Busy, Patience, call
from ravelar.training.service.cluster.planning import VERIFIERS, Deployment, shared
from ravelar.training.service.cluster.settings import ClusterSettings
from ravelar.training.service.lanes import LaneSettings
from ravelar.training.service.local import Threads
from ravelar.training.service.open_library import LibrarySource, OpenLibrary, RouterSource
from ravelar.training.service.routed import RoutedBackend


class ToolReplica:
    """Holds tools and scores with them, in lanes of this process.

    Args:
        library: Opens the library; a tool loads what it stands on when it first scores.
        lanes: How lanes work.
        loopback: Whether nothing of this process may listen beyond the loopback.
    """

    def __init__(self, library: LibrarySource, lanes: LaneSettings, loopback: bool) -> None:
        if loopback:
            keep_to_loopback()
        self._opened = OpenLibrary(library)
        self._threads = Threads(lanes)

    async def score(self, tool: str, triples: Sequence[Triple]) -> list[Reward] | Busy:
        """Score n triples with a tool; n rewards in order, or `Busy` where too much waits already."""
        self._opened.refresh()
        try:
            found = self._opened.library[tool]
            self._threads.check(tool, len(triples))
        except (Overloaded, UnknownName) as error:  # unknown: adopted a moment ago, and not read here yet
            return Busy(describe(error))
        return await self._threads.ask(found, triples)

    def pid(self) -> int:
        """Return this process's id."""
        return os.getpid()


class RoutingReplica:
    """Chooses tools, calls their deployments, and gathers the rewards.

    Args:
        library: Opens the library; its tools are not used here, only their cards.
        router: Gives the router; None means the built-in rules.
        deployments: Which deployment holds which tools.
        handles: Their handles, by the deployments' names.
        settings: How long calls are tried.
        loopback: Whether nothing of this process may listen beyond the loopback.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what a replica needs; called by Serve alone
        self,
        library: LibrarySource,
        router: RouterSource | None,
        deployments: Sequence[Deployment],
        handles: Mapping[str, Any],
        settings: ClusterSettings,
        loopback: bool,
    ) -> None:
        if loopback:
            keep_to_loopback()
        self._backend = RoutedBackend(OpenLibrary(library, router), Deployed(deployments, handles, settings))

    async def score(self, triples: Sequence[Triple], tool: str | None) -> list[Reward] | Busy:
        """Score n triples; n rewards in order, or `Busy` where the tool that is asked for is not known here yet."""
        try:
            return await self._backend.score(triples, tool=tool)
        except UnknownName as error:
            return Busy(describe(error))

    def cards(self) -> list[ToolCard]:
        """Return the cards of the tools there are."""
        return self._backend.tools()


class Deployed:
    """The `Scorers` of a routing replica: deployments, called until one of their replicas answers."""

    def __init__(
        self, deployments: Sequence[Deployment], handles: Mapping[str, Any], settings: ClusterSettings
    ) -> None:
        self._where = {tool: one.name for one in deployments for tool in one.tools}
        self._handles, self._settings = handles, settings
        self._waiting = 0

    async def start(self) -> None:
        """Start nothing: Serve has started the deployments."""

    def check(self, tool: str, rows: int) -> None:
        """Refuse nothing: the service refuses before it calls, and a busy replica's call is tried elsewhere."""

    async def ask(self, tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
        """Score n triples with a tool; n rewards in order, unscored where no replica gives an answer in time."""
        name = tool.card.name
        patience = Patience(name, self._settings.time_limit_s, self._settings.deaths)
        self._waiting += len(triples)
        try:
            handle = self._handle(tool.card)
            answer: list[Reward] = await call(lambda _left: answer_of(handle.score.remote(name, triples)), patience)
            return answer
        except RewardToolError as error:
            return unscored(name, error, len(triples))
        finally:
            self._waiting -= len(triples)

    def facts(self) -> Mapping[str, Any]:
        """Return how many triples wait for deployments."""
        return {"waiting": self._waiting}

    async def close(self) -> None:
        """End nothing: Serve ends its deployments."""

    def _handle(self, card: ToolCard) -> Any:
        """Return the deployment that holds a tool; a verifier adopted later is held by those of the verifiers.

        Raises:
            ToolUnavailable: if no deployment can hold it.
        """
        name = self._where.get(card.name)
        if name is None and shared(card) and VERIFIERS in self._handles:
            name = VERIFIERS
        if name is None:
            raise ToolUnavailable(
                f"{card.name} was adopted after the service was deployed, and a {card.kind} needs a deployment of its "
                "own: deploy the service anew"
            )
        return self._handles[name]


def unscored(tool: str | None, error: RewardToolError, rows: int) -> list[Reward]:
    """Return n rewards that say why no tool's answer was to be had."""
    return [Reward(None, tool, describe(error))] * rows


async def answer_of(response: Any) -> Any:
    """Wait for a deployment's response; one that is not waited for to the end is cancelled: its replica is free."""
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise


def keep_to_loopback() -> None:
    """Let the port that Serve opens in this replica listen on the loopback alone; Ray 2.60 opens it to everybody.

    Called while Serve makes the replica, before it opens the port. Who reaches that port can run code.
    """
    replica: Any = importlib.import_module("ray.serve._private.replica")  # there is no setting for it
    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(server, address.replace("[::]", "127.0.0.1"))

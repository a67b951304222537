"""The backend of a service whose tools run on a Ray cluster."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RewardToolError, UnknownName
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.scoring import describe
from ravelar.training.service.backend import Closing, Overloaded
from ravelar.training.service.cluster.calling import Patience, call
from ravelar.training.service.cluster.planning import ROUTING
from ravelar.training.service.cluster.replicas import answer_of, unscored
from ravelar.training.service.cluster.settings import ClusterSettings

_log = logging.getLogger(__name__)

_RETRY_AFTER_S = 2.0  # ours
_STATUS_LIMIT_S = 5.0  # ours: a controller that is being restarted does not answer
_LOOK_AGAIN_S = 5.0  # ours: how old the list of tools may be


class RayBackend:
    """A `ScoreBackend` over the deployments of one Serve application.

    Args:
        routing: The handle of the deployment that chooses tools.
        cards: The cards of the tools there are.
        settings: How long calls are tried, and how much may wait.
        end: Ends what was started for this service; may take seconds.
    """

    def __init__(
        self, routing: Any, cards: Sequence[ToolCard], settings: ClusterSettings, end: Callable[[], None]
    ) -> None:
        self._routing, self._cards, self._settings, self._end = routing, list(cards), settings, end
        self._rows = self._open_calls = 0
        self._closing = False
        self._settled = asyncio.Event()
        self._looking: asyncio.Future[None] | None = None
        self._look_at = 0.0
        self._asking: asyncio.Future[dict[str, dict[str, Any]]] | None = None

    async def score(self, triples: Sequence[Triple], *, tool: str | None = None) -> list[Reward]:
        """Score n triples, as `ScoreBackend.score` says; a call whose replica dies is asked again."""
        self._refuse(len(triples), tool)
        self._rows += len(triples)
        self._open_calls += 1
        try:
            self._refresh()
            return await self._score(triples, tool)
        finally:
            self._rows -= len(triples)
            self._open_calls -= 1
            if self._closing and not self._open_calls:
                self._settled.set()

    def tools(self) -> list[ToolCard]:
        """Return the cards of the tools there are."""
        return list(self._cards)

    async def health(self) -> Mapping[str, Any]:
        """Return how many replicas of each deployment run; ready if there is one of each."""
        if self._asking is None or self._asking.done():  # one at a time: a cluster that is gone answers none
            self._asking = asyncio.ensure_future(asyncio.to_thread(running, self._settings.app))
        asking = self._asking
        await asyncio.wait([asking], timeout=_STATUS_LIMIT_S)
        failed = asking.exception() if asking.done() else TimeoutError(f"no answer within {_STATUS_LIMIT_S:g} s")
        if failed is not None:
            said = describe(failed) if isinstance(failed, Exception) else type(failed).__name__
            return {"ready": False, "open_calls": self._open_calls, "cluster": said}
        status = asking.result()
        waiting = {"(cluster)": self._rows} if self._rows else {}
        ready = not self._closing and bool(status) and all(one["running"] for one in status.values())
        return {"ready": ready, "open_calls": self._open_calls, "waiting": waiting, "deployments": status}

    async def close(self) -> None:
        """Refuse what comes, wait for what was taken, and end what was started for this service."""
        if self._closing:
            return
        self._closing = True
        if self._open_calls:
            await self._settled.wait()
        await asyncio.to_thread(self._end)

    def _refuse(self, rows: int, tool: str | None) -> None:
        if self._closing:
            raise Closing("the service is ending; nothing new is scored")
        if tool is not None and tool not in {card.name for card in self._cards}:
            raise UnknownName("reward tool", tool, [card.name for card in self._cards])
        limit = self._settings.max_rows_waiting
        if self._rows and self._rows + rows > limit:
            raise Overloaded(
                f"{self._rows:,} completions wait for the cluster already, at most {limit:,} may",
                retry_after_s=_RETRY_AFTER_S,
            )

    async def _score(self, triples: Sequence[Triple], tool: str | None) -> list[Reward]:
        settings = self._settings
        patience = Patience(ROUTING, settings.time_limit_s + _STATUS_LIMIT_S, settings.deaths)
        rows = list(triples)
        try:
            answer: list[Reward] = await call(lambda _left: answer_of(self._routing.score.remote(rows, tool)), patience)
        except RewardToolError as error:
            return unscored(tool, error, len(rows))
        return answer

    def _refresh(self) -> None:
        """Ask for the tools there are, if the last answer is old; nobody waits for it."""
        now = asyncio.get_running_loop().time()
        if now >= self._look_at and (self._looking is None or self._looking.done()):
            self._look_at = now + _LOOK_AGAIN_S
            self._looking = asyncio.ensure_future(self._look())

    async def _look(self) -> None:
        try:
            self._cards = await self._routing.cards.remote()
        except Exception as error:  # noqa: BLE001  the list that was there stays; the next look may succeed
            _log.info("the cluster does not say which tools it has: %s", describe(error))


def running(app: str) -> dict[str, dict[str, Any]]:
    """Return, for each deployment of an application, its state and how many replicas run."""
    from ray import serve  # noqa: PLC0415  ray takes 1 s

    found = serve.status().applications.get(app)
    deployments: dict[str, Any] = dict(found.deployments) if found else {}
    return {
        name: {"status": one.status.value, "running": one.replica_states.get("RUNNING", 0)}
        for name, one in deployments.items()
    }

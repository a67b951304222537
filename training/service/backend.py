"""What the reward service asks for rewards: threads or processes of this machine, or a cluster.

    HTTP -> training.service.app -> ScoreBackend.score(triples) -> rewards, in order

The app reads, refuses and answers; a backend routes, batches and scores. Every triple that a backend takes gets a
reward, or the whole call raises one of the two errors below, which the app answers by 429 and 503.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RavelarError
from ravelar.tools.reward import Reward, Triple


class Overloaded(RavelarError):
    """More is waiting than the backend may keep; nothing of the call was scored.

    Args:
        message: What is full, and how much it holds.
        retry_after_s: When it is worth asking again, in seconds.
    """

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Closing(RavelarError):
    """The backend is ending and takes nothing new; what it took before is still answered."""


class ScoreBackend(Protocol):
    """What scores for the service. Called on the event loop, and never blocks it."""

    async def score(self, triples: Sequence[Triple], *, tool: str | None = None) -> list[Reward]:
        """Score n triples; return n rewards in order, unscored where a tool failed or took too long.

        Args:
            triples: What is to be scored; a `tool` or `task` in a triple's metadata routes that one.
            tool: Score all of them with this tool instead of routing.

        Raises:
            UnknownName: if `tool` is in no library of the backend.
            Overloaded: if too much is waiting already.
            Closing: if the backend is ending.
        """
        ...

    def tools(self) -> list[ToolCard]:
        """Return the cards of the tools there are."""
        ...

    async def health(self) -> Mapping[str, Any]:
        """Return what a person who looks after the service wants to know, JSON-plain; `ready` is true or false."""
        ...

    async def close(self) -> None:
        """Answer what was taken, then end threads, processes and tools; what comes now is refused."""
        ...

"""The way in: who may enter, how long a body may be, whether the service is ending; and what is counted of each.

An ASGI layer in front of the routes: what is refused here costs no routing, no parsing and no memory.
"""

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from ravelar.training.service.metrics import Metrics
from ravelar.training.service.reading import Bodies, Receive, Refused
from ravelar.training.service.replies import refusal
from ravelar.training.service.settings import ServiceSettings

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS = frozenset({"/health", "/ready", "/openapi.json"})  # for an orchestrator's probes; they tell no secret
SCORING_PATHS = frozenset({"/score", "/openrlhf", "/slime"})
TELLING_PATHS = OPEN_PATHS | {"/tools", "/metrics"}
_RETRY_ELSEWHERE_S = 2.0  # ours: while this one drains, a client should find another or this one's successor


class Gate:
    """What the door knows, shared with the routes and with whoever ends the service.

    Args:
        settings: Limits and token.
        metrics: Where requests are counted.

    Attributes:
        bodies: Where bodies are read and counted.
        metrics: Where requests are counted.
        draining: Whether scoring requests are refused because the service is ending.
        abandoned: Whether the time to answer what is open is over.
        open: Scoring requests that were let in and are not answered yet.
    """

    def __init__(self, settings: ServiceSettings, metrics: Metrics) -> None:
        self.bodies = Bodies(settings)
        self.metrics = metrics
        self.draining = False
        self.abandoned = False
        self.open: set[asyncio.Task[Any]] = set()
        self._token = settings.token.encode() if settings.token is not None else None

    @property
    def open_requests(self) -> int:
        """How many scoring requests are not answered yet."""
        return len(self.open)

    def abandon(self) -> int:
        """Let every open request be answered by 503 now; return how many there were."""
        self.draining = self.abandoned = True
        for task in self.open:
            task.cancel()
        return len(self.open)

    def check(self, scope: Scope) -> None:
        """Look at a request's head.

        Raises:
            Refused: 401 without the token, 503 while the service ends, 413 if the body says that it is too long.
        """
        authorization, length = b"", None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"content-length":
                length = value
        path = scope["path"]
        if self._token is not None and path not in OPEN_PATHS and not self._knows(authorization):
            raise Refused(401, "a bearer token is needed, or the one given is wrong")
        if self.draining and path in SCORING_PATHS:
            ending = "the service is ending; ask another instance"
            raise Refused(503, ending, retry_after_s=_RETRY_ELSEWHERE_S, hang_up=True)
        if length is not None:
            self.bodies.check_length(length.decode("latin-1"))

    def _knows(self, authorization: bytes) -> bool:
        """Say whether a header holds the token: as bearer, or as the password of basic authentication."""
        kind, _, given = authorization.partition(b" ")
        if kind.lower() == b"basic":
            try:
                given = base64.b64decode(given.strip(), validate=True).partition(b":")[2]
            except (binascii.Error, ValueError):
                given = b""
        elif kind.lower() != b"bearer":
            given = b""
        return hmac.compare_digest(given.strip(), self._token or b"")


class Door:
    """The layer itself.

    Args:
        app: What lies behind it.
        gate: What it knows.
    """

    def __init__(self, app: App, *, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it in."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        gate, started, status = self._gate, time.perf_counter(), 500

        async def counted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        task = asyncio.current_task() if scope["path"] in SCORING_PATHS else None
        if task is not None:
            gate.open.add(task)
        try:
            gate.check(scope)
            await self._app(scope, receive, counted)
        except Refused as refused:
            await refusal(refused)(scope, receive, counted)
        finally:
            if task is not None:
                gate.open.discard(task)
            gate.metrics.answered(_route(scope), status, time.perf_counter() - started)


def _route(scope: Scope) -> str:
    """Return the path of a route, for counting; all that is not there shares one name."""
    path: str = scope["path"]
    return path if path in SCORING_PATHS or path in TELLING_PATHS else "none"

"""Running the service: uvicorn on one port, ended gracefully.

At SIGTERM or Ctrl-C the port stays open: requests under way are answered, new ones are refused by 503, and `/ready`
says so. When nothing is open any more, or the drain limit is over, the process ends. A second signal ends it at once.
"""

import os
import socket
import time
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ravelar.tools.errors import InputError
from ravelar.training.service.door import Gate

_KEEP_ALIVE_S = 75  # ours: a trainer that asks once a step finds its connection still open
_LAST_WORDS_S = 5  # ours: what a reply may take to be sent once it is there


class DrainingServer(uvicorn.Server):
    """A server that refuses before it leaves.

    Args:
        app: The application, with a gate in its state.
        drain_limit_s: How long requests under way may take after the signal.
        drain_wait_s: How long new requests are refused at least, so that a balancer notices.
        started: Told when the port is open.
    """

    def __init__(self, app: FastAPI, *, drain_limit_s: float, drain_wait_s: float, started: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="on",
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_LAST_WORDS_S,
            )
        )
        self._gate: Gate = app.state.gate
        self._limit_s, self._wait_s, self._told = drain_limit_s, drain_wait_s, started
        self._asked_at: float | None = None
        self.unanswered = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port and say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self._told()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; at the second signal end at once."""
        if self._asked_at is not None:
            os._exit(128 + sig)
        self._asked_at = time.monotonic()
        self._gate.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Say whether to end: when nothing is open, or the drain limit is over."""
        if await super().on_tick(counter):
            return True
        if self._asked_at is None:
            return False
        drained_s = time.monotonic() - self._asked_at
        if self._gate.open_requests and drained_s > self._limit_s:
            self.unanswered = self._gate.abandon()
            return True
        return not self._gate.open_requests and drained_s >= self._wait_s


def run(
    app: FastAPI,
    listening: socket.socket,
    *,
    started: Callable[[], None] = lambda: None,
    drain_limit_s: float = 30.0,
    drain_wait_s: float = 0.0,
) -> int:
    """Serve until a signal ends it; return how many requests were refused because the drain limit was over.

    Args:
        app: What `create_app` made.
        listening: The open port.
        started: Told when requests are taken.
        drain_limit_s: How long requests under way may take after the signal.
        drain_wait_s: How long new requests are refused at least before the process ends.

    Raises:
        InputError: if the backend can't start.
    """
    server = DrainingServer(app, drain_limit_s=drain_limit_s, drain_wait_s=drain_wait_s, started=started)
    server.run(sockets=[listening])
    if not server.started:
        raise InputError("the service did not start; what was logged above says why")
    return server.unanswered

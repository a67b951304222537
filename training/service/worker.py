"""A worker process of the service: opens the library, and scores what it is asked for in lanes of its own.

First it is sent `Hello`; it answers with its process id, or with why it can't work. Then each `(number, tool, triples)`
is answered by `(number, rewards, hanging)`, in whatever order they are done; `hanging` is how many calls passed their
time limit and still run. `(0, "", [])` asks for a sign of life. When the socket closes, it ends.

Run as `python -P -m ravelar.training.service.worker DESCRIPTOR`.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.scoring import describe
from ravelar.training.service.frames import frame, read_frame
from ravelar.training.service.lanes import LaneSettings
from ravelar.training.service.local import Threads
from ravelar.training.service.open_library import LibrarySource, OpenLibrary
from ravelar.training.service.replies import plain


@dataclass(frozen=True, slots=True)
class Hello:
    """What a worker is told first.

    Attributes:
        library: Opens the library.
        settings: How its lanes work.
    """

    library: LibrarySource
    settings: LaneSettings


async def serve(descriptor: int) -> None:
    """Answer until the socket closes."""
    reader, writer = await asyncio.open_connection(sock=socket.socket(fileno=descriptor))
    try:
        hello: Hello = await read_frame(reader)
        opened = await asyncio.to_thread(OpenLibrary, hello.library)
    except Exception as error:  # noqa: BLE001  whatever it is, the service must hear of it
        writer.write(frame(describe(error)))
        await writer.drain()
        return
    writer.write(frame(os.getpid()))
    worker = _Worker(opened, Threads(hello.settings), writer)
    try:
        while True:
            worker.take(*await read_frame(reader))
    except EOFError:
        return


class _Worker:
    """What one connection shares."""

    def __init__(self, opened: OpenLibrary, threads: Threads, writer: asyncio.StreamWriter) -> None:
        self._opened, self._threads, self._writer = opened, threads, writer

    def take(self, number: int, tool: str, triples: Sequence[Triple]) -> None:
        """Score a part of a request; the answer is written when it is there."""
        if not number:
            self._answer(0, [])
            return
        self._opened.refresh()
        if tool in self._opened.library:
            self._ask(number, tool, triples)
        else:  # adopted since the last look
            looking = asyncio.ensure_future(self._opened.look_now())
            looking.add_done_callback(lambda _: self._ask(number, tool, triples))

    def _ask(self, number: int, tool: str, triples: Sequence[Triple]) -> None:
        if tool not in self._opened.library:
            error = ToolUnavailable(f"{tool} is not in the library of this worker process")
            self._answer(number, [Reward(None, tool, describe(error))] * len(triples))
            return
        future = self._threads.ask(self._opened.library[tool], triples)
        future.add_done_callback(lambda done: self._answer(number, done.result()))

    def _answer(self, number: int, rewards: list[Reward]) -> None:
        hanging = sum(self._threads.facts()["stuck"].values())
        try:
            message = frame((number, rewards, hanging))
        except Exception:  # noqa: BLE001  a tool's detail that can't travel
            message = frame((number, [_without_foreign(one) for one in rewards], hanging))
        self._writer.write(message)


def _without_foreign(reward: Reward) -> Reward:
    detail: Any = plain(reward.detail)
    return Reward(reward.value, reward.tool, reward.reason, reward.raw, detail)


if __name__ == "__main__":
    for number in (
        signal.SIGINT,
        signal.SIGTERM,
    ):  # either may reach the whole group; the service ends us when it is done
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(serve(int(sys.argv[1])))
    os._exit(0)  # a tool that hangs in a thread must not hold the process

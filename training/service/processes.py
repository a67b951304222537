"""Worker processes that score for the service: one may die at any moment, and no request is lost.

    ask(tool, triples) -> a worker -> rewards
                            | dies: asked again of another, up to MAX_DEATHS times

A verifier's part goes to the worker with the least to do; a batched tool's parts all go to one, so that they meet in
one batch and a model is loaded once. Scoring has no effect but its result, so that asking again is harmless.
"""

import asyncio
import contextlib
import logging
import socket
import subprocess
import sys
import time
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ravelar.tools.errors import InputError, ToolCrashed, ToolTimeout
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.scoring import abstain, describe
from ravelar.training.service.frames import frame, read_frame
from ravelar.training.service.lanes import LaneSettings, OnBatch, check_room
from ravelar.training.service.open_library import LibrarySource, OpenLibrary, RouterSource
from ravelar.training.service.routed import RoutedBackend
from ravelar.training.service.worker import Hello

MAX_DEATHS = 3  # ours: a call under which so many workers died is taken for the cause
_START_S = 60.0  # ours: a worker that has not opened the library by then is not going to
_GRACE_S = 5.0  # ours: a worker keeps the time limit itself; so much later it is taken to be frozen
_PING_S, _SILENT_S = 2.0, 20.0  # ours: a worker that owes answers and says nothing for so long is frozen
_LONGEST_PAUSE_S = 30.0  # ours: between attempts to start a worker that does not start
_log = logging.getLogger(__name__)


class WorkerDied(Exception):
    """The worker process ended, or was ended, before it answered."""


class Worker:
    """One process, and what it was asked. Made by `Worker.start`.

    Attributes:
        pid: Its process id.
        rows: Triples that it has not answered yet.
        leaves: Set when a call hangs in it: it gets nothing new, and ends when it has answered the rest.
        gone: Whether it has ended.
        heard: When it last said something, by the monotonic clock.
    """

    def __init__(
        self, process: "subprocess.Popen[bytes]", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.pid = process.pid
        self.rows = 0
        self.leaves = asyncio.Event()
        self.gone = False
        self.heard = time.monotonic()
        self._process, self._reader, self._writer = process, reader, writer
        self._asked: dict[int, asyncio.Future[list[Reward]]] = {}
        self._number = 0

    @classmethod
    async def start(cls, hello: Hello) -> "Worker":
        """Start a process and wait until it has opened the library.

        Raises:
            InputError: if it can't work; the message is its own.
            WorkerDied: if it ends, or does not answer in time.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-P", "-m", "ravelar.training.service.worker", str(theirs.fileno())]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        reader, writer = await asyncio.open_connection(sock=ours)
        worker = cls(process, reader, writer)
        try:
            writer.write(frame(hello))
            async with asyncio.timeout(_START_S):
                answer = await read_frame(reader)
        except (EOFError, TimeoutError) as error:
            await worker.end()
            raise WorkerDied(f"a worker process did not start: {describe(error)}") from error
        except BaseException:  # the service ends meanwhile
            worker.kill()
            raise
        if isinstance(answer, str):
            await worker.end()
            raise InputError(f"a worker process can't work: {answer}")
        return worker

    @property
    def owes(self) -> bool:
        """Whether it has not answered everything."""
        return bool(self._asked)

    async def ask(self, tool: str, triples: Sequence[Triple]) -> list[Reward]:
        """Have n triples scored.

        Raises:
            WorkerDied: if it ends before it answers.
        """
        self._number += 1
        number = self._number
        future: asyncio.Future[list[Reward]] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self.rows += len(triples)
        try:
            self._send((number, tool, triples))
            return await future
        finally:
            self.rows -= len(triples)
            self._asked.pop(number, None)

    def ping(self) -> None:
        """Ask for a sign of life."""
        with contextlib.suppress(WorkerDied):
            self._send((0, "", ()))

    def kill(self) -> None:
        """End it at once; what it owes raises `WorkerDied`."""
        if self._process.poll() is None:
            self._process.kill()

    async def listen(self) -> None:
        """Pass answers on until it ends; then fail what it owes."""
        try:
            while True:
                number, rewards, hanging = await read_frame(self._reader)
                self.heard = time.monotonic()
                if hanging:
                    self.leaves.set()
                future = self._asked.get(number)
                if future is not None and not future.done():
                    future.set_result(rewards)
                if self.leaves.is_set() and not self._owes_others(number):
                    break
        except EOFError:
            pass
        finally:
            self.gone = True
            for future in list(self._asked.values()):
                if not future.done():
                    future.set_exception(WorkerDied(f"the worker process {self.pid} ended"))
            await self.end()

    async def end(self) -> None:
        """End it and wait for that."""
        self.kill()
        self._writer.close()
        await asyncio.to_thread(self._process.wait)

    def _send(self, message: object) -> None:
        sent = frame(message)
        try:
            if self.gone:
                raise WorkerDied(f"the worker process {self.pid} has ended")
            self._writer.write(sent)
        except (OSError, RuntimeError) as error:  # uvloop's word for a connection that is closed
            raise WorkerDied(f"the worker process {self.pid} has just ended") from error

    def _owes_others(self, answered: int) -> bool:
        return any(number != answered for number in self._asked)


class Processes:
    """Scorers in worker processes. Made, used and closed on one event loop.

    Args:
        count: How many.
        library: Opens the library in each; picklable.
        settings: How lanes work in each, and how long calls may take.
        on_batch: Told of each part of a request that a worker scored.
    """

    def __init__(
        self, count: int, library: LibrarySource, settings: LaneSettings, on_batch: OnBatch | None = None
    ) -> None:
        self._hello, self._settings, self._on_batch = Hello(library, settings), settings, on_batch
        self._slots: list[Worker | None] = [None] * count
        self._keepers: list[asyncio.Task[None]] = []
        self._listening: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self._alone = asyncio.Lock()
        self._starting: asyncio.Future[None] | None = None
        self._waiting: Counter[str] = Counter()
        self._pace: dict[str, float] = {}
        self.restarts = 0

    async def start(self) -> None:
        """Start the workers, once; return when the first can score.

        Raises:
            InputError: if none can work.
            WorkerDied: if none starts.
        """
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        self._slots[0] = await Worker.start(self._hello)
        self._keepers = [asyncio.ensure_future(self._keep(slot)) for slot in range(len(self._slots))]
        self._keepers.append(asyncio.ensure_future(self._watch()))

    def check(self, tool: str, rows: int) -> None:
        """Refuse what would wait beyond a tool's limit.

        Raises:
            Overloaded: with the time after which there should be room.
        """
        waiting = self._waiting[tool]
        wait_s = waiting * self._pace.get(tool, 0.0) / len(self._slots)
        check_room(tool, waiting, rows, settings=self._settings, wait_s=wait_s)

    async def ask(self, tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
        """Score n triples in a worker; n rewards in order, and never an exception of the tool's."""
        name, started = tool.card.name, time.perf_counter()
        self._waiting[name] += len(triples)
        try:
            async with asyncio.timeout(self._settings.time_limit_s + _GRACE_S):
                rewards = await self._ask_until_answered(tool, triples)
        except TimeoutError:
            return abstain(tool, triples, ToolTimeout(f"no worker answered in {self._settings.time_limit_s:g} s"))
        finally:
            self._waiting[name] -= len(triples)
        seconds = time.perf_counter() - started
        self._pace[name] = 0.9 * self._pace.get(name, 0.0) + 0.1 * seconds / len(triples)
        if self._on_batch is not None:
            self._on_batch(tool, triples, rewards, seconds)
        return rewards

    def facts(self) -> Mapping[str, Any]:
        """Return the workers, how much waits for each tool, and how many workers were replaced."""
        workers = [{"pid": one.pid, "completions": one.rows} for one in self._slots if one is not None]
        waiting = {name: count for name, count in self._waiting.items() if count}
        return {"ready": bool(workers), "workers": workers, "waiting": waiting, "restarts": self.restarts}

    async def close(self) -> None:
        """End the workers."""
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for worker in self._slots:
            if worker is not None:
                worker.kill()
        await asyncio.gather(*self._listening, return_exceptions=True)

    async def _ask_until_answered(self, tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
        for deaths in range(MAX_DEATHS):
            try:
                if deaths < MAX_DEATHS - 1:
                    return await self._ask_one(tool, triples)
                async with (
                    self._alone
                ):  # the last try, apart from other suspects: the guilty one must not take them along
                    return await self._ask_one(tool, triples)
            except WorkerDied as death:
                _log.warning("%s; %d triples of %s are asked again", death, len(triples), tool.card.name)
        error = ToolCrashed(f"{MAX_DEATHS} worker processes ended while they scored this")
        return abstain(tool, triples, error)

    async def _ask_one(self, tool: RewardTool, triples: Sequence[Triple]) -> list[Reward]:
        worker = await self._pick(tool)
        try:
            return await worker.ask(tool.card.name, triples)
        except asyncio.CancelledError:
            if time.monotonic() - worker.heard > _GRACE_S:
                worker.kill()
            raise

    async def _pick(self, tool: RewardTool) -> Worker:
        """Return the worker for a tool, waiting for one if all are being replaced."""
        async with self._changed:
            while not (there := [one for one in self._slots if one is not None and not one.gone]):
                await self._changed.wait()
        if self._settings.joins(tool):
            return there[zlib.crc32(tool.card.name.encode()) % len(there)]
        return min(there, key=lambda one: one.rows)

    async def _keep(self, slot: int) -> None:
        """Have a worker in a slot, always: listen to it, and start another when it has ended."""
        pause = 0.0
        while True:
            worker = self._slots[slot]
            try:
                if worker is None:
                    worker = await Worker.start(self._hello)
            except (InputError, WorkerDied, OSError) as error:
                pause = min(_LONGEST_PAUSE_S, 2 * pause + 0.5)
                _log.warning("%s; trying again in %g s", describe(error), pause)
                await asyncio.sleep(pause)
                continue
            pause = 0.0
            await self._seat(slot, worker)
            listening = asyncio.ensure_future(worker.listen())
            self._listening.add(listening)
            listening.add_done_callback(self._listening.discard)
            leaves = asyncio.ensure_future(worker.leaves.wait())
            await asyncio.wait({listening, leaves}, return_when=asyncio.FIRST_COMPLETED)
            leaves.cancel()
            await self._seat(slot, None)
            self.restarts += 1

    async def _seat(self, slot: int, worker: Worker | None) -> None:
        async with self._changed:
            self._slots[slot] = worker
            self._changed.notify_all()

    async def _watch(self) -> None:
        """End workers that are frozen: they owe answers and give no sign of life."""
        while True:
            await asyncio.sleep(_PING_S)
            for worker in self._slots:
                if worker is None:
                    continue
                if worker.owes and time.monotonic() - worker.heard > _SILENT_S:
                    _log.warning("the worker process %d is frozen and is ended", worker.pid)
                    worker.kill()
                else:
                    worker.ping()


def process_backend(
    count: int,
    library: LibrarySource,
    router: RouterSource | None = None,
    settings: LaneSettings | None = None,
    *,
    on_batch: OnBatch | None = None,
) -> RoutedBackend:
    """Return a backend that scores in worker processes.

    Args:
        count: How many.
        library: Opens the library, here and in each worker; picklable.
        router: Gives the router; None means the built-in rules.
        settings: How lanes work in each worker.
        on_batch: Told of each part of a request that a worker scored.

    Raises:
        InputError: if the library can't be opened.
    """
    return RoutedBackend(OpenLibrary(library, router), Processes(count, library, settings or LaneSettings(), on_batch))

"""Scoring one completion at a time, from any thread or event loop, as if they had come in one batch.

Trainers that ask for one reward a call ask from many threads or tasks at once. All of them meet here in lanes, which
join the calls for a reward model into batches, give every call a time limit, and let no slow tool hold up the others.
"""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from ravelar.tools.reward import Reward, Triple
from ravelar.training.service.lanes import LaneSettings
from ravelar.training.service.local import local_backend
from ravelar.training.service.open_library import LibrarySource, RouterSource
from ravelar.training.service.routed import RoutedBackend


class Scorer:
    """Scores with a library, opened when it is first needed, on an event loop in a thread of its own.

    It can be pickled: what is opened stays behind, and is opened anew in the other process.

    Args:
        library: Opens the library; picklable where the scorer is to be.
        router: Gives the router; None means the built-in rules.
        lanes: Time limit, batch size and the like.
    """

    def __init__(
        self, library: LibrarySource, router: RouterSource | None = None, lanes: LaneSettings | None = None
    ) -> None:
        self._library, self._router, self._lanes = library, router, lanes
        self._opened: tuple[asyncio.AbstractEventLoop, RoutedBackend] | None = None
        self._lock = threading.Lock()

    def submit(self, triples: Sequence[Triple]) -> "Future[list[Reward]]":
        """Let n triples be scored; the future gets n rewards in order, unscored where a tool failed or was too slow.

        Raises:
            InputError: if the library can't be opened.
        """
        loop, backend = self._running()
        return asyncio.run_coroutine_threadsafe(backend.score(triples), loop)

    def close(self) -> None:
        """Answer what was taken, and end what was opened; a later call opens it anew."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            loop, backend = opened
            asyncio.run_coroutine_threadsafe(backend.close(), loop).result()
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> tuple[asyncio.AbstractEventLoop, RoutedBackend]:
        with self._lock:
            if self._opened is None:
                backend = local_backend(self._library, self._router, self._lanes)
                loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(loop,), name="ravelar scorer", daemon=True).start()
                self._opened = (loop, backend)
            return self._opened

    def __reduce__(self) -> tuple[Any, ...]:
        return Scorer, (self._library, self._router, self._lanes)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()

"""The library that a service scores with: opened once, and looked at again every two seconds while it is used.

Looking again happens in a thread, so that a slow store holds up no request; until it is done, and where it fails,
the library that was there stays in use.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from ravelar.tools.library import Library
from ravelar.tools.routing import Router, router_for
from ravelar.tools.scoring import describe

LibrarySource = Callable[[], Library]
"""Opens the library; picklable, so that other processes can open it too. The same value as long as nothing changed."""
RouterSource = Callable[[], Router | None]
"""Gives the router over that library; None means the rules of `tools.routing`."""

_LOOK_AGAIN_S = 2.0  # ours: so long after an adoption or a retirement the service may still use what was there
_log = logging.getLogger(__name__)


class OpenLibrary:
    """A library and who chooses from it.

    Args:
        library: Opens the library, at once and again.
        router: Gives the router; None means the built-in rules.

    Raises:
        InputError: at once, if the library can't be opened.

    Attributes:
        library: The tools there are.
        router: Who chooses.
        ruled: Whether the built-in rules choose, which are quick enough for the event loop.
    """

    def __init__(self, library: LibrarySource, router: RouterSource | None = None) -> None:
        self._library_source, self._router_source = library, router
        self._looking: asyncio.Future[None] | None = None
        self._look_at = 0.0
        self._look()

    def refresh(self) -> None:
        """Look again in a thread, if the last look is old; called on the event loop."""
        if time.monotonic() >= self._look_at and (self._looking is None or self._looking.done()):
            self._look_at = time.monotonic() + _LOOK_AGAIN_S
            self._looking = asyncio.ensure_future(asyncio.to_thread(self._look_safely))

    async def look_now(self) -> None:
        """Look again and wait for it."""
        await asyncio.to_thread(self._look_safely)

    def _look_safely(self) -> None:
        try:
            self._look()
        except Exception as error:  # noqa: BLE001  a store that is away for a while must not end the service
            _log.warning("the library can't be read again; what was there stays in use: %s", describe(error))

    def _look(self) -> None:
        library = self._library_source()
        chosen = self._router_source() if self._router_source else None
        self.router: Router = chosen or router_for(library.names)
        self.ruled = chosen is None
        self.library = library
        self._look_at = time.monotonic() + _LOOK_AGAIN_S

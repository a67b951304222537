"""Which library and router are in use at which call: the newest there is, and on all ranks the same.

    rank 0:  library source -> versions, router -> notice of this call -> score
    others:  notice of this call -> library source until it shows these versions -> score

A rank that can't get in step leaves its batch unscored: one group of completions, split over ranks, must never be
scored by two tools.
"""

import hashlib
import inspect
import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

from ravelar.tools.errors import InputError, NotInStep
from ravelar.tools.library import Library
from ravelar.tools.routing import Router, router_for
from ravelar.tools.scoring import describe
from ravelar.training.ranks import Ranks
from ravelar.training.route_cache import RouteCache

LibrarySource = Callable[[], Library]
"""Opens the library as it is now. One whose tools have the names, versions and cards of those in use changes nothing:
the tools in use, with what they have loaded, stay. Picklable, to reach other processes."""

RouterSource = Callable[[], Router | None]
"""Opens the router that goes with the library, asked when that has changed; None means the built-in rules. Picklable
as well."""

_NOTICE_S = 60.0  # ours: how long a rank waits for rank 0 to say what is in use
_CATCH_UP_S = 15.0  # ours: how long a store may take to show another process what was written
_PAUSE_S = 0.2


class Notice(NamedTuple):
    """What rank 0 scores a batch with: a hash of the tools' versions, and which router (0: each rank opens its own)."""

    versions: str
    router: int


@dataclass(frozen=True, slots=True, eq=False)
class Current:
    """What is in use.

    Attributes:
        library: The tools.
        router: Who chooses; None means the built-in rules.
        versions: A hash of the tools' names, versions and cards.
        routes: The routes chosen so far; a new library begins without any, so that all ranks choose anew.
    """

    library: Library
    router: Router | None
    versions: str
    routes: RouteCache

    @classmethod
    def of(cls, library: Library, router: Router | None) -> "Current":
        """Return them as what is in use."""
        rules = router or router_for(library.names)
        return cls(library, router, versions_of(library), RouteCache(rules, library))


class LibraryInStep:
    """Opens library and router, and keeps them in step with rank 0.

    Args:
        library: A library, or what opens one.
        router: A router, what opens one, or None for the built-in rules.
        complain: Told, in a sentence, when the newest library can't be opened and the one before is kept.

    Raises:
        InputError: if either is something else.
    """

    def __init__(
        self,
        library: Library | LibrarySource,
        router: Router | RouterSource | None,
        complain: Callable[[str], object],
    ) -> None:
        self._library = _library_source(library)
        self._router = _router_source(router)
        self._complain = complain
        self._current: Current | None = None
        self._ranks: Ranks | None = None
        self._notice: Notice | None = None
        self._said: Router | None = None
        self._routers_said = 0
        self._not_here = ""

    @property
    def current(self) -> Current:
        """What is in use; opened if nothing was. Errors are those of `open`."""
        return self._current or self.open()

    def open(self) -> Current:
        """Return the newest, as far as it can be opened.

        Raises:
            RavelarError: or whatever the sources raise, if nothing was ever opened.
        """
        try:
            library, known = self._library(), self._current
            if known is None or (library is not known.library and versions_of(library) != known.versions):
                self._current = Current.of(library, self._router())
        except Exception as error:
            if self._current is None:
                raise
            self._complain(f"the library can't be read again, the one before stays in use: {describe(error)}")
        assert self._current is not None
        return self._current

    def at(self, key: str, ranks: Ranks | None, *, wait_s: float = 0.0) -> Current:
        """Return what all ranks use at the call named by `key`.

        Args:
            key: The same on all ranks.
            ranks: None opens the newest.
            wait_s: How long rank 0 may take to come to this call, beside what ranks are apart anyway.

        Raises:
            NotInStep: if rank 0 says nothing in time, or what it uses can't be opened here.
        """
        if ranks is None:
            return self.open()
        if ranks is not self._ranks:
            self._ranks, self._notice = ranks, None
        if not ranks.main:
            return self._follow(key, ranks, wait_s)
        current = self.open()
        if self._notice is None or self._notice.versions != current.versions or self._said is not current.router:
            self._notice = Notice(current.versions, self._say_router(current.router, ranks))
            self._said = current.router
        ranks.say(key, tuple(self._notice))
        return current

    def _say_router(self, router: Router | None, ranks: Ranks) -> int:
        try:
            pickle.dumps(router)
        except Exception as error:  # noqa: BLE001  a closure or the like
            self._complain(f"the router can't be sent to the other ranks, each opens its own: {describe(error)}")
            return 0
        if router is None:
            return 0
        self._routers_said += 1
        ranks.say(f"router/{self._routers_said}", router, keep=True)
        return self._routers_said

    def _follow(self, key: str, ranks: Ranks, wait_s: float) -> Current:
        said = ranks.hear(key, wait_s=_NOTICE_S + wait_s)
        if said is None:
            raise NotInStep(f"rank 0 has not said within {_NOTICE_S + wait_s:g} s what it scores with")
        notice = Notice(*said)
        if notice != self._notice or self._current is None:
            library = self._library_of(notice.versions)
            router = ranks.hear(f"router/{notice.router}", wait_s=_CATCH_UP_S) if notice.router else self._router()
            if notice.router and router is None:
                raise NotInStep("rank 0's router can't be read here")
            self._current, self._notice = Current.of(library, router), notice
        return self._current

    def _library_of(self, versions: str) -> Library:
        """Return the library with these versions: the one in use, or the newest as soon as it shows them."""
        if self._current is not None and self._current.versions == versions:
            return self._current.library
        until = time.monotonic() + (0.0 if versions == self._not_here else _CATCH_UP_S)
        while True:
            library = self._library()
            if versions_of(library) == versions:
                return library
            if time.monotonic() >= until:
                self._not_here = versions  # waited for once, not at every step
                raise NotInStep(f"rank 0 scores with another library; here are: {', '.join(library.names)}")
            time.sleep(_PAUSE_S)


def versions_of(library: Library) -> str:
    """Return a hash of what decides how a library's tools score: names, versions and cards."""
    parts = [
        (tool.card.name, getattr(getattr(tool, "entry", None), "version", ""), repr(tool.card)) for tool in library
    ]
    return hashlib.blake2b(repr(sorted(parts)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _library_source(given: Library | LibrarySource) -> LibrarySource:
    if isinstance(given, Library):
        return lambda: given
    if not callable(given):
        raise InputError(f"library is {type(given).__name__}; allowed: a Library, or a callable that opens one")

    def opened() -> Library:
        library = given()
        if not isinstance(library, Library):
            raise InputError(f"the library source {given!r:.200} returned {type(library).__name__}, no Library")
        return library

    return opened


def _router_source(given: Router | RouterSource | None) -> RouterSource:
    if given is None:
        return lambda: None
    if not callable(given):
        raise InputError(f"router is {type(given).__name__}; allowed: a router, a callable that opens one, or None")
    return (lambda: cast("Router", given)) if _takes_a_query(given) else cast("RouterSource", given)


def _takes_a_query(given: Callable[..., object]) -> bool:
    """Tell a router, which takes prompt, reference and metadata, from what opens one, and takes nothing."""
    try:
        inspect.signature(given).bind("", None, {})
    except TypeError:
        return False
    except ValueError:  # no signature to be had, as of some callables written in C
        return True
    return True

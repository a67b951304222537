"""Routes, each decided once per query: the completions of a group ask for one and the same."""

import hashlib
import json
import threading

from ravelar.tools.errors import UnknownName
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route, Router
from ravelar.tools.scoring import describe

MOST_ROUTES = 200_000  # ours: some 300 bytes each


def query_key(triple: Triple) -> bytes | None:
    """Return the key of what a router sees (prompt, reference, metadata); None where that is no JSON."""
    try:
        text = json.dumps([triple.prompt, triple.reference, triple.metadata], sort_keys=True, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class RouteCache:
    """Chooses tools of one library by one router; never raises, and remembers the latest `most` queries.

    Args:
        router: Who chooses.
        library: The tools there are.
        most: Most routes that are remembered; the oldest go first.
    """

    def __init__(self, router: Router, library: Library, *, most: int = MOST_ROUTES) -> None:
        self.router, self.library = router, library
        self._most = most
        self._routes: dict[bytes, Route] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._routes)

    def route(self, triple: Triple) -> Route:
        """Return the tool for a triple's query; None and the reason where none fits, or the router fails."""
        key = query_key(triple)
        if key is None:
            return self._ask(triple)
        known = self._routes.get(key)
        if known is None:
            known = self._ask(triple)
            self._keep(key, known)
        return known

    def _ask(self, triple: Triple) -> Route:
        try:
            chosen = self.router(triple.prompt, triple.reference, triple.metadata)
            if chosen.tool is None or chosen.tool in self.library:
                return chosen
            return Route(None, f"{UnknownName('reward tool', chosen.tool, self.library.names)} ({chosen.reason})")
        except Exception as error:  # noqa: BLE001  a router of anyone's must not end a training run
            return Route(None, f"the router failed: {describe(error)}")

    def _keep(self, key: bytes, chosen: Route) -> None:
        with self._lock:
            if len(self._routes) >= self._most:
                del self._routes[next(iter(self._routes))]
            self._routes[key] = chosen

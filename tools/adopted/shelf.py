"""Texts under keys on any LangGraph store, only ever added: what a library of adopted tools stands on.

Values are kept as ASCII text of JSON inside the store's own JSON: stores differ in what they do to infinities,
NUL characters, lone surrogates and the order of keys, and none of them touches ASCII.
"""

import atexit
import json
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ravelar.tools.adopted.opening import Opened, open_place
from ravelar.tools.adopted.place import Place
from ravelar.tools.errors import InputError, LibraryUnusable

if TYPE_CHECKING:
    from langgraph.store.base import BaseStore

Namespace = tuple[str, ...]
T = TypeVar("T")

_PAGE = 10_000  # ours: most libraries are read with the first limit
_FIELD = "json"
_INHERITED: list[Opened] = []
"""Stores that a forked process got from its parent: neither used nor closed here, for they are the parent's."""


class Shelf:
    """Texts under (namespace, key), only ever added.

    Opened at first use, and anew in each process, so that it may be pickled or carried across a fork.

    Args:
        place: Where the store is.
        store: A store that is open already, used instead; then the shelf can't be pickled, and closing it does nothing.
    """

    def __init__(self, place: Place, *, store: "BaseStore | None" = None) -> None:
        self.place = place
        self._given = store
        self._opened: Opened | None = None if store is None else Opened(store, lambda: None, ())
        self._process = os.getpid()
        self._lock = threading.RLock()
        _ALL.add(self)

    def __getstate__(self) -> Mapping[str, Any]:
        """Keep the place alone.

        Raises:
            InputError: if the store lives in this process only.
        """
        if self._given is not None or self.place.kind == "memory":
            raise InputError("a library in memory, or over an open store, can't be sent to another process")
        return {"place": self.place}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        Shelf.__init__(self, state["place"])

    def add(self, namespace: Namespace, key: str, value: object) -> bool:
        """Add a JSON value; what is there already stays. Return whether it was added.

        Two processes that add under one key at the very same time may both be told so; one value stays.

        Raises:
            InputError: if the value is no JSON.
            LibraryUnusable: if the store can't be written.
        """
        if self.get(namespace, key) is not None:
            return False
        item = {_FIELD: to_text(value)}
        self._ask(lambda store: store.put(namespace, key, item, index=False))
        return True

    def get(self, namespace: Namespace, key: str) -> Any:
        """Return the value, or None."""
        return self.get_many(namespace, [key])[0]

    def get_many(self, namespace: Namespace, keys: Iterable[str]) -> list[Any]:
        """Return the values of n keys in order, None where there is none, in one round trip."""
        from langgraph.store.base import GetOp  # noqa: PLC0415  langgraph takes 0.5 s

        wanted = [GetOp(namespace, key, False) for key in keys]
        items = self._ask(lambda store: store.batch(wanted)) if wanted else []
        return [None if item is None else self._value(item) for item in items]

    def all(self, namespace: Namespace) -> dict[str, Any]:
        """Return every value of a namespace by its key, however many there are."""
        return {key: value for (where, key), value in self._scan(namespace).items() if where == namespace}

    def below(self, namespace: Namespace) -> dict[str, Any]:
        """Return every value below a namespace by its key; keys are taken to be unique there."""
        return {key: value for (_, key), value in self._scan(namespace).items()}

    def _scan(self, namespace: Namespace) -> dict[tuple[Namespace, str], Any]:
        """Return every value in and below a namespace, however many there are.

        A store sorts by time alone, and rows of one time in any order: pages of one listing may miss a row between
        them (PostgreSQL does). So the whole is asked for at once, which is also one consistent look, with a limit
        that grows until it suffices. A store that caps its pages is read page by page, until a pass shows nothing new.
        """
        limit = _PAGE
        while len(items := self._page(namespace, limit, 0)) == limit:
            limit *= 4
        found = self._values(items)
        while more := self._page(namespace, limit, len(items)):
            before, offset = len(found), len(items)
            while more:
                found |= self._values(more)
                offset += len(more)
                more = self._page(namespace, limit, offset)
            items = self._page(namespace, limit, 0)
            found |= self._values(items)
            if len(found) == before:
                break
        return found

    def close(self) -> None:
        """Close the store; using the shelf again opens it again."""
        with self._lock:
            if self._opened is None or self._given is not None:
                return
            opened, self._opened = self._opened, None
            if self._process == os.getpid():
                opened.close()
            else:
                _INHERITED.append(opened)

    def __del__(self) -> None:
        """Close what nobody holds any longer; Python 3.13 warns of a connection that is only let go."""
        # At the interpreter's end `_close_all` came first: nothing of a module that is gone is touched here.
        if getattr(self, "_opened", None) is not None:
            self.close()

    def _page(self, namespace: Namespace, limit: int, offset: int) -> list[Any]:
        return self._ask(lambda store: store.search(namespace, limit=limit, offset=offset))

    def _values(self, items: Iterable[Any]) -> dict[tuple[Namespace, str], Any]:
        return {(tuple(item.namespace), item.key): self._value(item) for item in items}

    def _value(self, item: Any) -> Any:
        try:
            return json.loads(item.value[_FIELD])
        except (KeyError, TypeError, ValueError) as error:
            where = ".".join(item.namespace)
            raise LibraryUnusable(f"the library {self.place} holds what is not ours at {where}/{item.key}") from error

    def _ask(self, what: "Callable[[BaseStore], T]") -> T:
        """Ask the store; open it anew, once, if its connection is gone. All that is asked may be asked twice."""
        for again in (True, False):
            opened = self._open()
            try:
                return what(opened.store)
            except opened.foreign as error:
                if again and _connection_is_gone(opened):
                    self.close()
                    continue
                said = " ".join(str(error).split()) or type(error).__name__
                raise LibraryUnusable(f"the library {self.place} failed: {said}") from error
        raise AssertionError("unreachable: the second turn returns or raises")

    def _open(self) -> Opened:
        with self._lock:
            if self._process != os.getpid() and self._given is None and self.place.kind != "memory":
                self.close()
                self._process = os.getpid()
            if self._opened is None:
                self._opened = open_place(self.place)
            return self._opened


_ALL: "weakref.WeakSet[Shelf]" = weakref.WeakSet()


def _close_all() -> None:
    for shelf in list(_ALL):
        shelf.close()


atexit.register(_close_all)


def to_text(value: object) -> str:
    """Return a JSON value as ASCII text; infinities become the strings "Infinity" and "-Infinity".

    Raises:
        InputError: if it is no JSON value; NaN is none.
    """
    try:
        return json.dumps(_strict(value), ensure_ascii=True, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"this can't be kept in a library: {error}") from error


def _strict(value: Any) -> Any:
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list | tuple) else value


def _connection_is_gone(opened: Opened) -> bool:
    connection = getattr(opened.store, "conn", None)
    return bool(getattr(connection, "closed", False))

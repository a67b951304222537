"""The processes of one training run: a small notice board that rank 0 and the others read and write.

It stands on the key-value store by which torch.distributed brought the processes together, not on collectives: a rank
that is late, or is never called, costs the others a bounded wait and can't put their collectives out of step.
Values are pickled by this run's own processes for one another, as torch's object collectives do.
"""

import logging
import pickle
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any

_log = logging.getLogger(__name__)

_KEPT = 256  # ours: notices of this many last keys stay; ranks are never that far apart
_CHUNK = 1 << 20  # bytes; a TCPStore refuses values above some megabytes
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.05
_met: list[tuple[Any, int]] = []
"""The stores by which objects of this process met, and how many did: all ranks make their objects in one order."""


class Ranks:
    """This process among the ranks of a run.

    Attributes:
        number: This process's rank; 0 is the main one.
        count: How many there are.
        store: The default process group's store.
    """

    def __init__(self, number: int, count: int, store: Any, prefix: str) -> None:
        self.number, self.count, self.store = number, count, store
        self._prefix = prefix
        self._said: deque[tuple[str, int]] = deque()

    @property
    def main(self) -> bool:
        """Whether this is rank 0."""
        return self.number == 0

    def say(self, key: str, value: object, *, keep: bool = False) -> None:
        """Put a notice up, for good with `keep`. A store that fails is logged: the others will wait in vain."""
        try:
            data = pickle.dumps(value)
            chunks = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
            for i, chunk in enumerate(chunks):
                self.store.set(self._full(f"{key}/{i}"), chunk)
            self.store.set(self._full(key), str(len(chunks)))
        except Exception as error:  # noqa: BLE001  a broken store, or a value that can't be pickled
            _log.warning("rank %d could not say %r: %s", self.number, key, error)
            return
        if not keep:
            self._said.append((key, len(chunks)))
            self._take_old_down()

    def hear(self, key: str, *, wait_s: float) -> Any:
        """Return what is said under a key; None if nothing is, even after so many seconds.

        The store is asked now and then and never waited in: other threads of the process need it too.
        """
        until, pause = time.monotonic() + wait_s, _FIRST_PAUSE_S
        try:
            while not self.store.check([self._full(key)]):
                if time.monotonic() >= until:
                    return None
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            chunks = int(self.store.get(self._full(key)))
            return pickle.loads(b"".join(self.store.get(self._full(f"{key}/{i}")) for i in range(chunks)))
        except Exception as error:  # noqa: BLE001  a store that is gone, or a class that this process lacks
            _log.warning("rank %d could not hear %r: %s", self.number, key, error)
            return None

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}"

    def _take_old_down(self) -> None:
        while len(self._said) > _KEPT:
            key, chunks = self._said.popleft()
            with suppress(Exception):  # a FileStore can't delete
                for name in (key, *(f"{key}/{i}" for i in range(chunks))):
                    self.store.delete_key(self._full(name))


def ranks_now(before: Ranks | None = None) -> Ranks | None:
    """Return this process among its ranks; None where it is the only one. Loads no torch that is not there already.

    Args:
        before: What this returned to the same caller the last time; returned again while the process group is the same.
    """
    dist = getattr(sys.modules.get("torch"), "distributed", None)
    if dist is None or not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return None
    try:
        store = dist.distributed_c10d._get_default_store()  # torch has no public name for it
    except Exception as error:  # noqa: BLE001  another torch
        _log.warning("the ranks have no store to agree by, each follows the library by itself: %s", error)
        return None
    if before is not None and before.store is store:
        return before
    return Ranks(dist.get_rank(), dist.get_world_size(), store, f"ravelar/{_place_at(store)}")


def _place_at(store: Any) -> int:
    """Return how many objects of this process met by a store before."""
    if not _met or _met[-1][0] is not store:
        _met[:] = [(store, 0)]
    place = _met[-1][1]
    _met[:] = [(store, place + 1)]
    return place

"""Permits, one per core, handed out in the order in which they were asked for.

A plain semaphore lets whoever releases a permit take it again before those who wait wake up; a run of many
batches would then keep a run of one waiting for minutes.
"""

import threading
from collections import deque


class Slots:
    """A fair semaphore.

    Args:
        count: How many permits there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()

    def take_if_free(self) -> bool:
        """Take a permit unless that means to wait, or to overtake."""
        with self._lock:
            if self._free == 0 or self._waiting:
                return False
            self._free -= 1
            return True

    def take(self) -> None:
        """Take a permit, however long that takes."""
        if self.take_if_free():
            return
        turn = threading.Lock()
        turn.acquire()
        with self._lock:
            self._waiting.append(turn)
            self._hand_out()
        try:
            turn.acquire()
        except BaseException:
            self._give_up(turn)
            raise

    def give(self) -> None:
        """Give a permit back: to whoever waits longest, if anybody does."""
        with self._lock:
            self._free += 1
            self._hand_out()

    def _hand_out(self) -> None:
        """Let those go on who wait, as long as there are permits; called with the lock held."""
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().release()

    def _give_up(self, turn: threading.Lock) -> None:
        """Leave the queue, or give back the permit that came in the same moment."""
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._free += 1
                self._hand_out()

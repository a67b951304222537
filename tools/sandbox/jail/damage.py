"""Signs that a call left its process damaged, so that it should not make another.

A program that hides its traces is not found out here; it is bounded by the number of calls a process makes.
"""

import _thread
import builtins
import gc
import resource
import signal
import sys
import time

_LOOK_EVERY_S = 0.002  # a full look takes 10 us: of calls that take less than that, not each is worth one


_HEALTHY_BUILTINS = dict(vars(builtins))  # taken in the parent: in a worker, the copy would touch 60 shared pages


class Damage:
    """Watches the calling process from load to end.

    Args:
        memory_mb: What the program may use; half of it kept after a call counts as damage.
        kept: Whether the process is to make calls beyond its first batch; if not, nothing is looked for.
    """

    def __init__(self, memory_mb: int, *, kept: bool) -> None:
        self._half_memory_kb = memory_mb * 512
        self._marked = not kept
        self._next_look = 0.0
        self._memory_mb = memory_mb
        self._half_life_cpu_s = resource.getrlimit(resource.RLIMIT_CPU)[0] / 2
        self.remember()
        self._peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def remember(self) -> None:
        """Take the present recursion limit as healthy: many programs raise it once, when they load."""
        self._recursion_limit = sys.getrecursionlimit()

    def mark(self) -> None:
        """Note damage that only the caller of this can know of."""
        self._marked = True

    def seen(self) -> bool:
        """Say whether there is a sign of damage; threads are looked for each time, the rest every so often."""
        if not self._marked:
            self._marked = _thread._count() > 0
            now = time.perf_counter()
            if now > self._next_look:
                self._next_look = now + _LOOK_EVERY_S
                self._marked = self._marked or self._changed() or self._worn_out()
        return self._marked

    def memory_used_up(self) -> bool:
        """Say whether a MemoryError came from use, and not from one request that was absurd.

        Called while the program's frames still hold what they hold.
        """
        try:
            bytearray(self._memory_mb << 17)  # an eighth
        except MemoryError:
            return True
        return False

    def _grown_kb(self) -> int:
        """Return how far the peak of resident memory has risen."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._peak_kb

    def _changed(self) -> bool:
        """Say whether something that calls share was changed."""
        return (
            vars(builtins) != _HEALTHY_BUILTINS
            or sys.getrecursionlimit() != self._recursion_limit
            or signal.getitimer(signal.ITIMER_REAL)[0] > 0
            or sys.gettrace() is not None
            or sys.getprofile() is not None
            or bool(gc.callbacks)
        )

    def _worn_out(self) -> bool:
        """Say whether the process nears the end of its memory or of its processor time."""
        return self._grown_kb() > self._half_memory_kb or time.process_time() > self._half_life_cpu_s

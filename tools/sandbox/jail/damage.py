"""Signs that a call left its process damaged, so that it should not make another.

A program that hides its traces is not found out here; it is bounded by the number of calls a process makes.
"""

import _thread
import builtins
import resource
import signal
import sys
import time

_FULL_LOOK_EVERY = 64


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
        self._looks = 0
        self._half_life_cpu_s = resource.getrlimit(resource.RLIMIT_CPU)[0] / 2
        self._recursion_limit = sys.getrecursionlimit()
        self._peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def mark(self) -> None:
        """Note damage that only the caller of this can know of."""
        self._marked = True

    def seen(self) -> bool:
        """Say whether there is a sign of damage; threads are looked for each time, the rest every so often."""
        if not self._marked:
            self._marked = _thread._count() > 0
            if self._looks % _FULL_LOOK_EVERY == 0:
                self._marked = self._marked or self._changed() or self._worn_out()
            self._looks += 1
        return self._marked

    def memory_used_up(self) -> bool:
        """Say whether a MemoryError came from use, and not from one request that was absurd."""
        return self._grown_kb() > self._half_memory_kb

    def _grown_kb(self) -> int:
        """Return how far the peak of resident memory has risen."""
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._peak_kb

    def _changed(self) -> bool:
        """Say whether something that calls share was changed."""
        return (
            vars(builtins) != _HEALTHY_BUILTINS
            or sys.getrecursionlimit() != self._recursion_limit
            or signal.getitimer(signal.ITIMER_REAL)[0] > 0
        )

    def _worn_out(self) -> bool:
        """Say whether the process nears the end of its memory or of its processor time."""
        return self._grown_kb() > self._half_memory_kb or time.process_time() > self._half_life_cpu_s

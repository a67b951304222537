"""A meter: what asking a language model has cost, against limits that are checked before each call."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ravelar.tools.errors import BudgetExhausted


@dataclass(slots=True)
class MeteredCall:
    """One call while it runs; whoever makes it says what it used.

    Attributes:
        tokens_in: Tokens of what was sent.
        tokens_out: Tokens of the reply.
    """

    tokens_in: int = 0
    tokens_out: int = 0


class Meter:
    """Counts calls, tokens and seconds; refuses the call that would exceed a limit. Safe between threads.

    A call's prompt is counted against the limit before it is made. The length of a reply is known only afterwards,
    so that the last calls before the limit may pass it by their replies. Seconds are those spent waiting
    for the model, added up over calls; calls side by side add up as well.

    Args:
        calls: How many calls there may be; None means no limit.
        tokens: How many tokens, sent and received.
        seconds: How many seconds.
        spent: What an earlier meter's `spent()` said: a resumed run goes on counting there.
        clock: What tells the time, in seconds.
    """

    def __init__(
        self,
        *,
        calls: int | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        spent: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = {"calls": calls, "tokens": tokens, "seconds": seconds}
        before = dict(spent or {})
        self._calls = int(before.get("calls", 0))
        self._tokens_in = int(before.get("tokens_in", 0))
        self._tokens_out = int(before.get("tokens_out", 0))
        self._seconds = float(before.get("seconds", 0.0))
        self._reserved = 0
        self._clock = clock
        self._lock = threading.Lock()

    @contextmanager
    def call(self, tokens: int = 0) -> Iterator[MeteredCall]:
        """Surround one call; it counts whether or not it fails.

        Args:
            tokens: An estimate of what is sent.

        Raises:
            BudgetExhausted: before the call, if it would exceed a limit.
        """
        self._reserve(tokens)
        used, started = MeteredCall(), self._clock()
        try:
            yield used
        finally:
            with self._lock:
                self._reserved -= tokens
                self._tokens_in += used.tokens_in
                self._tokens_out += used.tokens_out
                self._seconds += self._clock() - started

    def check(self, tokens: int = 0) -> None:
        """Raise what a call would raise, without making one.

        Raises:
            BudgetExhausted: if a call that sends so many tokens would exceed a limit.
        """
        with self._lock:
            self._refuse_beyond(tokens)

    def spent(self) -> dict[str, float]:
        """Return what was used, as plain JSON: calls, tokens_in, tokens_out, seconds."""
        with self._lock:
            return {
                "calls": self._calls,
                "tokens_in": self._tokens_in,
                "tokens_out": self._tokens_out,
                "seconds": round(self._seconds, 3),
            }

    def _reserve(self, tokens: int) -> None:
        with self._lock:
            self._refuse_beyond(tokens)
            self._calls += 1
            self._reserved += tokens

    def _refuse_beyond(self, tokens: int) -> None:
        calls, most_tokens, seconds = self.limits["calls"], self.limits["tokens"], self.limits["seconds"]
        if calls is not None and self._calls + 1 > calls:
            raise BudgetExhausted("llm_calls", calls)
        used = self._tokens_in + self._tokens_out + self._reserved
        if most_tokens is not None and (used + tokens > most_tokens or used >= most_tokens):
            raise BudgetExhausted("tokens", most_tokens)
        if seconds is not None and self._seconds >= seconds:
            raise BudgetExhausted("seconds", seconds)


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens where nobody has counted them: a quarter of its UTF-8 bytes."""
    return len(text.encode("utf-8", "replace")) // 4

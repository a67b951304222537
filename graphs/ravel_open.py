"""A run as this process has it open: its event log, what it may still spend, and how many may work at once."""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from ravelar.graphs.ravel_state import RavelContext, RavelState
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import BudgetExhausted
from ravelar.tools.writing.events import EVENTS, EventLog, spent_of
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.prices import Prices, read_prices
from ravelar.tools.writing.state import Spent, add_spent, nothing_spent


@dataclass(frozen=True, slots=True)
class OpenRun:
    """What the nodes of one run share in this process; all of it can be made again from log and state.

    Attributes:
        log: The event log.
        limits: The bounds.
        meter: What counts tokens and seconds, over all nodes together.
        seats: How many sections may be worked on at once.
        before: What was spent before this log's first event.
    """

    log: EventLog
    limits: Limits
    meter: Meter
    seats: threading.BoundedSemaphore
    before: Spent = field(default_factory=nothing_spent)

    @classmethod
    def of(cls, state: RavelState, context: RavelContext, log: EventLog | None = None) -> "OpenRun":
        """Open a run: a new one, or one that another process began.

        Args:
            state: The state as a node finds it.
            context: The settings.
            log: The log, if the caller has it open already.

        Raises:
            InputError: if the log can't be opened, or prices can't be read.
        """
        limits = context.limits()
        opened = log or EventLog(_path(context), prices=prices_of(context))
        before = nothing_spent() if opened.events else state.get("spent") or nothing_spent()
        used = add_spent(before, opened.spent())
        spent = {name: float(used[name]) for name in ("calls", "tokens_in", "tokens_out", "seconds")}
        meter = Meter(tokens=limits.max_tokens, seconds=limits.max_seconds, spent=spent)
        return cls(opened, limits, meter, threading.BoundedSemaphore(context.at_once), before)

    def check(self) -> None:
        """Raise if nothing more may be spent.

        Raises: BudgetExhausted: if tokens, seconds or money are used up.
        """
        self.meter.check()
        if self.limits.max_cost is not None:
            cost = self.before["cost"] + self.log.spent()["cost"]
            if cost >= self.limits.max_cost:
                raise BudgetExhausted("cost", self.limits.max_cost)

    def paid(self, role: str, step: int, section: str | None) -> Spent:
        """Return what a role's calls of one step took, those of a process that was killed amid it included."""
        place = (role, step, section)
        there = (event for event in list(self.log.events) if event["kind"] in {"call", "failed"})
        return spent_of(event for event in there if (event["role"], event["step"], event["section"]) == place)


def prices_of(context: RavelContext) -> Prices:
    """Return the prices, with those of the context's file.

    Raises: InputError: if the file can't be read.
    """
    return read_prices(Path(context.prices) if context.prices else None)


def _path(context: RavelContext) -> Path | None:
    return Path(context.log) / EVENTS if context.log else None

"""A stage at work: jobs -> at most n at once -> rows, each written as soon as it is there.

One failed job fails its row and nothing else. A run that is stopped, by a person, a cost ceiling or a kill, goes on
where it was: what has a row is not done again.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from ravelar.benchmark.evals.rows import Row, StageRows
from ravelar.tools.errors import BudgetExhausted, InputError, ModelUnavailable, RavelarError
from ravelar.tools.scoring import describe
from ravelar.tools.tracing.runs import traced

J = TypeVar("J")

_TRACED = ("score", "verdict", "better", "cut", "calls", "tokens_in", "tokens_out", "seconds", "end")
"""Fields of rows that go into traces: no texts, and no reasons, which may quote a reference."""
_HOPELESS_AFTER = 3  # ours: a stage of which so many jobs find no model, and none does, ends


@dataclass(frozen=True, slots=True)
class Stage(Generic[J]):
    """What is to be done.

    Attributes:
        jobs: What to do, by the key of its row.
        named: The fields that say of what a row is, also where its job failed.
        work: Does one job: returns the row's further fields, or raises a `RavelarError` that becomes the row's error.
        at_once: How many jobs run side by side.
        close: What is awaited when the stage has ended, however it did.
        on_row: Told of each row as it is written.
        name: What is done, for traces: each job is a run of that name, with the fields of `named` as its metadata.
    """

    jobs: Mapping[str, J]
    named: Callable[[J], Mapping[str, Any]]
    work: Callable[[J], Awaitable[Mapping[str, Any]]]
    at_once: int = 8
    close: Callable[[], Awaitable[None]] | None = None
    on_row: Callable[[Row], None] | None = None
    name: str = "job"


@dataclass(slots=True)
class Tally:
    """How a stage went.

    Attributes:
        made: Rows that hold a result.
        failed: Rows that hold an error, by the error's name.
        kept: Rows that were there before.
        stopped: Why the stage ended before all was done; "" if it did not.
        seconds: Wall time.
    """

    made: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    stopped: str = ""
    seconds: float = 0.0


async def run_stage(stage: Stage[J], rows: StageRows, *, retry_failed: bool = False) -> Tally:
    """Do what has no row yet.

    A job that finds a budget exhausted ends the stage: its row is left for the next run. So do many jobs in a row
    that find no model.

    Raises:
        InputError: if a row can't be written.
    """
    wanted = rows.wanted(stage.jobs, retry_failed=retry_failed)
    tally = Tally(kept=len(stage.jobs) - len(wanted))
    started = time.monotonic()
    try:
        await _Crew(stage, rows, tally).work_on(wanted)
    finally:
        tally.seconds = time.monotonic() - started
        if stage.close:
            await stage.close()
    return tally


class _Crew(Generic[J]):
    def __init__(self, stage: Stage[J], rows: StageRows, tally: Tally) -> None:
        self._stage, self._rows, self._tally = stage, rows, tally
        self._unavailable = 0

    async def work_on(self, keys: Sequence[str]) -> None:
        source = iter(keys)
        workers = [
            asyncio.create_task(self._worker(source)) for _ in range(max(1, min(self._stage.at_once, len(keys))))
        ]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _worker(self, source: Iterator[str]) -> None:
        for key in source:
            if self._tally.stopped:
                return
            fields = await self._done(key)
            if fields is not None:
                self._write(key, fields)

    async def _done(self, key: str) -> Mapping[str, Any] | None:
        """Return a row's fields, its error among them; None if the stage must end instead."""
        job = self._stage.jobs[key]
        try:
            with traced(self._stage.name, tags=("benchmark",), **self._stage.named(job)) as run:
                fields = await self._stage.work(job)
                run.ended_with(lambda: {name: fields[name] for name in _TRACED if name in fields})
            return fields
        except BudgetExhausted as error:
            self._tally.stopped = str(error)
            return None
        except InputError:
            raise
        except RavelarError as error:
            return {"error": describe(error)}
        except Exception as error:  # noqa: BLE001  one job's bug must not take the others' rows with it
            return {"error": f"Bug: {describe(error)}"}

    def _write(self, key: str, fields: Mapping[str, Any]) -> None:
        row = {"key": key, **self._stage.named(self._stage.jobs[key]), **fields}
        self._rows.append(row)
        error = row.get("error")
        if error is None:
            self._tally.made += 1
            self._unavailable = 0
        else:
            name = str(error).partition(":")[0]
            self._tally.failed[name] += 1
            self._unavailable += name == ModelUnavailable.__name__
            if self._unavailable >= _HOPELESS_AFTER and not self._tally.made:
                self._tally.stopped = f"{self._unavailable} calls found no model: {error}"
        if self._stage.on_row:
            self._stage.on_row(row)

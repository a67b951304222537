"""The work of `ravelar score`: rows in, rewards out, in order, in constant memory, whatever happens."""

import signal
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import click

from ravelar.calls import default_library, default_router
from ravelar.cli.interruption import Terminated, termination
from ravelar.cli.progress import RowProgress
from ravelar.cli.reward_file import RewardFile
from ravelar.cli.score_table import show_json, show_table
from ravelar.cli.score_watch import Watch
from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.rows import BadRow, Row, RowFormat, read_rows, size_of
from ravelar.tools.scoring import score
from ravelar.tools.tally import Tally

CHUNK = 256  # rows scored together: large enough for batches, small enough to lose little
_COMPLAINTS = 5  # unreadable rows named one by one; the rest are counted
UNREADABLE = "unreadable row"
_FIELDS = {"UnusableReference": "reference", "UnusablePrompt": "prompt", "TooLong": "completion"}


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """What `ravelar score` was asked to do; see its options."""

    files: tuple[str, ...]
    columns: Columns = field(default_factory=Columns)
    out: Path | None = None
    tool: str | None = None
    jobs: int = 1
    as_json: bool = False
    row_format: RowFormat | None = None
    threshold: float = 0.5
    sandbox: str = "local"
    checks: Mapping[str, str] = field(default_factory=dict)
    resume: bool = False
    overwrite: bool = False
    detail: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row ready to be scored: its triple, or why there is none."""

    place: str
    triple: Triple | None
    reason: str | None
    label: bool | None
    offset: int


Timings = list[tuple[str, int, float]]
Chunk = list[Prepared]
Scored = tuple[Chunk, list[Reward], Timings]


def run(job: ScoreJob) -> int:
    """Do the job; return the exit code.

    Raises:
        InputError: before anything is written, if the job can't be done as asked.
    """
    if job.tool is not None:
        default_library(job.sandbox)[job.tool]
    watch = Watch(default_library(job.sandbox), job.checks)
    sources = [(path, read_rows(path, job.row_format)) for path in job.files]
    sizes = [size_of(path) for path in job.files]
    rewards = RewardFile(job.out, resume=job.resume, overwrite=job.overwrite)
    tally, complaints = Tally(job.threshold), Complaints()
    progress = RowProgress(None if None in sizes else sum(size or 0 for size in sizes))
    prepared = _prepare(sources, job.columns)
    try:
        with rewards, termination(), progress:
            done = _skip_written(rewards, prepared, tally)
            for row, (ready, reward) in enumerate(_scored(prepared, job, tally, watch), start=done):
                rewards.append(_as_row(row, ready, reward, detail=job.detail))
                tally.add(reward, ready.label)
                complaints.hear(ready)
                progress.at(row + 1, ready.offset)
    except (KeyboardInterrupt, Terminated, BrokenProcessPool) as error:
        _finish(job, tally, complaints)
        return _stopped(error, job)
    _finish(job, tally, complaints)
    watch.report()
    return 1 if complaints.heard else 0


class Complaints:
    """Unreadable rows: the first few are named on standard error, all are counted."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self, row: Prepared) -> None:
        """Count the row if it could not be read, and name it if it is among the first."""
        if row.reason is None:
            return
        self.heard += 1
        if self.heard <= _COMPLAINTS:
            click.echo(f"ravelar: {row.place}: {row.reason}", err=True)

    def close(self) -> None:
        """Say how many more there were."""
        if self.heard > _COMPLAINTS:
            click.echo(f"ravelar: ... and {self.heard - _COMPLAINTS:,} more unreadable rows", err=True)


def _prepare(sources: Iterable[tuple[str, Iterator[Row | BadRow]]], columns: Columns) -> Iterator[Prepared]:
    before = 0
    for path, rows in sources:
        for row in rows:
            yield _prepared(row, columns, before)
        before += size_of(path) or 0


def _prepared(row: Row | BadRow, columns: Columns, before: int) -> Prepared:
    offset = before + row.offset
    if isinstance(row, BadRow):
        return Prepared(row.place, None, row.reason, None, offset)
    try:
        return Prepared(row.place, columns.triple(row.values), None, columns.truth(row.values), offset)
    except InputError as error:
        return Prepared(row.place, None, str(error), None, offset)


def _scored(
    prepared: Iterator[Prepared], job: ScoreJob, tally: Tally, watch: Watch
) -> Iterator[tuple[Prepared, Reward]]:
    """Yield each row with its reward, in order."""
    chunks = iter(lambda: list(islice(prepared, CHUNK)), [])
    for chunk, rewards, timings in _score_chunks(chunks, job):
        for timing in timings:
            tally.add_time(*timing)
        watch.observe([row.triple for row in chunk], rewards, timings)
        yield from zip(chunk, rewards, strict=True)


def _score_chunks(chunks: Iterator[Chunk], job: ScoreJob) -> Iterator[Scored]:
    if job.jobs == 1:
        yield from (score_chunk(chunk, job.tool, job.sandbox) for chunk in chunks)
        return
    # Spawned, not forked: the parent may hold threads (progress) and worker pipes that must not be shared.
    pool = ProcessPoolExecutor(job.jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupts)
    try:
        waiting: deque[Future[Scored]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(score_chunk, chunk, job.tool, job.sandbox))
            if len(waiting) >= 2 * job.jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def score_chunk(chunk: Chunk, tool: str | None, sandbox: str = "local") -> Scored:
    """Score a chunk with the tools there are; return it with its rewards and the tools' timings."""
    timings: Timings = []
    triples = [row.triple for row in chunk if row.triple is not None]
    library = default_library(sandbox)
    router = None if tool else default_router(sandbox)
    scored = iter(
        score(triples, library=library, router=router, tool=tool, on_batch=lambda *batch: timings.append(batch))
    )
    rewards = [
        next(scored) if row.triple is not None else Reward(None, None, f"{UNREADABLE}: {row.reason}") for row in chunk
    ]
    return chunk, rewards, timings


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us


def _as_row(number: int, row: Prepared, reward: Reward, *, detail: bool) -> dict[str, object]:
    reason = reward.reason
    kind = (reason or "").split(":", 1)[0]
    if reason is not None and (reward.value is None or kind in _FIELDS):
        where = f"{row.place}: {_FIELDS[kind]}" if kind in _FIELDS else row.place
        reason = f"{where}: {reason}"
    line = {"row": number, **reward.as_row(), "reason": reason}
    return {**line, "detail": reward.detail} if detail else line


def _skip_written(rewards: RewardFile, prepared: Iterator[Prepared], tally: Tally) -> int:
    """Count the rows that an earlier run wrote and pass over their input; return how many there were."""
    done = 0
    for row in rewards.written():
        ready = next(prepared, None)
        if ready is None:
            raise InputError(f"{rewards.path} holds more rows than the input; was it made from other files?")
        tally.add(Reward(row["reward"], row["tool"], _bare(row["reason"], ready.place), row["raw"]), ready.label)
        done += 1
    return done


def _bare(reason: str | None, place: str) -> str | None:
    """Take off what `_as_row` put before a reason."""
    bare = (reason or "").removeprefix(f"{place}: ")
    for where in _FIELDS.values():
        bare = bare.removeprefix(f"{where}: ")
    return bare or None


def _stopped(error: BaseException, job: ScoreJob) -> int:
    """Say what ended the run early and how to go on; return the exit code."""
    names = {KeyboardInterrupt: ("interrupted", 130), Terminated: ("terminated", 143)}
    said, code = names.get(type(error), ("a scoring process died (killed, or out of memory)", 1))
    kept = f"; {job.out} is valid as it is, --resume continues it" if job.out else ""
    click.echo(f"ravelar: {said}{kept}", err=True)
    return code


def _finish(job: ScoreJob, tally: Tally, complaints: Complaints) -> None:
    complaints.close()
    if job.as_json:
        show_json(tally, complaints.heard)
    else:
        show_table(tally, to_stderr=job.out is None)
    sys.stdout.flush()

"""What `ravelar eval rewards` does: open the scorer, run, and print figures."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from ravelar.benchmark.evals.rewards.board import HEADLINE, compared
from ravelar.benchmark.evals.rewards.figures import Figure, Said, figures
from ravelar.benchmark.evals.rewards.formats import BENCHMARKS, read_cases
from ravelar.benchmark.evals.rewards.given import read_given
from ravelar.benchmark.evals.rewards.run import (
    Finished,
    Prices,
    chosen,
    estimate,
    manifest,
    said_of,
    spent,
)
from ravelar.benchmark.evals.rewards.run import run as run_cases
from ravelar.benchmark.evals.rewards.scorers import Scorer
from ravelar.benchmark.evals.row_file import RowFile, every_row
from ravelar.cli.interruption import Terminated, giving_up_soon
from ravelar.cli.progress import RowProgress
from ravelar.cli.reward_scorers import opened
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import BudgetExhausted, InputError, UnknownName
from ravelar.tools.tracing.runs import bearing

SCORERS = ("tool", "route", "hub", "remote", "judge", "given")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardJob:
    """What was asked for: the command's options by their names."""

    benchmark: str
    files: tuple[Path, ...]
    tool: str | None
    route: bool
    hub: str | None
    remote: str | None
    judge: str | None
    given: bool
    out: Path | None
    resume: bool
    overwrite: bool
    retry_failed: bool
    limit: int | None
    seed: int
    name: str | None
    references: bool
    remote_model: str | None
    max_download_gb: float
    allow_remote_code: bool
    base_url: str | None
    rubric: Path | None
    repeats: int
    concurrency: int
    max_calls: int | None
    max_tokens: int | None
    price_in: float | None
    price_out: float | None
    dry_run: bool
    as_json: bool

    def __post_init__(self) -> None:
        if self.benchmark not in BENCHMARKS:
            raise UnknownName("reward benchmark", self.benchmark, BENCHMARKS)
        asked = [name for name in SCORERS if getattr(self, name)]
        if len(asked) != 1:
            flags = ", ".join(f"--{name}" for name in SCORERS)
            raise InputError(f"one of {flags} says who scores; given: {', '.join(asked) or 'none'}")
        if self.given and (self.out or self.limit or self.dry_run):
            raise InputError("--given counts scores that are there; --out, --limit and --dry-run do not go with it")
        if not self.given and self.out is None and not self.dry_run:
            raise InputError("--out FILE is needed: rows are kept as soon as they are there")
        if self.retry_failed and not self.resume:
            raise InputError("--retry-failed goes with --resume")
        if self.rubric is not None and self.judge is None:
            raise InputError("--rubric goes with --judge")

    @property
    def prices(self) -> Prices:
        """What the judge costs."""
        return Prices(self.price_in, self.price_out)


def run(job: RewardJob) -> int:
    """Do what was asked for; return the exit code."""
    return _count(job) if job.given else _score(job)


def _count(job: RewardJob) -> int:
    said = read_given(job.benchmark, job.files)
    found = {system: figures(job.benchmark, rows, seed=job.seed) for system, rows in said.items()}
    words = compared(job.benchmark, said, seed=job.seed).words() if len(said) > 1 else []
    if job.as_json:
        systems = {system: [one.as_row() for one in rows] for system, rows in found.items()}
        click.echo(json.dumps({"benchmark": job.benchmark, "systems": systems, "words": words}))
    else:
        for system, rows in found.items():
            _show(system, rows)
        if words:
            click.echo(f"\nBy {HEADLINE[job.benchmark][0]}:")
            click.echo("\n".join(words))
    return int(any(rows[0].unscored for rows in found.values()))


def _score(job: RewardJob) -> int:
    cases = chosen(read_cases(job.benchmark, job.files), job.limit, job.seed)
    if not job.references:
        cases = [case.without_reference() for case in cases]
    meter = Meter(calls=job.max_calls, tokens=job.max_tokens)
    scorer, name = opened(job, meter)
    if job.dry_run:
        return _tell(job, estimate(cases, scorer, job.prices))
    assert job.out is not None, "checked when the job was made"
    named = job.name or name
    about = manifest(
        job.benchmark, job.files, scorer, name=named, limit=job.limit, seed=job.seed, references=job.references
    )
    with RowFile(job.out, about, resume=job.resume, overwrite=job.overwrite) as rows:
        with bearing(benchmark=job.benchmark, system=named, seed=job.seed):
            finished, interrupted = _run(job, cases, scorer, rows, meter)
        said = said_of(cases, rows.rows)
        cost = spent(every_row(job.out), job.prices)
    _report(job, named, said, finished, cost)
    return interrupted or int(finished.failed > 0 or finished.missing > 0)


def _run(job: RewardJob, cases: list[Any], scorer: Scorer, rows: RowFile, meter: Meter) -> tuple[Finished, int]:
    """Run until the end, a limit, or an interruption; return how it ended, and the exit code of an interruption."""
    done = 0

    def count(_judged: object) -> None:
        nonlocal done
        done += 1
        progress.at(done, 0)

    try:
        with (
            giving_up_soon("interrupted; --resume goes on"),
            RowProgress(None) as progress,
        ):
            return (
                run_cases(
                    cases,
                    scorer,
                    rows,
                    retry_failed=job.retry_failed,
                    limit_reached=lambda: _limit(meter),
                    on_row=count,
                ),
                0,
            )
    except (KeyboardInterrupt, Terminated) as stopped:
        failed = sum(row["error"] is not None for row in rows.rows.values())
        missing = sum(case.key not in rows.rows for case in cases)
        code = 143 if isinstance(stopped, Terminated) else 130
        return Finished(done, len(cases) - missing - done, failed, missing, "interrupted"), code


def _limit(meter: Meter) -> str | None:
    try:
        meter.check()
    except BudgetExhausted as error:
        return str(error)
    return None


def _tell(job: RewardJob, estimated: dict[str, Any]) -> int:
    if job.as_json:
        click.echo(json.dumps(estimated))
        return 0
    parts = [
        f"{name.replace('_', ' ')}: {value:,}" for name, value in estimated.items() if name != "cost_usd" and value
    ]
    cost = estimated.get("cost_usd")
    money = (
        [] if "calls" not in estimated else [f"about {cost:,.2f} US dollars" if cost is not None else "price unknown"]
    )
    click.echo("; ".join([*parts, *money]))
    return 0


def _report(job: RewardJob, name: str, said: Said, finished: Finished, cost: dict[str, Any] | None) -> None:
    found = figures(job.benchmark, said, seed=job.seed)
    if job.as_json:
        rows = [one.as_row() for one in found]
        run_facts = asdict(finished)
        click.echo(json.dumps({"benchmark": job.benchmark, "system": name, "figures": rows, **run_facts, "cost": cost}))
        return
    _show(name, found)
    click.echo(f"{finished.asked:,} cases scored now, {finished.kept:,} kept from before, {finished.failed:,} failed")
    if cost is not None:
        money = "price unknown" if cost["cost_usd"] is None else f"{cost['cost_usd']:,.2f} US dollars"
        click.echo(
            f"{cost['calls']:,} calls, {cost['tokens_in']:,} tokens sent, {cost['tokens_out']:,} received, {money}"
        )
    if finished.missing:
        click.echo(f"{finished.missing:,} cases are open ({finished.because}): --resume goes on", err=True)
    _why(said)


def _why(said: Said) -> None:
    """Name the most frequent reasons for unscored cases."""
    reasons: dict[str, int] = {}
    for _, one in said:
        if one is not None and one.error is not None:
            reasons[one.error[:160]] = reasons.get(one.error[:160], 0) + 1
    for reason, n in sorted(reasons.items(), key=lambda pair: -pair[1])[:3]:
        click.echo(f"{n:,} unscored: {reason}", err=True)


def _show(name: str, found: list[Figure]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, title=name, title_justify="left")
    table.add_column("figure")
    for title in ("value", "95 % interval", "n", "unscored", "if those were wrong"):
        table.add_column(title, justify="right")
    for one in found:
        span = "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"
        cells = (_cell(one.value), span, f"{one.n:,}", f"{one.unscored:,}", _cell(one.at_least) if one.unscored else "")
        table.add_row(one.name, *cells)
    Console().print(table)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"

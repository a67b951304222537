"""`ravelar bench`: speed and memory on this machine, as a table or as JSON."""

import json

import click

from ravelar.cli.bench_judge import judge
from ravelar.cli.bench_measures import measures
from ravelar.cli.bench_route import route
from ravelar.cli.bench_serve import serve
from ravelar.cli.bench_tracing import tracing
from ravelar.cli.bench_train_reward import train_reward
from ravelar.cli.bench_write import write
from ravelar.cli.figures import show_figures

_GOALS = {  # what issue and docs promise; a benchmark shows them beside what this machine did
    "overhead_us_per_triple": "at most 20",
    "numeric_per_s": "at least 20,000",
    "peak_ratio": "about 1: flat",
    "import_s": "under 0.15",
    "help_s": "under 0.4",
    "per_tool_batched_calls_per_s": "at least 50,000",
    "per_tool_calls_per_s": "at least 9,000",
    "per_call_calls_per_s": "at least 350",
    "per_tool_to_exec": "at least 0.9",
    "idle_worker_mb": "under 15",
}


@click.group("bench")
def command() -> None:
    """Measure speed and memory on this machine; a busy machine gives poor figures."""


command.add_command(judge)
command.add_command(measures)
command.add_command(route)
command.add_command(serve)
command.add_command(write)
command.add_command(train_reward)
command.add_command(tracing)


@command.command("score")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--rows", type=click.IntRange(min=10_000), default=1_000_000, show_default=True, help="Long stream.")
def score(as_json: bool, rows: int) -> None:
    """Measure the score path: overhead per triple, plain numeric checks, memory of a long stream, start-up."""
    from ravelar.benchmark.score_speed import measure  # noqa: PLC0415  not for `--help`

    figures = measure(rows=rows)
    click.echo(json.dumps(figures)) if as_json else show_figures(figures, _GOALS)


@command.command("sandbox")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="Per figure.")
def sandbox(as_json: bool, seconds: float) -> None:
    """Measure the local sandbox beside exec in process, a fork with guards and `python -I`, on one core."""
    from ravelar.benchmark.sandbox_speed import measure  # noqa: PLC0415  not for `--help`

    figures = measure(seconds=seconds)
    if as_json:
        click.echo(json.dumps(figures))
        return
    latencies = figures.pop("latencies_ms")
    show_figures(figures, _GOALS)
    show_figures({f"{way}, {name}, ms": ms for way, times in latencies.items() for name, ms in times.items()}, {})

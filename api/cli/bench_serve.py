"""`ravelar bench serve`: the reward service under load, on the loopback."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

_WIDTH = 100  # characters that the table needs
_GOAL = (
    "Goal: service and routed at least 0.9 of a plain FastAPI function that calls the same verifier. Ratios to `def` "
    "and `async` are of rates (each one's best slice) and of the server's processor time per request."
)
_COLUMNS = {
    "clients": ("clients", ",.0f"),
    "rows": ("rows", ",.0f"),
    "req/s": ("requests_per_s", ",.0f"),
    "rows/s": ("completions_per_s", ",.0f"),
    "p50 ms": ("p50_ms", ".2f"),
    "p99 ms": ("p99_ms", ".1f"),
    "cpu µs": ("cpu_us", ",.0f"),
    "def": ("rate_to_def", ".2f"),
    "by cpu": ("cpu_def_to", ".2f"),
    "async": ("rate_to_async", ".2f"),
    "by cpu ": ("cpu_async_to", ".2f"),
}


@click.command("serve")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--seconds", type=click.FloatRange(0.05, 60), default=0.2, show_default=True, help="Of each slice.")
@click.option("--rounds", type=click.IntRange(1, 100), default=12, show_default=True, help="Slices of each system.")
@click.option("--minutes", type=click.FloatRange(0.05, 120), help="Instead: memory under so many minutes of load.")
@click.option("--ray", is_flag=True, help="Instead: the service on Ray, started here, beside the one without.")
def serve(as_json: bool, seconds: float, rounds: int, minutes: float | None, ray: bool) -> None:
    """Measure the reward service with 1, 8 and 64 clients, beside plain FastAPI functions with the same verifier."""
    from ravelar.tools.extras import need  # noqa: PLC0415  not for `--help`

    for module in ("fastapi", "uvicorn", "prometheus_client"):
        need(module, extra="serve", what="ravelar bench serve")
    from ravelar.benchmark.service_load import beside_cluster, measure, memory_under_load  # noqa: PLC0415

    figures: Any
    if ray:
        need("ray", extra="ray", what="ravelar bench serve --ray")
        figures = beside_cluster(seconds=seconds, rounds=rounds)
    else:
        figures = memory_under_load(minutes) if minutes else measure(seconds=seconds, rounds=rounds)
    if as_json:
        click.echo(json.dumps(figures))
    elif minutes:
        for name, figure in figures.items():
            click.echo(f"{name}: {figure:,.1f}")
    elif ray:
        _show_beside(figures)
    else:
        _show(figures)


def _show_beside(figures: Sequence[Mapping[str, Any]]) -> None:
    for row in figures:
        click.echo("  ".join(f"{name} {figure:,.2f}" for name, figure in row.items()))


def _show(figures: Sequence[Mapping[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("system", no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for row in figures:
        table.add_row(row["system"], *(format(row[key], form) for key, form in _COLUMNS.values()))
    console = Console()
    console = console if console.width >= _WIDTH else Console(width=_WIDTH)
    console.print(table)
    console.print(_GOAL, highlight=False)

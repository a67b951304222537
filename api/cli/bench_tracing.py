"""`ravelar bench tracing`: what traces cost, on and off, and at the end of a process."""

import json

import click

from ravelar.cli.figures import show_figures

_GOALS = {
    "off_ratio": "about 1",
    **{f"exit_{name}_s": "under 1 more than off" for name in ("not_there", "hangs", "refuses")},
    **{f"exit_collector_{name}_s": "under 1 more than off" for name in ("not_there", "hangs")},
}


@click.command("tracing")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--runs", type=click.IntRange(1, 50), default=5, show_default=True, help="Processes of each kind.")
def tracing(as_json: bool, runs: int) -> None:
    """Measure what traces cost: switched off, for each batch, and at a process's end with sinks that are no use."""
    from ravelar.benchmark.tracing_cost import measure  # noqa: PLC0415  not for `--help`

    figures = measure(runs=runs)
    click.echo(json.dumps(figures)) if as_json else show_figures(figures, _GOALS)

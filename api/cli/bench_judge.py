"""`ravelar bench judge`: what our stage adds to a judge's calls."""

import json

import click

from ravelar.cli.eval_options import need_eval
from ravelar.cli.figures import show_figures

_GOALS = {"ours_to_bare": "at most 1.15"}


@click.command("judge")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--calls", type=click.IntRange(64, 20_000), default=1_258, show_default=True, help="Calls a round.")
@click.option("--at-once", type=click.IntRange(1, 256), default=64, show_default=True, help="Side by side.")
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="Rounds of each, in turn.")
def judge(as_json: bool, calls: int, at_once: int, rounds: int) -> None:
    """Measure a judge's calls on a loopback model of 50 ms: our stage, a bare bounded gather, and the ideal."""
    need_eval("ravelar bench judge")
    from ravelar.benchmark.judge_speed import measure  # noqa: PLC0415  not for `--help`

    figures = measure(calls=calls, at_once=at_once, rounds=rounds)
    click.echo(json.dumps(figures)) if as_json else show_figures(figures, _GOALS)

"""`ravelar eval`: writers, judges and reward tools measured. Each subcommand's module is imported when it is used."""

import click

from ravelar.cli.lazy import LazyGroup

SUBCOMMANDS = {
    "c3e": "C3EBench: fetch it, have texts written, make items of one's own.",
    "judge": "Have a run's texts judged, or compared in pairs.",
    "rewards": "Score a reward benchmark with a tool, a model, a judge or RLAR's routing.",
    "select": "Does choosing or joining reward models help? Over given scores, without leaks.",
    "measures": "Measure a run's texts without a model: gates, and figures for drift.",
    "report": "Tables, intervals and one HTML page from runs.",
}


@click.group("eval", cls=LazyGroup, known=SUBCOMMANDS, modules="ravelar.cli.eval_")
def command() -> None:
    """Measure writers, judges and reward tools: rows first, then judgements, then figures with intervals."""

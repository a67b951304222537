"""`ravelar eval`: evaluations. Each subcommand's module is imported when it is used."""

import click

from ravelar.cli.lazy import LazyGroup

SUBCOMMANDS = {
    "rewards": "Score a reward benchmark with a reward tool, a model, a judge or RLAR's routing.",
    "select": "Does choosing or joining reward models help? Over given scores, without leaks.",
}


@click.group("eval", cls=LazyGroup, known=SUBCOMMANDS, modules="ravelar.cli.eval_")
def command() -> None:
    """Evaluate reward tools and judges on published benchmarks, with intervals."""

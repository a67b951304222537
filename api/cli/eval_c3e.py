"""`ravelar eval c3e`: C3EBench. Each subcommand's module is imported when it is used."""

import click

from ravelar.cli.lazy import LazyGroup

SUBCOMMANDS = {
    "fetch": "Fetch the published files, rebuild both sets and prove them.",
    "run": "Have texts written for the items; a row per text.",
    "build": "Make items from texts of one's own.",
    "contamination": "See whether a local model has seen the items.",
}


@click.group("c3e", cls=LazyGroup, known=SUBCOMMANDS, modules="ravelar.cli.eval_c3e_")
def command() -> None:
    """C3EBench (arXiv 2603.00686): cloze, expand, edit and end-to-end writing, in English and Chinese."""

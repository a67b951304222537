"""`ravelar train`: policies that learn from routed rewards. Each subcommand's module is imported when it is used."""

import click

from ravelar.cli.lazy import LazyGroup

SUBCOMMANDS = {
    "grpo": "Train a model with TRL's GRPO trainer and routed rewards.",
    "demo": "Watch a tiny policy learn several tasks: two minutes, nothing is downloaded.",
    "study": "Compare routed rewards with single ones on tiny policies.",
    "write-demo": "Watch a tiny policy learn to finish articles, in RAVEL's environment.",
    "export": "Export runs of `ravelar write` as data for SFT and preference training.",
}


@click.group("train", cls=LazyGroup, known=SUBCOMMANDS, modules="ravelar.cli.train_")
def command() -> None:
    """Train a policy with rewards that are routed, or in RAVEL's environment; export what it wrote as data."""

"""`ravelar train grpo`: its options."""

import click


@click.command("grpo")
def command() -> None:
    """Not there yet."""
    raise click.ClickException("not there yet")

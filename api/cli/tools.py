"""`ravelar tools`: the reward tools there are, and their cards."""

import json

import click

from ravelar.tools.card import Evidence, ToolCard

EPILOG = """\b
Examples:
  ravelar tools
  ravelar tools math_answer
  ravelar tools translation --json
"""


@click.command("tools", epilog=EPILOG)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def command(name: str | None, as_json: bool) -> None:
    """List the reward tools, or print the card of NAME."""
    from ravelar.calls import default_library  # noqa: PLC0415  not for `--help`

    library = default_library()
    if name is None:
        cards = [tool.card for tool in library]
        click.echo(json.dumps([card.model_dump(mode="json") for card in cards])) if as_json else _list(cards)
        return
    card = library[name].card
    click.echo(card.model_dump_json(indent=2) if as_json else described(card))


def _list(cards: list[ToolCard]) -> None:
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table("tool", "kind", "needs", "range", "for")
    for card in cards:
        table.add_row(card.name, card.kind, ", ".join(card.needs) or "-", _range(card), card.task)
    Console().print(table)


def _range(card: ToolCard) -> str:
    return f"{card.low:g} to {card.high:g}" + (", lower is better" if card.direction == "lower" else "")


def described(card: ToolCard) -> str:
    """Return a card as text for people."""
    lines = [
        f"{card.name}: {card.task}",
        "",
        card.summary,
        "",
        f"kind        {card.kind}",
        f"needs       {', '.join(card.needs) or 'the completion alone'}",
        f"raw range   {_range(card)}",
        f"provenance  {_provenance(card)}",
        "evidence    " + ("" if card.evidence else "none measured"),
        *(_fact(fact) for fact in card.evidence),
    ]
    return "\n".join(lines)


def _provenance(card: ToolCard) -> str:
    known = card.provenance
    return ", ".join(part for part in (known.source, known.revision, known.licence, known.note) if part)


def _fact(fact: Evidence) -> str:
    return (
        f"  {fact.measure}: {fact.value:.4f} (95 % {fact.low:.4f} to {fact.high:.4f}), n = {fact.n:,}, "
        f"{fact.unscored:,} unscored; on {fact.data}; {fact.made_by}"
    )

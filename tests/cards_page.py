"""Writes the cards of the built-in tools to docs/cards.md: `make cards`, or python -P tests/cards_page.py."""

from pathlib import Path

import ravelar
from ravelar.tools.card import Evidence, ToolCard

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cards.md"
_PROSE = ("verifiers.md", "ifeval.md", "code-rewards.md", "metrics.md")
_HEAD = """# Cards of the built-in tools

What each tool says of itself: `ravelar tools NAME` prints the same, and `GET /tools` of the service. This page is
written from the cards by `make cards`. A tool without evidence has none that was measured on labelled data; what it
decides is fixed by its rule, and its tests. Adopted tools have cards of the same form, by `ravelar library show NAME`.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *(_section(tool.card) for tool in ravelar.default_library())])


def _section(card: ToolCard) -> str:
    needs = ", ".join(card.needs) or "the completion alone"
    made = ", ".join(part for part in (card.provenance.source, card.provenance.revision, card.provenance.note) if part)
    lines = [
        f"## `{card.name}`\n",
        f"{_sentence(card.task)} {card.summary}\n",
        f"- Kind: {card.kind}; needs: {needs}; raw scores {card.low:g} to {card.high:g}, {card.direction} is better.",
        f"- From: {made}.",
        *(_measured(one) for one in card.evidence),
    ]
    if not card.evidence:
        lines.append("- No evidence on labelled data.")
    lines.append(f"- More: [{_prose(card.name)}]({_prose(card.name)}).\n")
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def _measured(one: Evidence) -> str:
    return (
        f"- Measured: {one.measure}: **{one.value:.4f}** ({one.low:.4f} to {one.high:.4f}), n = {one.n:,}, "
        f"{one.unscored:,} unscored; on {one.data}. Again: `{one.made_by}`."
    )


def _prose(name: str) -> str:
    """Return the page that describes a tool at length."""
    return next(page for page in _PROSE if f"`{name}`" in (PAGE.parent / page).read_text(encoding="utf-8"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

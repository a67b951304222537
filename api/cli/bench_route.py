"""`ravelar bench route`: how often a language model is asked to name a task, and how often the route is right."""

import json
from collections.abc import Mapping
from typing import Any

import click

_TITLES = {
    "default": "eight families, one by one",
    "default_frozen": "the same frozen, new prompts, beside the built-in rules",
    "two_late": "two more families from the middle on",
    "default_batches_of_64": "eight families, 64 at once, alike ones share a call",
    "real": "eight real data sets",
    "real_frozen": "learned from one half, frozen, on the other, beside the built-in rules",
    "real_after_rules": "the real ones that the built-in rules find no tool for; calls of all",
    "real_captured": "real prompts no one named, the eight made-up tasks adopted",
    "real_by_tool": "the real ones named by tool: six kinds",
    "real_late": "the real ones, two of them from the middle on",
    "real_and_judgebench": "the real ones and JudgeBench's mixture",
}

_COLUMNS = {
    "n": "prompts",
    "calls %": "calls_percent",
    "half 2": "calls_second_half_percent",
    "right %": "right_percent",
    "taken %": "captured_percent",
    "fit ms": "last_fit_ms",
    "µs each": "us_per_prompt",
}


@click.command("route")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--prompts", type=click.IntRange(min=100), default=10_000, show_default=True, help="In each mix.")
def route(as_json: bool, prompts: int) -> None:
    """Measure how many prompts of mixed tasks cause a call of a language model, and how many are routed right.

    An oracle stands for the language model: how often it is asked is measured, not how well it names. Goals, on
    eight families: at most 2 % calls, at least 99 % routed to their family's tool. Mixes of real data sets are left
    out where these are not beside the checkout (RAVELAR_SHARED names another place).
    """
    from ravelar.benchmark.route_cost import measure  # noqa: PLC0415  not for `--help`
    from ravelar.benchmark.route_real import missing  # noqa: PLC0415

    figures = measure(prompts=prompts)
    if as_json:
        click.echo(json.dumps(figures))
        return
    _show(figures)
    if absent := missing():
        click.echo(f"real data not here: {', '.join(absent)}")


def _show(figures: Mapping[str, Mapping[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("mix", no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right", min_width=6)
    for name, row in figures.items():
        table.add_row(name, *(_figure(row.get(key)) for key in _COLUMNS.values()))
    console = Console()
    console.print(table)
    for name, row in figures.items():
        mistakes = ", ".join(f"{family} as {taken}: {n:,}" for family, taken, n in row.get("confused", []))
        console.print(f"{name}: {_TITLES.get(name, name)}{f' ({mistakes})' if mistakes else ''}", highlight=False)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,}"

"""The closing table of `ravelar score`: per tool how many, how good, what was left out and why, how fast."""

import json
from collections.abc import Mapping
from typing import Any

import click

from ravelar.tools.tally import Tally


def show_json(tally: Tally, unreadable: int) -> None:
    """Print the figures as one JSON object on standard output."""
    tools = tally.as_json()
    total = {"rows": sum(tool["n"] for tool in tools), "unreadable": unreadable, "threshold": tally.threshold}
    click.echo(json.dumps({**total, "tools": tools}))


def show_table(tally: Tally, *, to_stderr: bool) -> None:
    """Print the figures as a table, then why rows are unscored."""
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only

    tools = tally.as_json()
    console = Console(stderr=to_stderr)
    if not tools:
        console.print("no rows")
        return
    console.print(_table(tools, labelled=any(tool["labelled"] for tool in tools)))
    for tool in tools:
        for reason, n in tool["unscored_reasons"].items():
            console.print(f"  {n:,} unscored, {tool['tool'] or 'no tool'}: {reason}", markup=False, highlight=False)


def _table(tools: list[Mapping[str, Any]], *, labelled: bool) -> Any:
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("tool", no_wrap=True)
    headings = ["n", "mean", "unscored", "rewards/s"]
    for heading in headings + (["labelled", "false accepts", "false rejects"] if labelled else []):
        table.add_column(heading, justify="right", max_width=9)
    for tool in tools:
        cells = [
            f"{tool['n']:,}",
            "-" if tool["mean"] is None else f"{tool['mean']:.3f}",
            f"{tool['unscored']:,}",
            f"{tool['rewards_per_s']:,.0f}" if tool["rewards_per_s"] else "-",
        ]
        if labelled:
            cells += [f"{tool[key]:,}" for key in ("labelled", "false_accepts", "false_rejects")]
        table.add_row(tool["tool"] or "(no tool fits)", *cells)
    return table

"""A benchmark's figures as a table for people."""

from collections.abc import Mapping


def show_figures(figures: Mapping[str, float], goals: Mapping[str, str]) -> None:
    """Print figures, with the goal beside each that has one."""
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.table import Table  # noqa: PLC0415

    table = Table("figure")
    table.add_column("measured", justify="right")
    table.add_column("goal", justify="right")
    for name, figure in figures.items():
        table.add_row(name, f"{figure:,.4g}" if figure < 1000 else f"{figure:,.0f}", goals.get(name, ""))
    Console().print(table)

"""The progress bar: rows and bytes on standard error, only where a person watches."""

import sys
import time
from collections.abc import Mapping
from typing import Any, Self

_EVERY_S = 0.1  # between two updates: the bar must not cost what the rows cost


class RowProgress:
    """A bar that knows how many bytes there are, or counts rows where nobody knows.

    Args:
        total_bytes: Size of all input; None if unknown.
    """

    def __init__(self, total_bytes: int | None) -> None:
        self._total = total_bytes
        self._bar: Any = None
        self._next = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task("scoring", total=self._total, rows=0)
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def at(self, rows: int, offset: int) -> None:
        """Show that so many rows, and so many bytes of input, are done."""
        if self._bar is not None and (now := time.monotonic()) >= self._next:
            self._next = now + _EVERY_S
            self._bar.update(self._task, completed=offset, rows=rows)


class StageProgress:
    """A bar over the rows of an evaluation's stage, with how many failed.

    Args:
        total: How many rows there are to be.
        name: What they are.
    """

    def __init__(self, total: int, name: str) -> None:
        self._total, self._name = total, name
        self._failed = 0
        self._bar: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task(self._name, total=self._total, rows=0)
            self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def row(self, row: Mapping[str, Any]) -> None:
        """Show that one more row is there."""
        if self._bar is not None:
            self._failed += row.get("error") is not None
            name = f"{self._name}, {self._failed} failed" if self._failed else self._name
            self._bar.update(self._task, advance=1, description=name)


def _bar() -> Any:
    from rich.console import Console  # noqa: PLC0415  60 ms, for people only
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )

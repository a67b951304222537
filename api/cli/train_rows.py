"""Studies whose rows are kept: whether these may be added to, and what is said when a study is interrupted."""

from collections.abc import Callable
from pathlib import Path

import click

from ravelar.cli.interruption import Terminated, termination


def check_rows(rows: Path, *, resume: bool, only_report: bool) -> None:
    """Check that rows are there where they are to be reported, and not there where a study begins anew.

    Raises: InputError: otherwise; says which option is for that.
    """
    from ravelar.tools.errors import InputError  # noqa: PLC0415  not for `--help`

    if only_report and not rows.exists():
        raise InputError(f"there are no rows to report: {rows} does not exist")
    if not only_report and not resume and rows.exists():
        raise InputError(f"{rows} is there already; --resume goes on after its rows, --report only reports them")


def interrupted_by(work: Callable[[], object]) -> int:
    """Do the work; return 0, or the exit code of what interrupted it, having said that --resume goes on."""
    try:
        with termination():
            work()
    except Terminated:
        click.echo("ravelar: terminated; --resume goes on", err=True)
        return 143
    except KeyboardInterrupt:
        click.echo("ravelar: interrupted; --resume goes on", err=True)
        return 130
    return 0

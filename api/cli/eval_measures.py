"""`ravelar eval measures`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import need_eval, run_options


@click.command("measures")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--jobs", type=click.IntRange(1, 2), default=2, show_default=True, help="Processes.")
@run_options
def command(folder: Path, **given: Any) -> int:
    """Measure the texts of a run without a model: which gates refuse them, and figures that only ever tell of drift.

    A row per text in RUN/measures.jsonl, resumed by running the same command again; `ravelar eval report` tells them.
    """
    need_eval("ravelar eval measures")
    from ravelar.cli.eval_stage import measure_texts  # noqa: PLC0415  not for `--help`

    return measure_texts(folder, **given)

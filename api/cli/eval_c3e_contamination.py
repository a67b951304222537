"""`ravelar eval c3e contamination`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import files_of, items_options, run_options


@click.command("contamination")
@items_options
@click.option("--model-path", required=True, help="A folder with a local model and its tokenizer.")
@click.option("--controls", type=click.Path(path_type=Path), required=True, help="Folder of texts it can't have seen.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where the rows go.")
@click.option("--device", default="cpu", show_default=True)
@run_options
def command(**given: Any) -> int:
    """See whether a local model has seen the items' references: perplexity, Min-K %, continuation, beside controls."""
    from ravelar.cli.eval_contamination import measure_contamination  # noqa: PLC0415  not for `--help`

    return measure_contamination(files_of(given.pop("source"), given["lang"]), **given)

"""`ravelar eval c3e run`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import files_of, items_options, model_options, run_options


@click.command("run")
@items_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option("--model", help="A language model that is asked once per item, such as openai:gpt-5-mini.")
@click.option("--ravel", help="Or RAVEL, with this model in every role.")
@click.option("--protocol", type=click.Choice(["autonomous", "fixed", "no_review", "no_refine"]), default="autonomous")
@click.option("--role", "roles", multiple=True, metavar="ROLE=MODEL", help="RAVEL's model for one role; repeatable.")
@click.option("--outputs", type=click.Path(path_type=Path), help="Or texts written elsewhere: infer_id, output, model.")
@click.option("--only", multiple=True, help="Of a file of outputs only this model's texts; repeatable.")
@click.option("--name", help="What the writer is called in rows and reports.")
@click.option("--messages", type=click.Choice(["fixed", "published"]), default="fixed", show_default=True)
@click.option("--samples", type=click.IntRange(1, 100), default=1, show_default=True, help="Texts per item.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.7, show_default=True)
@model_options
@run_options
def command(**given: Any) -> int:
    """Have texts written for C3EBench's items; a row per text, resumed by running the same command again."""
    from ravelar.cli.eval_stage import write_texts  # noqa: PLC0415  not for `--help`

    files = files_of(given.pop("source"), given["lang"])
    return write_texts(files, **given)

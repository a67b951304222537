"""`ravelar eval judge`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import model_options, run_options


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--model", required=True, help="The judge, such as openai:gpt-5.2; run again with another for a second.")
@click.option("--pairs", is_flag=True, help="Compare each two writers' texts in both orders, instead of scoring each.")
@click.option("--no-reference", is_flag=True, help="Judge without showing the reference.")
@click.option(
    "--published-rubrics", "rubrics", type=click.Path(path_type=Path), metavar="REPOSITORY",
    help="Judge by the published rubrics, from your copy of the published repository.",
)  # fmt: skip
@click.option("--repeats", type=click.IntRange(1, 50), default=1, show_default=True, help="Judgements per text.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.0, show_default=True)
@click.option(
    "--method", type=click.Choice(["text", "json_schema", "function_calling", "json_mode"]), default="text",
    show_default=True, help="How replies take their form.",
)  # fmt: skip
@model_options
@run_options
def command(folder: Path, **given: Any) -> int:
    """Have the texts of a run judged; a row per text and repeat, resumed by running the same command again."""
    from ravelar.cli.eval_stage import judge_texts  # noqa: PLC0415  not for `--help`

    return judge_texts(folder, **given)

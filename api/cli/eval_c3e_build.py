"""`ravelar eval c3e build`."""

from pathlib import Path
from typing import Any

import click

from ravelar.cli.eval_options import model_options, run_options


@click.command("build")
@click.argument("texts", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Where rows and items go.")
@click.option("--model", required=True, help="The model that proposes, such as openai:gpt-5-mini.")
@click.option("--task", "tasks", multiple=True, help="Only cloze, condition, edit or end2end; repeatable.")
@click.option("--temperature", type=click.FloatRange(0, 2), default=0.7, show_default=True)
@model_options
@run_options
def command(texts: Path, **given: Any) -> int:
    """Make cloze, expand, edit and end-to-end items from a folder of texts (.txt, .md), English or Chinese.

    A model proposes, rules decide: what breaks one is kept as a failed row with the rule. Run it again to go on.
    """
    from ravelar.cli.eval_stage import build_items  # noqa: PLC0415  not for `--help`

    return build_items(texts, **given)

"""Options that several `ravelar eval` commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

F = Callable[..., Any]


def items_options(command: F) -> F:
    """Add what says which items are meant."""
    for option in (
        click.option("--limit", type=click.IntRange(min=1), help="At most so many items of each task and language."),
        click.option("--task", "tasks", multiple=True, help="Only cloze, condition, edit or end2end; repeatable."),
        click.option("--lang", type=click.Choice(["en", "zh"]), help="Only this language."),
        click.option(
            "--items",
            "source",
            type=click.Path(path_type=Path),
            default=Path("c3ebench"),
            show_default=True,
            help="The items: a file, or the folder that `fetch` filled.",
        ),
    ):
        command = option(command)
    return command


def model_options(command: F) -> F:
    """Add what says how a model is asked."""
    for option in (
        click.option("--max-tokens", type=click.IntRange(min=1), help="Stop after so many tokens, sent and received."),
        click.option("--max-cost", type=click.FloatRange(min=0), help="Stop at this cost, in US dollars."),
        click.option("--rpm", type=click.FloatRange(min=0, min_open=True), help="Calls a minute that are allowed."),
        click.option("--at-once", type=click.IntRange(1, 1024), default=16, show_default=True, help="Side by side."),
        click.option("--base-url", help="An OpenAI-compatible server, such as http://127.0.0.1:8000/v1."),
    ):
        command = option(command)
    return command


def run_options(command: F) -> F:
    """Add what says how a stage is run."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the closing figures as JSON."),
        click.option("--dry-run", is_flag=True, help="Say what would be done, with an estimate; ask nobody."),
        click.option("--retry-failed", is_flag=True, help="Make failed rows again."),
    ):
        command = option(command)
    return command


def files_of(source: Path, language: str | None) -> list[Path]:
    """Return the files of items that are meant.

    Raises:
        InputError: if there are none.
    """
    from ravelar.benchmark.evals.c3e.items import item_files  # noqa: PLC0415  not for `--help`

    return item_files(source, language)


def need_eval(what: str) -> None:
    """Make sure that statistics and plots can be made, before anything is done.

    Raises:
        InputError: if a package of the extra `eval` is not installed; says what to install.
    """
    from ravelar.tools.extras import need  # noqa: PLC0415

    for module in ("scipy", "choix", "krippendorff", "matplotlib", "aiohttp"):
        need(module, extra="eval", what=what)

"""`ravelar`: the command line. Each command's module is imported when the command is used.

Exit codes, for all commands: 0 done; 1 done, but some input rows could not be read, or a part of us (or the Hub)
failed; 2 wrong usage or unusable input, nothing was done; 130 interrupted (Ctrl-C) and 143 terminated, what was
written stays and `--resume` continues it.
"""

import sys
from typing import Any

import click

from ravelar.cli.lazy import LazyGroup

COMMANDS = {
    "score": "Score completions with the reward tool that fits each.",
    "tools": "List the reward tools, or print one's card.",
    "acquire": "Get a reward tool for a task: find, write, check and adopt one.",
    "write": "Write an article: plan, outline, draft, review, refine.",
    "library": "List, show, share and retire adopted reward tools.",
    "hub": "Search the Hub for reward models, or look at one without downloading it.",
    "train": "Train a policy with routed rewards: GRPO, a demo, a study.",
    "serve": "Serve rewards over HTTP: trainers, batches, metrics.",
    "ui": "Open the local page: run both graphs and watch them; no account.",
    "studio": "Serve both graphs to LangGraph Studio, with their assistants.",
    "eval": "Measure writers, judges and reward tools; figures with intervals.",
    "doctor": "See what works on this machine, what is missing, and the fix for each.",
    "sandbox": "See which layers of the jail hold on this machine.",
    "bench": "Measure speed and memory on this machine.",
}

EPILOG = """\b
Examples:
  ravelar score examples/mixed.jsonl
  ravelar score data.parquet --column prompt=question --out rewards.jsonl
  ravelar tools math_answer

\b
Exit codes: 0 done; 1 done, but some rows could not be read, or a part of us
failed; 2 wrong usage or unusable input; 130 or 143 interrupted, --resume continues.
"""


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        from ravelar import __version__  # noqa: PLC0415  only asked for here

        click.echo(f"ravelar {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, known=COMMANDS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print it.")
def cli() -> None:
    """Rewards from an agent: each query gets the reward tool that fits it."""


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit with its code.

    Our own errors become one line on standard error: unusable input exits with 2; a Hub, model or tool that fails,
    with 1.
    """
    from ravelar.tools.errors import (  # noqa: PLC0415  light, but not for `--help`
        AgentError,
        HubError,
        InputError,
        RewardToolError,
    )

    try:
        code = cli.main(arguments, prog_name="ravelar", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except InputError as error:
        click.echo(f"ravelar: {error}", err=True)
        code = 2
    except (HubError, AgentError, RewardToolError) as error:
        click.echo(f"ravelar: {error}", err=True)
        code = 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("ravelar: interrupted", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away (`| head`); nothing is left to say
        code = 141
    sys.exit(code if isinstance(code, int) else 0)

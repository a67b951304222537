"""`ravelar score`: its options; the work is in `score_run`."""

from pathlib import Path

import click

from ravelar.tools.errors import InputError

EPILOG = """\b
Examples:
  ravelar score examples/mixed.jsonl
  ravelar score gsm8k.jsonl.gz --column prompt=question --column reference=answer \\
      --column completion=solution.text --column label=is_correct --out rewards.jsonl
  zcat rows.jsonl.gz | ravelar score - --tool math_answer --out rewards.jsonl --json
  ravelar score big.parquet --jobs 2 --out rewards.jsonl --resume

\b
Columns: prompt and completion are needed, reference, task, tool and label may be
missing; further ones (options, target_language, instruction_id_list ...) travel
along. A dotted name reaches into an object. Prompt and completion may be text or
chat messages.

\b
Output: one JSON object a row, in input order, to --out or to standard output:
  {"row": 0, "tool": "math_answer", "reward": 1.0, "raw": 1.0, "reason": null}
An unscored row has the reward null and a reason that names file and line.

\b
Exit codes: 0 all rows were read (unscored ones too); 1 some rows could not be read,
or a scoring process died; 2 wrong usage; 130 or 143 interrupted: --resume continues.
"""


def parse_columns(given: tuple[str, ...]) -> dict[str, str]:
    """Read `--column ROLE=NAME` options.

    Raises: InputError: if one has another form.
    """
    names = {}
    for pair in given:
        role, equals, name = pair.partition("=")
        if not equals or not name:
            raise InputError(f"--column {pair!r}: the form is ROLE=NAME, such as prompt=question")
        names[role] = name
    return names


@click.command("score", epilog=EPILOG)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write rewards here (default: stdout).")
@click.option("--tool", help="Score every row with this tool instead of routing.")
@click.option("--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Scoring processes.")
@click.option("--json", "as_json", is_flag=True, help="Print the closing table as JSON on stdout, after any rows.")
@click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="Rename a column (repeatable).")
@click.option(
    "--format", "row_format", type=click.Choice(["jsonl", "csv", "parquet"]), help="Format (default: by suffix)."
)
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Least reward that accepts, for labels.")
@click.option(
    "--sandbox",
    type=click.Choice(["local", "e2b", "unsafe"]),
    default="local",
    show_default=True,
    help="Where programs in completions run; unsafe is no jail.",
)
@click.option(
    "--check",
    "checks",
    multiple=True,
    metavar="TOOL=CHECK",
    help="Have a sample of TOOL's rows scored by CHECK too; tell how far they agree (repeatable).",
)
@click.option("--resume", is_flag=True, help="Continue --out where an interrupted run left it.")
@click.option("--overwrite", is_flag=True, help="Replace --out if it exists.")
@click.option("--detail", is_flag=True, help="Add what the tool kept beside the reward to each row.")
@click.option("--acquire", is_flag=True, help="First get tools for tasks that no tool fits (see ravelar acquire).")
@click.option("--model", help="With --acquire: the language model, PROVIDER:NAME.")
@click.option("--base-url", help="With --acquire: an OpenAI-compatible server of one's own.")
@click.option("--hub/--no-hub", "search_hub", default=True, show_default=True, help="With --acquire: search the Hub.")
def command(  # noqa: PLR0913  one a flag
    files: tuple[str, ...],
    columns: tuple[str, ...],
    checks: tuple[str, ...],
    *,
    acquire: bool,
    model: str | None,
    base_url: str | None,
    search_hub: bool,
    **options: object,
) -> None:
    """Score the rows of FILE (JSON lines, CSV, Parquet; .gz; `-` is standard input).

    Each row gets the reward tool that its columns, its reference and its prompt call for; where none fits,
    the row is left unscored with the reason. Without --acquire, nothing is downloaded but adopted reward models.
    """
    from ravelar.cli.score_run import ScoreJob, run  # noqa: PLC0415  not for `--help`
    from ravelar.cli.score_watch import parse_checks  # noqa: PLC0415
    from ravelar.tools.columns import Columns  # noqa: PLC0415

    renamed, checked_by = Columns.renamed(parse_columns(columns)), parse_checks(checks)
    job = ScoreJob(files=files, columns=renamed, checks=checked_by, **options)  # type: ignore[arg-type]
    if acquire and job.tool is not None:
        raise InputError("--tool scores every row with one tool, which leaves nothing to --acquire; give one of them")
    if acquire:
        from ravelar.cli.reward_file import RewardFile  # noqa: PLC0415
        from ravelar.cli.score_acquire import acquire_first  # noqa: PLC0415  langgraph takes 0.5 s
        from ravelar.graphs.rlar_state import RlarContext  # noqa: PLC0415

        RewardFile(job.out, resume=job.resume, overwrite=job.overwrite)  # a wrong --out is told first
        context = RlarContext(model=model, base_url=base_url, search_hub=search_hub)
        acquire_first(files, job.columns, job.row_format, context, sandbox=job.sandbox)
    elif model or base_url:
        raise InputError("--model and --base-url go with --acquire; scoring itself asks no language model")
    raise SystemExit(run(job))

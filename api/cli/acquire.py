"""`ravelar acquire`: its options; the work is in `acquire_run`."""

from pathlib import Path
from typing import Any

import click

EPILOG = """\b
Examples:
  ravelar acquire --task-examples prompts.jsonl --probes labelled.jsonl --model openai:gpt-5-mini
  ravelar acquire --task-examples prompts.jsonl --model openai:NAME --base-url http://127.0.0.1:8000/v1
  ravelar acquire --probes pairs.jsonl                 # no language model: only reward models of the Hub
  ravelar acquire --task-examples prompts.jsonl --probes labelled.jsonl --model ... --ask

\b
Files: JSON lines, CSV or Parquet, .gz too. Examples have `prompt` and, as far as there
is one, `reference`. Probes have `prompt`, `completion` and `label` (true or false), or
`prompt`, `chosen` and `rejected`; `reference` as the examples. Half of the probes, by
prompt, is shown to the writer; the other half decides, and must hold 50 of each label
for a verifier.

\b
Exit codes: 0 adopted, or the task has a tool already; 1 nothing was adopted (the
reason is printed); 2 wrong usage; 130 or 143 interrupted: the same command continues.
"""


@click.command("acquire", epilog=EPILOG)
@click.option("--task-examples", "examples", type=click.Path(path_type=Path), help="Prompts of one task.")
@click.option("--probes", type=click.Path(path_type=Path), help="Labelled completions of it, or preference pairs.")
@click.option("--model", help="Language model, PROVIDER:NAME (init_chat_model's form).")
@click.option("--base-url", help="An OpenAI-compatible server of one's own.")
@click.option("--library", help="Where adopted tools are kept (default: $RAVELAR_LIBRARY, or your own).")
@click.option("--column", "columns", multiple=True, metavar="ROLE=NAME", help="Rename a column (repeatable).")
@click.option("--hub/--no-hub", "search_hub", default=True, show_default=True, help="Look for reward models.")
@click.option("--hub-endpoint", help="Another Hub than the public one (default: $HF_ENDPOINT).")
@click.option("--remote-model", multiple=True, metavar="PROTOCOL=URL", help="Try a reward model behind HTTP.")
@click.option("--verifier/--no-verifier", "write_verifier", default=True, show_default=True, help="Write one.")
@click.option("--judge", is_flag=True, help="Also try the language model as a judge.")
@click.option("--replace", is_flag=True, help="Look for a better tool where the task has one.")
@click.option("--ask", "ask_before_adopting", is_flag=True, help="Ask before adopting.")
@click.option("--allow-remote-code", multiple=True, metavar="REPO", help="Let this repository's own code run here.")
@click.option("--web-search", metavar="CLASS", help="A search tool of langchain-community that names models.")
@click.option("--max-llm-calls", type=click.IntRange(0), default=20, show_default=True)
@click.option("--max-tokens", type=click.IntRange(0), default=120_000, show_default=True)
@click.option("--max-seconds", type=click.FloatRange(0), default=1_800, show_default=True)
@click.option("--max-candidates", type=click.IntRange(0), default=5, show_default=True, help="Models evaluated.")
@click.option("--max-download-gb", type=click.FloatRange(0), default=20, show_default=True)
@click.option("--memory-gb", type=click.FloatRange(0), help="Memory for one model (default: what is free).")
@click.option("--max-repairs", type=click.IntRange(0), default=2, show_default=True)
@click.option("--threshold", "thresholds", multiple=True, metavar="NAME=VALUE", help="What evidence must reach.")
@click.option("--fresh", is_flag=True, help="Begin anew where an interrupted run could be continued.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    examples: Path | None,
    probes: Path | None,
    *,
    columns: tuple[str, ...],
    fresh: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Get a reward tool for one task: find, evaluate, write, check, and adopt what has evidence.

    The Hub is searched for reward models and a verifier is written; whatever passes on held-out probes is adopted
    into the library, and `ravelar score` uses it from then on. Each refusal is kept with its reason.
    """
    from ravelar.cli.acquire_run import AcquireJob, context_of, run  # noqa: PLC0415  not for `--help`
    from ravelar.cli.score import parse_columns  # noqa: PLC0415
    from ravelar.tools.columns import Columns  # noqa: PLC0415

    named = Columns.renamed(parse_columns(columns))
    raise SystemExit(run(AcquireJob(examples, probes, named, context_of(**settings), fresh=fresh, as_json=as_json)))

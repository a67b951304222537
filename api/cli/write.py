"""`ravelar write`: its options; the work is in `write_run`."""

from pathlib import Path
from typing import Any

import click

EPILOG = """\b
Examples:
  ravelar write "An essay on tide tables" --model scripted:demo          # a replay: no key, no model
  ravelar write "An essay on tide tables" --words 1200 --model openai:gpt-5-mini
  ravelar write - --lang zh --model openai:NAME --base-url http://127.0.0.1:8000/v1 < brief.txt
  ravelar write "..." --protocol fixed --outline outline.md --approve sections --out article
  ravelar write --resume --out article

\b
The folder gets article.md, events.jsonl, run.json and article.html, which shows each
section's drafts, reviews and changes. An outline is JSON, or Markdown: "# title",
"## section (300 words)", "- point".

\b
Exit codes: 0 the article is finished (exhausted sections are told); 1 it is not: a
budget or a failure, which is named; 2 wrong usage or unusable input, nothing was
asked; 130 or 143 interrupted: --resume continues, and pays for no finished call twice.
"""


@click.command("write", epilog=EPILOG)
@click.argument("brief", required=False)
@click.option("--words", type=int, help="How long it is to be (characters of Chinese).")
@click.option("--sections", type=int, help="How many sections it is to have (default: as the matter needs).")
@click.option("--audience", help="For whom.")
@click.option("--genre", help="What kind of text.")
@click.option("--style", help="How it is to be written.")
@click.option("--lang", "language", default="en", show_default=True, help="Language of article and prompts: en or zh.")
@click.option("--outline", type=click.Path(path_type=Path), help="Your own outline, instead of a model's.")
@click.option("--protocol", default="autonomous", show_default=True, help="autonomous, fixed, no_review or no_refine.")
@click.option("--model", help="Language model of every role, PROVIDER:NAME; scripted:demo is a replay.")
@click.option("--writer-model", help="Another one that drafts and refines.")
@click.option("--planner-model", help="Another one that decides what comes next.")
@click.option("--outliner-model", help="Another one that outlines.")
@click.option("--drafter-model", help="Another one that drafts.")
@click.option("--reviewer-model", help="Another one that reviews.")
@click.option("--refiner-model", help="Another one that refines.")
@click.option("--base-url", help="An OpenAI-compatible server of one's own.")
@click.option("--temperature", type=float, help="The models' temperature (default: 0.2).")
@click.option(
    "--structured-output", help="How replies take form: text (default), json_schema, function_calling, json_mode."
)
@click.option("--at-once", type=int, help="Sections worked on side by side where code decides (default: 8).")
@click.option(
    "--out", type=click.Path(path_type=Path), help="Folder of the run (default: a new one, named by the time)."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out; settings that are given replace its own.")
@click.option("--approve", multiple=True, metavar="WHAT", help="Ask you about the outline, or sections (repeatable).")
@click.option("--limits", "limits", help="published: the paper's 50 steps, however long the article.")
@click.option("--tau", type=float, help="Lowest score that is accepted, of 0 to 10 (default: 8).")
@click.option("--max-steps", type=int, help="Steps (default: max(50, 4 x sections + 10)).")
@click.option("--max-revisions", type=int, help="Revisions of a section (default: 3).")
@click.option("--max-sections", type=int, help="Sections of an outline (default: 100).")
@click.option("--max-tokens", type=int, help="Tokens sent and received, over the run (default: no limit).")
@click.option("--max-cost", type=float, help="US dollars, by the price table (default: no limit).")
@click.option("--max-seconds", type=float, help="Seconds of waiting for models, added up (default: no limit).")
@click.option("--timeout", "timeout_s", type=float, help="Seconds that one call may take (default: 120).")
@click.option("--prices", type=click.Path(path_type=Path), help="A price table of your own, JSON.")
@click.option("--checkpoints", metavar="URL", help="Keep the graph's state in this PostgreSQL.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(brief: str | None, *, out: Path | None, resume: bool, as_json: bool, **given: Any) -> None:
    """Write an article: plan, outline, draft, review and refine, until every section is closed.

    BRIEF says what is to be written; "-" reads it from standard input. Every call, score and revision is kept in the
    run's event log, from which the page, the figures and a resumed run derive.
    """
    from ravelar.cli.write_run import WriteCommand, run  # noqa: PLC0415  not for `--help`

    named = {name: value for name, value in given.items() if value is not None and value != ()}
    source = click.get_current_context().get_parameter_source
    for name in ("language", "protocol"):  # a default must not replace what a resumed run has
        if resume and source(name) == click.core.ParameterSource.DEFAULT:
            named.pop(name)
    raise SystemExit(run(WriteCommand(brief, out, named, resume=resume, as_json=as_json)))

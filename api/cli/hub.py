"""`ravelar hub`: reward models of the Hub, searched and looked at without downloading any weights."""

import json
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ravelar.tools.hub.facts import ModelFacts
    from ravelar.tools.hub.memory import MemoryBudget
    from ravelar.tools.hub.search import Searched

SEARCH_EPILOG = """\b
Examples:
  ravelar hub search math
  ravelar hub search translation quality --limit 5 --json

\b
HF_ENDPOINT names another Hub, HF_TOKEN opens gated repositories.
Exit codes: 0 done; 1 the Hub can't be reached, or some queries failed.
"""
INSPECT_EPILOG = """\b
Examples:
  ravelar hub inspect Skywork/Skywork-Reward-V2-Qwen3-0.6B
  ravelar hub inspect owner/name --revision v1.0 --json

\b
Exit codes: 0 done, also where the model would be refused; 1 the Hub can't be
reached, or the repository can't be looked at; 2 the name is none.
"""
WIDTH = 80
LABEL = 12


@click.group("hub")
def command() -> None:
    """Search the Hub for reward models, or look at one without downloading it."""


@command.command("search", epilog=SEARCH_EPILOG)
@click.argument("words", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Most models to list.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def search(words: Sequence[str], limit: int, as_json: bool) -> int:
    """List reward models for WORDS (the task's name, say), best first; without words, any."""
    from dataclasses import asdict  # noqa: PLC0415  not for `--help`

    from ravelar.tools.hub.client import HubClient  # noqa: PLC0415
    from ravelar.tools.hub.search import search as search_hub  # noqa: PLC0415

    with HubClient() as client:
        searched = search_hub(client, words, limit=limit)
    click.echo(json.dumps(asdict(searched))) if as_json else _list(searched)
    for name, why in searched.failures:
        click.echo(f"ravelar: the query ({name}) failed: {why}", err=True)
    return 1 if searched.failures else 0


def _list(searched: "Searched") -> None:
    from rich import box  # noqa: PLC0415  60 ms, for people only
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not searched.found:
        click.echo("no reward model found; fewer or other words may find some")
    else:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("model", overflow="fold", ratio=3)
        table.add_column("downloads", justify="right")
        table.add_column("found by", overflow="fold", ratio=2)
        for found in searched:
            ways = ", ".join([*found.ways, *(["gated"] if found.gated else [])])
            table.add_row(Text(found.repo), f"{found.downloads:,}", Text(ways))  # Text: a name is no markup
        Console().print(table)
    if searched.unasked:
        click.echo(f"left out by the limit on queries: {len(searched.unasked)} of the less telling ones", err=True)


@command.command("inspect", epilog=INSPECT_EPILOG)
@click.argument("name")
@click.option("--revision", help="A branch, a tag or a commit; main by default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def inspect(name: str, revision: str | None, as_json: bool) -> None:
    """Say what is known of the model NAME ("owner/name"), and whether it could be used on this machine."""
    from ravelar.tools.hub.client import HubClient  # noqa: PLC0415  not for `--help`
    from ravelar.tools.hub.inspection import inspect as look  # noqa: PLC0415
    from ravelar.tools.hub.memory import memory_budget  # noqa: PLC0415
    from ravelar.tools.hub.shortlist import Limits, refusal  # noqa: PLC0415

    with HubClient() as client:
        facts = look(client, name, revision)
    budget = memory_budget()
    refused = refusal(facts, Limits(memory_bytes=budget.bytes))
    if as_json:
        click.echo(json.dumps({**facts.model_dump(mode="json"), "refused": refused}))
    else:
        click.echo(_described(facts, refused, budget))


def _described(facts: "ModelFacts", refused: str | None, budget: "MemoryBudget") -> str:
    head = [f"{part.name} {list(part.shape)} {part.dtype}" for part in facts.score_head]
    labels = [f"{key}: {label}" for key, label in sorted(facts.id2label.items())]
    rows = {
        "commit": facts.revision,
        "changed": facts.last_commit,
        "licence": facts.licence,
        "access": ", ".join(word for word in ("gated", "private", "disabled") if getattr(facts, word)) or "open",
        "pipeline": facts.pipeline_tag,
        "class": ", ".join(facts.architectures),
        "made from": ", ".join(facts.base_model),
        "trained on": ", ".join(facts.datasets),
        "languages": ", ".join(facts.languages),
        "parameters": _parameters(facts),
        "weights": ", ".join(f"{kind} {_size(size)}" for kind, size in facts.weight_bytes.items()),
        "score head": "; ".join(head) or ("none" if facts.headers_read else "not read"),
        "labels": ", ".join(labels),
        "own code": ", ".join(sorted(set(facts.auto_map.values()))) or "none needed",
        "tokens": f"pad {facts.pad_token}, eos {facts.eos_token}, bos {facts.bos_token}",
        "longest": _longest(facts),
        "template": "a chat template of its own" if facts.chat_template else "none",
        "stated": "; ".join(f"{r.dataset}, {r.metric}: {r.value}" for r in facts.results[:10]),
        "not read": "; ".join(facts.unread.values()),
    }
    verdict = f"would be refused: {refused}" if refused else _usable(budget)
    lines = [_row(label, value) for label, value in rows.items() if value]
    return "\n".join([facts.repo, "", *lines, "", textwrap.fill(verdict, WIDTH)])


def _usable(budget: "MemoryBudget") -> str:
    return (
        f"nothing speaks against a trial on this machine ({budget.bytes / 1e9:.1f} GB for models on {budget.device}); "
        "whether it scores well, only probes tell"
    )


def _row(label: str, value: str) -> str:
    return textwrap.fill(value, WIDTH, initial_indent=f"{label:<{LABEL}}", subsequent_indent=" " * LABEL)


def _parameters(facts: "ModelFacts") -> str | None:
    if facts.parameters is None:
        return None
    source = {"headers": "", "hub": ", as the Hub counts", "bytes": ", estimated from the bytes"}
    return f"{facts.parameters:,} ({facts.dtype}{source[facts.parameters_from or 'headers']})"


def _size(size: int) -> str:
    return f"{size / 1e9:,.2f} GB" if size >= 1e8 else f"{size / 1e6:,.2f} MB"


def _longest(facts: "ModelFacts") -> str | None:
    limits = {"model": facts.max_positions, "tokenizer": facts.tokenizer_limit}
    return ", ".join(f"{limit:,} tokens by the {whose}" for whose, limit in limits.items() if limit) or None

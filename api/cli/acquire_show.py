"""What a person sees of an acquisition: a line per event on standard error, the result on standard output."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str | None]] = {
    "started": lambda e: None,
    "named": lambda e: f"the task is {e['label']!r} ({e['how']})",
    "queries": lambda e: f"searching the Hub for {', '.join(map(repr, e['queries']))}",
    "found": lambda e: f"{e['found']} repositories found, {e['usable']} usable, {e['refused']} refused",
    "shortlist": lambda e: "worth trying: " + ", ".join(pick["repo"] for pick in e["picks"]),
    "evaluating": lambda e: f"evaluating {e['repo']}",
    "written": lambda e: f"wrote a verifier of {e['lines']} lines; schemes: {', '.join(e['schemes'])}",
    "repaired": lambda e: f"wrote it anew (attempt {e['attempt']}), {e['lines']} lines",
    "tie": lambda e: f"a tie, broken for {e['name']}: {e['reasoning']}",
    "left_out": lambda e: f"left out: {e['said']}",
    "decided": lambda e: f"chosen: {e['chosen']}" if e.get("chosen") else "nothing passed",
    "adopted": lambda e: f"adopted {e['candidate']} as {e['tool']!r}, version {e['version']}",
    "ended": lambda e: f"{e['end']}: {e['because']}",
}


def show_event(event: Mapping[str, Any]) -> None:
    """Print an event as a line on standard error; what has no words is left out."""
    if event.get("event") == "candidate":
        said: str | None = f"{event['name']}: " + (
            "passed" if event["passed"] else "refused: " + "; ".join(event["reasons"])
        )
    else:
        words = _WORDS.get(str(event.get("event")))
        said = words(event) if words else None
    if said:
        click.echo(f"[{event['step']}] {one_line(said)}", err=True)


def show_result(result: Mapping[str, Any]) -> None:
    """Print how the run ended, what became of each candidate, and what it cost."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  60 ms, for people only
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    console = Console(file=sys.stdout)
    if candidates := result.get("candidates"):
        table = Table("candidate", "kind", "passed", "why", box=SIMPLE_HEAD, pad_edge=False)
        for row in candidates:
            why = escape(one_line("; ".join(row["reasons"]) or _held_out(row), 240))
            table.add_row(escape(row["name"]), row["kind"], "yes" if row["passed"] else "no", why)
        console.print(table)
    console.print(f"{result.get('end')}: {escape(str(result.get('because', '')))}", soft_wrap=True)
    for row in result.get("left_out", []):
        console.print(f"left out: {row['step']}: {escape(one_line(row['said']))}", soft_wrap=True)
    spent = result.get("spent", {})
    console.print(
        f"{spent.get('llm_calls', 0)} calls of the language model, {spent.get('tokens', 0):,} tokens, "
        f"{spent.get('bytes', 0) / 1e6:,.1f} MB, {spent.get('seconds', 0):.1f} s"
    )
    if adopted := result.get("adopted"):
        console.print(f"see it: ravelar library show {adopted['tool']} --source")


def _held_out(candidate: Mapping[str, Any]) -> str:
    """Return what a candidate that passed showed on the held-out half: the lower ends of its intervals."""
    trial = (candidate.get("entry") or {}).get("trial") or {}
    named = {"good accepted": "good", "bad rejected": "bad", "pairs in order": "pairwise", "AUC": "auc"}
    rates = {words: trial[name] for words, name in named.items() if trial.get(name)}
    shown = [f"{words} {rate['value']:.3f} (at least {rate['low']:.3f})" for words, rate in rates.items()]
    return f"held out: {', '.join(shown[:2])}" if shown else ""


def one_line(text: str, most: int = 400) -> str:
    """Return a text on one line, cut where it is too long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"

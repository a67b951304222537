"""The README files of an exported folder: what the Hub shows of the tools in it."""

import re
from collections.abc import Sequence

from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.evidence.trial import Rate, Trial

_FRONT = """---
library_name: ravelar
tags:
- reward-model
- reward-tool
- ravelar
---
"""
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")


def folder_readme(names: Sequence[str]) -> str:
    """Return the README of a folder with these tools."""
    tools = "\n".join(f"- [{name}]({name}/README.md)" for name in names)
    return (
        f"{_FRONT}\n# Reward tools\n\n{tools or 'None.'}\n\n"
        "Made with Ravelar. `ravelar library pull` or `ravelar library import` takes them in; none is in use\n"
        "before it has been checked again on labelled probes.\n"
    )


def tool_readme(entry: Entry) -> str:
    """Return the README of one tool: what it is for, what is known of it, where it fails."""
    task, card = entry.task, entry.card
    lines = [
        _FRONT,
        f"# {task.label}",
        "",
        f"{_plain(task.summary)}",
        "",
        f"- What is right: {_plain(task.correct)}",
        f"- Kind: {card.kind}, {entry.recipe.form}; version `{entry.version}`",
        f"- Summary: {_plain(card.summary)}",
        f"- Licence: {_plain(card.provenance.licence or 'not stated')}",
        "",
        "## Evidence",
        "",
        *measured(entry.trial),
    ]
    if isinstance(entry.recipe, WrittenRecipe):
        lines += ["", "The source is in `verifier.py`; it was written by a language model. Run it in a sandbox only."]
    return "\n".join(lines) + "\n"


def measured(trial: Trial) -> list[str]:
    """Return what a trial showed, one Markdown point a line."""
    rates: dict[str, Rate | None] = {
        "good accepted": trial.good,
        "bad rejected": trial.bad,
        "balanced accuracy": trial.balanced_accuracy,
        "AUC": trial.auc,
        "pairwise accuracy": trial.pairwise,
    }
    shown = [
        f"- {what}: {rate.value:.4f} (95 % {rate.low:.4f} to {rate.high:.4f}), n = {rate.n:,}"
        for what, rate in rates.items()
        if rate is not None
    ]
    return [
        f"- {trial.n:,} probes, {trial.half.replace('_', '-')}; probe set `{trial.probes}`",
        *shown,
        f"- {trial.false_accepts:,} false accepts, {trial.false_rejects:,} false rejects, {trial.unscored:,} unscored",
    ]


def printable(text: str) -> str:
    """Return a stranger's text without what moves a terminal's cursor, hides or turns words round."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _plain(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(printable(text).split()))

"""A study's figures as Markdown: tables, the claim and what became of it, what is missing."""

import os
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ravelar.tools.errors import InputError
from ravelar.training.study.arms import TRUE_READER
from ravelar.training.study.families import BY_NAME
from ravelar.training.study.figures import OVERALL, Figures, Mean
from ravelar.training.study.guarding import guarded_lines
from ravelar.training.study.kit import EVERYWHERE, RIGHT_TOOLS
from ravelar.training.study.plots import WORDS, draw
from ravelar.training.study.schedule import Plan, Rows

START, END = "<!-- figures:", "<!-- end of figures -->"


def report(figures: Figures, plan: Plan) -> str:
    """Return the report as Markdown, made from whatever rows there are; it says what is missing."""
    parts = [
        "## Results",
        *_missing(figures, plan),
        *_claim(figures),
        "### True accuracy on held-out questions",
        _accuracy_table(figures),
        "### Reward and truth apart",
        _reward_table(figures),
        *_setting(figures),
        *_explained(figures),
        *guarded_lines(figures.rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def written_report(rows: Rows, plan: Plan, folder: Path, document: Path | None = None) -> str:
    """Write plots of a study into its folder, the report beside them or into a document if one is named; return it.

    Raises:
        InputError: if rows or document can't be read, or something can't be written.
    """
    figures = Figures(rows)
    return published(report(figures, plan), lambda: draw(figures, folder), folder, document, WORDS)


def published(
    text: str, draw_all: Callable[[], list[Path]], folder: Path, document: Path | None, words: Mapping[str, str]
) -> str:
    """Draw plots, and write the report beside them, or with them into a document if one is named; return the report.

    Args:
        text: The report.
        draw_all: Draws into the folder; returns the files.
        folder: Where the report goes if no document is named.
        document: What holds the report between its marks.
        words: What each plot shows, by its file's name.

    Raises:
        InputError: if the document can't be read, or something can't be written.
    """
    try:
        plots = draw_all()
        if document is None:
            (folder / "report.md").write_text(text)
    except OSError as error:
        raise InputError(f"no report can be written to {folder}: {error.strerror}") from error
    if document is not None:
        shown = [f"![{words[path.name]}]({os.path.relpath(path, document.parent)})" for path in plots]
        put_into(document, "\n\n".join([text.rstrip(), *shown]) + "\n")
    return text


def put_into(document: Path, text: str) -> None:
    """Replace what stands between a document's marks for figures.

    Raises:
        InputError: if it can't be read or written, or has no such marks.
    """
    try:
        before = document.read_text()
    except OSError as error:
        raise InputError(f"{document} can't be read: {error.strerror}") from error
    start, end = before.find(START), before.find(END)
    if not 0 <= start < end:
        raise InputError(f"{document} has no place for figures: a line '{START} ...-->', later a line '{END}'")
    opening = before[: before.index("\n", start) + 1]
    document.write_text(f"{opening}\n{text}\n{before[end:]}")


def _missing(figures: Figures, plan: Plan) -> list[str]:
    missing = figures.missing(plan.arms, plan.seeds)
    if not missing:
        return []
    by_seed = {seed: [arm for arm, of in missing if of == seed] for seed in sorted({seed for _, seed in missing})}
    said = "; ".join(
        f"seed {seed}: {'all' if len(arms) == len(plan.arms) else ', '.join(arms)}" for seed, arms in by_seed.items()
    )
    done = len(plan.arms) * len(plan.seeds) - len(missing)
    return [f"**Not complete:** {done} of {len(plan.arms) * len(plan.seeds)} runs have a row. Missing: {said}."]


def _claim(figures: Figures) -> list[str]:
    best = figures.best("static")
    if best is None or "routed" not in figures.arms:
        return ["The claim can't be tested yet: there are no runs of routed and of a static reward."]
    ahead = figures.difference("routed", best)
    if ahead is None:
        return ["The claim can't be tested yet: routed and the best static reward share no seed."]
    verdict = (
        "The interval excludes zero."
        if ahead.excludes_zero
        else "The interval does not exclude zero: these runs do not show it."
    )
    side = "ahead of" if ahead.value >= 0 else "behind"
    lines = [
        f"The best static reward is *{best}*. Routed is {side} it by {_size(ahead)} in true accuracy, the mean over "
        f"families ({ahead.n} seeds, paired). {verdict}"
    ]
    others = []
    for kind in ("mean", "oracle"):
        other = figures.best(kind)
        against = figures.difference("routed", other) if other else None
        if other and against:
            others.append(f"against *{other}* {_signed(against)}")
    if others:
        lines.append(f"Routed {', '.join(others)}.")
    return [*lines, _by_family(figures, best)]


def _by_family(figures: Figures, best: str) -> str:
    rows = []
    for family in BY_NAME:
        own = figures.best("static", family)
        against, hardest = figures.difference("routed", best, family), figures.difference("routed", own or best, family)
        rows.append([family, _signed(against), str(own), _signed(hardest)])
    head = ["family", f"routed less *{best}*", "the family's best static", "routed less that"]
    return _table(head, rows)


def _accuracy_table(figures: Figures) -> str:
    def overall(arm: str) -> float:
        mean = figures.accuracy(arm)
        return mean.value if mean else -1.0

    rows = [
        [arm, *(_plain(figures.accuracy(arm, name)) for name in BY_NAME), _with_interval(figures.accuracy(arm))]
        for arm in sorted(figures.arms, key=overall, reverse=True)
    ]
    if figures.arms:
        warm = figures.arms[0]
        before = [_plain(figures.accuracy(warm, name, when="before")) for name in BY_NAME]
        rows.append(["(before training)", *before, _with_interval(figures.accuracy(warm, when="before"))])
    return _table(["arm", *BY_NAME, OVERALL], rows)


def _reward_table(figures: Figures) -> str:
    rows = []
    for arm in figures.arms:
        reward = [_plain(figures.reward(arm, when=when)) for when in ("before", "after")]
        truth = [_plain(figures.accuracy(arm, when=when)) for when in ("before", "after")]
        unscored = [row["after"]["unscored"] for (name, _), row in figures.runs.items() if name == arm]
        rows.append([arm, *reward, *truth, f"{statistics.fmean(unscored):.3f}", f"{figures.rates()[arm]:g}"])
    head = ["arm", "reward before", "after", "true accuracy before", "after", "unscored", "learning rate"]
    return _table(head, rows)


def _setting(figures: Figures) -> list[str]:
    """Return what holds of the tools: how well routing goes, how well each tool orders a pair, what scoring costs."""
    kits = list(figures.kits.values())
    if not kits:
        return []
    routed, right = sum(kit["routed"] for kit in kits), sum(kit["routed_right"] for kit in kits)
    shares = [row["reward_share"] for row in figures.runs.values() if row["arm"] == "routed"]
    costs = f" Rewards took {statistics.fmean(shares):.1%} of a routed step, on the mean." if shares else ""
    tools = list(kits[0]["pairwise"])
    rows = []
    for family in BY_NAME:
        shown = [_pairwise([kit["pairwise"][tool][family] for kit in kits]) for tool in tools]
        rows.append([family, RIGHT_TOOLS[family], *shown])
    return [
        "### What the tools can do",
        f"The router sent {right:,} of {routed:,} questions ({right / routed:.1%}) to their family's tool.{costs} How "
        f"often a tool puts the right one of two demonstrations of a question first, ties counting half ({len(kits)} "
        f"seeds; `{EVERYWHERE}` and `thank_you_notes` were taught on other completions):",
        _table(["family", "routed to", *tools], rows),
    ]


def _explained(figures: Figures) -> list[str]:
    """Return what the added runs say; nothing where there are none."""
    best, arm = figures.best("static"), TRUE_READER.name
    with_reader = figures.accuracy(arm)
    if with_reader is None or best is None:
        return []
    notes, routed = figures.accuracy(arm, "notes"), figures.accuracy("routed", "notes")
    return [
        "### After the fact: what the taught model of the notes costs",
        f"These runs are no part of the protocol: they were added when its result was known. Routing as before, but "
        f"notes are judged by the made reader and not by the model that was taught to judge as it does (learning rate "
        f"and seeds of *routed*): {_with_interval(with_reader)} on the mean, notes {_plain(notes)} instead of "
        f"{_plain(routed)}; against *routed* {_signed(figures.difference(arm, 'routed'))}, against *{best}* "
        f"{_signed(figures.difference(arm, best))}, against *oracle* {_signed(figures.difference(arm, 'oracle'))}.",
    ]


def _pairwise(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.fmean(known):.2f}" if known else "abstains"


def _plain(mean: Mean | None) -> str:
    return "-" if mean is None else f"{mean.value:.3f}"


def _with_interval(mean: Mean | None) -> str:
    if mean is None or mean.half is None:
        return _plain(mean)
    return f"**{mean.value:.3f}** ± {mean.half:.3f}"


def _signed(mean: Mean | None) -> str:
    if mean is None:
        return "-"
    return f"{mean.value:+.3f}" if mean.half is None else f"{mean.value:+.3f} ± {mean.half:.3f}"


def _size(mean: Mean) -> str:
    return f"{abs(mean.value):.3f}" if mean.half is None else f"{abs(mean.value):.3f} ± {mean.half:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

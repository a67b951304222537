"""A report's three forms: Markdown for people and reviews, JSON for programs, one HTML page that needs nothing else."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.report.gathering import Board, Findings
from ravelar.benchmark.evals.report.measured import GATES, Measured
from ravelar.benchmark.evals.report.plots import board_plot, ratings_plot, scatter_plot, trajectories_plot

NAMES = {"cloze": "Cloze", "condition": "Expand", "edit": "Edit", "end2end": "End-to-End", "all": "all tasks"}
LANGUAGES = {"en": "English", "zh": "Chinese"}
_MOST_LISTED = 2_000  # unscored or refused rows in the page and in Markdown; the JSON holds all
DRIFT_WORDS = (
    "Drift: compare these with the same figures of another day, of the same items. They hardly tell good texts from "
    "bad ones, and rank nobody."
)
_DRIFT_COLUMNS = ("outline coverage", "chrF", "ROUGE-L", "distinct pairs")


def write_report(found: Findings, folder: Path, name: str = "report") -> list[Path]:
    """Write `report.md`, `report.json` and `report.html` to a folder; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    forms = {
        "md": as_markdown(found),
        "json": json.dumps(found.as_json(), ensure_ascii=False, indent=1, allow_nan=False) + "\n",
        "html": as_page(found),
    }
    paths = []
    for ending, text in forms.items():
        path = folder / f"{name}.{ending}"
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def as_markdown(found: Findings) -> str:
    """Return the report as Markdown: every board with its sentences, agreement, biases, costs, unscored rows."""
    parts = ["# C3EBench report", _items_line(found)]
    for board in found.boards:
        parts += [f"## {title(board)}", _board_table(board), *found_words(board)]
    for language, one in found.judges.items():
        parts.append(f"Judges, {LANGUAGES[language]}: {agreement_words(one)}")
    for name, of in found.ratings.items():
        lines = [f"| {one.system} | {one.strength:+.2f} {_span(one.low, one.high)} | {one.n} |" for one in of]
        parts += [
            f"## Ratings from pairs: {name}",
            "\n".join(["| system | log-odds | pairs |", "|---|---|---|", *lines]),
        ]
    parts += ["## Judges beside people", *human_words(found)] if found.humans else []
    parts += ["## What judges lean to", *bias_words(found)]
    if found.trajectories:
        parts += ["## Writing in steps", _trajectory_table(found)]
    parts += _measures_parts(found)
    parts += ["## Cost", _cost_table(found), f"## Unscored: {len(found.unscored)} rows"]
    parts += [f"- {row['key']}: {row['error']}" for row in found.unscored]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_page(found: Findings) -> str:
    """Return the report as one HTML page without scripts: it opens offline, and prints."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415

    source = files("ravelar.benchmark.evals.report").joinpath("page.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(source)
    return template.render(
        found=found,
        boards=[
            (title(board), board, found_words(board), board_plot(board.found, "mean score")) for board in found.boards
        ],
        ratings=[(name, of, ratings_plot(of, "log-odds of being held better")) for name, of in found.ratings.items()],
        agreements=[(LANGUAGES[language], agreement_words(one)) for language, one in found.judges.items()],
        biases=bias_words(found),
        humans=human_words(found),
        costs=_cost_plot(found),
        steps=trajectories_plot(found.trajectories) if found.trajectories else "",
        items=_items_line(found),
        measured=[(one, measured_name(one), _gate_cells(one), _drift_cells(one)) for one in found.measured],
        gates=GATES,
        drift=(DRIFT_WORDS, _DRIFT_COLUMNS),
        refused=[(row["key"], refusal_words(row)) for row in found.refused[:_MOST_LISTED]],
        unscored=found.unscored[:_MOST_LISTED],
        names=NAMES,
        span=_span,
        figure=lambda value: "-" if value is None else f"{value:,.2f}",
    )


def title(board: Board) -> str:
    """Return what a board is over, in words."""
    return f"{LANGUAGES[board.language]}, {NAMES[board.task]}, judged by {board.judge}"


def found_words(board: Board) -> list[str]:
    """Return the sentences of a board: the summary, then one for each pair."""
    return board.found.words()


def agreement_words(one: Any) -> str:
    """Say how far judges agree."""
    if one.alpha is None:
        return f"agreement can't be told: {one.why}."
    return (
        f"Krippendorff's alpha {one.alpha:.2f} {_span(one.low, one.high)} over {one.units:,} texts that "
        f"{one.judges} judges scored; {one.single:,} were scored by one, {one.unscored:,} by none."
    )


def bias_words(found: Findings) -> list[str]:
    """Say what each judge leans to, as far as it was measured."""
    words = []
    for one in found.biases:
        if one.first is not None:
            contradicted = "" if one.contradicted is None else f"; the two orders contradict in {one.contradicted:.0%}"
            words.append(
                f"{one.judge} prefers the text in front in {one.first:.0%} of {one.compared:,} comparisons with a "
                f"winner (50 % without a lean){contradicted}."
            )
        if one.length is not None:
            figure = f"{one.length:+.2f} (Spearman, {one.texts:,} texts)"
            words.append(f"{one.judge}: within items, length and score correlate at {figure}.")
    return words or ["Not measured: this needs comparisons in both orders, or texts of several systems."]


def human_words(found: Findings) -> list[str]:
    """Say how far each judge agrees with people, and what calibrating it to them would gain."""
    words = []
    for one in found.humans:
        known = one.rank_correlation is not None
        rank = f"{one.rank_correlation:.2f} {_span(one.low, one.high)}" if known else "unknown"
        gain = "" if one.calibrated_error is None else f", {one.calibrated_error:.2f} once calibrated (held out)"
        far = f"{one.lean:+.2f} beside them on the mean, {one.error:.2f} away{gain}"
        words.append(f"{one.judge}: rank correlation with people {rank} over {one.n:,} texts; {far}.")
    return words


def _items_line(found: Findings) -> str:
    parts = [f"{n} {LANGUAGES[key.split()[0]]} {NAMES[key.split()[1]]}" for key, n in sorted(found.items.items())]
    intervals = "Intervals are 95 %, by cluster bootstrap over source texts."
    return f"{sum(found.items.values()):,} items: {', '.join(parts)}. {intervals}"


def _board_table(board: Board) -> str:
    lines = ["| rank | system | mean | 95 % | n | unscored |", "|---|---|---|---|---|---|"]
    for one in board.found.standings:
        mean, span = one.mean, _span(one.mean.low, one.mean.high)
        lines.append(f"| {one.rank} | {mean.system} | {mean.value:.2f} | {span} | {mean.n} | {mean.unscored} |")
    return "\n".join(lines)


def measured_name(one: Measured) -> str:
    """Return what was measured, in words."""
    return f"{LANGUAGES[one.language]}, {NAMES[one.task]}"


def refusal_words(row: Mapping[str, Any]) -> str:
    """Say which gates refuse a text, and why."""
    return "; ".join(f"{gate} ({why})" for gate, why in row["refused"].items())


def _measures_parts(found: Findings) -> list[str]:
    """Return the sections of the measures; none where nothing was measured."""
    if not found.measured:
        return []
    names = [f"{measured_name(one)} | {one.system}" for one in found.measured]
    listed = [f"- {row['key']}: {refusal_words(row)}" for row in found.refused[:_MOST_LISTED]]
    left = len(found.refused) - len(listed)
    return [
        "## Gates: texts refused without a model",
        _table(
            ["items", "system", "texts", "unmeasured", "refused", "95 %", *GATES],
            [" | ".join([name, *_gate_cells(one)]) for name, one in zip(names, found.measured, strict=True)],
        ),
        DRIFT_WORDS,
        _table(
            ["items", "system", *_DRIFT_COLUMNS, "verbatim"],
            [" | ".join([name, *_drift_cells(one)]) for name, one in zip(names, found.measured, strict=True)],
        ),
        f"### Refused: {len(found.refused)} texts",
        "\n".join(listed + ([f"- {left:,} more are in the JSON"] if left else [])),
    ]


def _table(head: Sequence[str], lines: Sequence[str]) -> str:
    return "\n".join([f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {line} |" for line in lines)])


def _gate_cells(one: Measured) -> list[str]:
    """Return texts, unmeasured, refused with its interval, and each gate's share."""
    gates = [f"{one.by_gate[name]:.1%}" if one.by_gate else "-" for name in GATES]
    if one.refused is None or one.low is None or one.high is None:
        return [str(one.texts), str(one.unmeasured), "-", "", *gates]
    span = f"({one.low:.1%} to {one.high:.1%})"
    return [str(one.texts), str(one.unmeasured), f"{one.refused:.1%}", span, *gates]


def _drift_cells(one: Measured) -> list[str]:
    """Return the figures for drift, and how many texts hold a long run of their reference."""
    return [*("-" if value is None else f"{value:.3g}" for value in one.drift.values()), str(one.verbatim)]


def _trajectory_table(found: Findings) -> str:
    lines = ["| system | runs | S | eta | rho | delta (n) | forced | refused |", "|---|---|---|---|---|---|---|---|"]
    for system, one in found.trajectories.items():
        eta, rho, delta = ("-" if value is None else f"{value:.2f}" for value in (one.eta, one.rho, one.delta))
        success = f"{one.success:.0%} {_span(*one.success_interval)}"
        shares = f"{eta} | {rho} | {delta} ({one.revised})"
        lines.append(f"| {system} | {one.runs} | {success} | {shares} | {one.forced} | {one.refused} |")
    return "\n".join(lines)


def _cost_table(found: Findings) -> str:
    lines = ["| who | rows | calls | tokens in | tokens out |", "|---|---|---|---|---|"]
    lines += [
        f"| {one.who} | {one.rows:,} | {one.calls:,} | {one.tokens_in:,} | {one.tokens_out:,} |" for one in found.costs
    ]
    return "\n".join(lines)


def _cost_plot(found: Findings) -> str | None:
    """Return mean score by tokens a text, where tokens were counted; over the first board of all tasks."""
    board = next((one for one in found.boards if one.task == "all"), None)
    spent = {one.who: (one.tokens_in + one.tokens_out) / one.rows for one in found.costs if one.rows}
    if board is None:
        return None
    means = [one.mean for one in board.found.standings]
    points = [(one.system, spent[one.system], one.value) for one in means if spent.get(one.system) and one.value]
    return scatter_plot(points, "tokens a text", "mean score") if len(points) > 1 else None


def _span(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"({low:.2f} to {high:.2f})"


__all__: Sequence[str] = ["as_markdown", "as_page", "write_report"]

"""From runs to what a report says: boards, agreement, ratings, biases, costs, rows worth a look. No formatting here.

Rows that were not scored are counted everywhere and listed; they enter no mean.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from ravelar.benchmark.evals.agreement import Agreement, agreement
from ravelar.benchmark.evals.c3e.items import Item
from ravelar.benchmark.evals.c3e.run_folder import open_run
from ravelar.benchmark.evals.c3e.stages import COMPARISONS, JUDGEMENTS
from ravelar.benchmark.evals.leaderboard import Leaderboard, leaderboard
from ravelar.benchmark.evals.manifest import read_manifest
from ravelar.benchmark.evals.measures.stage import MEASURES
from ravelar.benchmark.evals.ratings import Comparison, Rating, ratings
from ravelar.benchmark.evals.report.humans import BesideHumans, Human, beside_humans
from ravelar.benchmark.evals.report.measured import Measured, measured_systems, refused_rows
from ravelar.benchmark.evals.rows import Row, read_rows_by_key
from ravelar.benchmark.evals.table import Score, Table
from ravelar.tools.errors import InputError
from ravelar.tools.writing.measures import RunMeasures, TrajectoryMeasures, measure_runs

SHOWN_ROWS = 3  # of each system the best and the worst so many; ours
_LONGEST_EXCERPT = 1_200


@dataclass(frozen=True, slots=True)
class Board:
    """A leaderboard over some of the rows.

    Attributes:
        judge: Who judged.
        language: "en" or "zh".
        task: One of the four, or "all": every row of the language.
        found: Means, ranks and pairs.
    """

    judge: str
    language: str
    task: str
    found: Leaderboard


@dataclass(frozen=True, slots=True)
class Bias:
    """What a judge leans to.

    Attributes:
        judge: Who.
        first: Share of comparisons with a winner that the text in front won; 0.5 without a lean. None without any.
        compared: Comparisons with a winner.
        contradicted: Share of pairs whose two orders name different winners; None without pairs.
        length: Spearman's correlation between a text's length and its score, within items; None where it can't be told.
        texts: Texts behind that.
    """

    judge: str
    first: float | None
    compared: int
    contradicted: float | None
    length: float | None
    texts: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What a system's texts, or a judge's verdicts, took.

    Attributes:
        who: The system or judge.
        rows: Rows with a result.
        calls: Calls.
        tokens_in: Tokens sent.
        tokens_out: Tokens received.
    """

    who: str
    rows: int
    calls: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A text that is worth a look.

    Attributes:
        system: Who wrote it.
        item: For which item.
        task: The item's task.
        judge: Who judged it.
        score: What it got.
        why: "best" or "worst".
        reasons: The judge's reasons.
        text: The text, or its beginning.
        reference: The reference, or its beginning.
    """

    system: str
    item: str
    task: str
    judge: str
    score: float
    why: str
    reasons: Sequence[Mapping[str, str]]
    text: str
    reference: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a report says.

    Attributes:
        runs: The runs' folders.
        manifests: What they were made with.
        items: How many items there are, by language and task.
        boards: Leaderboards by judge, language and task.
        judges: Agreement between judges, by language; None where there is one judge.
        ratings: Ratings from comparisons, by judge and language.
        biases: What each judge leans to.
        costs: What was spent, by system and judge.
        trajectories: Measures of writers that work in steps, by system.
        humans: Each judge beside people, where their scores were given.
        measured: What the measures without a model say, by language, task and system; empty if none was measured.
        refused: Every text that a gate refuses, with the gates; a refused text keeps its score and its place in means.
        shown: The best and worst rows.
        unscored: Every row that holds an error.
    """

    runs: Sequence[str]
    manifests: Sequence[Mapping[str, Any]]
    items: Mapping[str, int]
    boards: Sequence[Board]
    judges: Mapping[str, Agreement]
    ratings: Mapping[str, Sequence[Rating]]
    biases: Sequence[Bias]
    costs: Sequence[Cost]
    trajectories: Mapping[str, TrajectoryMeasures]
    humans: Sequence[BesideHumans]
    measured: Sequence[Measured]
    refused: Sequence[Row]
    shown: Sequence[ShownRow]
    unscored: Sequence[Row]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON, the sentences of each board with it."""
        plain = asdict(self)
        for board, given in zip(plain["boards"], self.boards, strict=True):
            board["words"] = given.found.words()
        return plain


@dataclass(slots=True)
class _Rows:
    """All rows of all runs."""

    items: dict[str, Item] = field(default_factory=dict)
    outputs: dict[str, Row] = field(default_factory=dict)
    judgements: list[Row] = field(default_factory=list)
    comparisons: list[Row] = field(default_factory=list)
    measures: dict[str, Row] = field(default_factory=dict)

    def add(self, folder: Path) -> None:
        run = open_run(folder)
        for item in run.items:
            known = self.items.setdefault(item.key, item)
            if known.reference != item.reference:
                raise InputError(f"{folder}: the item {item.key!r} is another one than in the runs before")
        outputs = run.outputs
        if twice := self.outputs.keys() & outputs.keys():
            raise InputError(f"{folder}: the text {sorted(twice)[0]!r} is in two of the runs")
        self.outputs |= outputs
        self.judgements += read_rows_by_key(folder / JUDGEMENTS).values()
        self.comparisons += read_rows_by_key(folder / COMPARISONS).values()
        self.measures |= read_rows_by_key(folder / MEASURES)


def gather(folders: Sequence[Path], *, human: Human | None = None) -> Findings:
    """Read runs, and find what is to be said of them.

    Args:
        folders: The runs.
        human: People's scores by item and system, to set judges beside.

    Raises:
        InputError: if a folder holds no run, or the runs do not belong together.
    """
    rows = _Rows()
    for folder in folders:
        rows.add(folder)
    if not rows.outputs:
        raise InputError(f"{', '.join(map(str, folders))}: there are no texts yet")
    everything = (*rows.outputs.values(), *rows.judgements, *rows.comparisons, *rows.measures.values())
    return Findings(
        runs=[str(folder) for folder in folders],
        manifests=[read_manifest(folder) for folder in folders],
        items=dict(Counter(f"{item.brief.language} {item.brief.task}" for item in rows.items.values())),
        boards=_boards(rows),
        judges=_agreements(rows),
        ratings=_ratings(rows),
        biases=_biases(rows),
        costs=_costs(rows),
        trajectories=_trajectories(rows),
        humans=_humans(rows, human or {}),
        measured=measured_systems(rows.measures, rows.outputs, rows.items),
        refused=refused_rows(rows.measures.values()),
        shown=_shown(rows),
        unscored=[row for row in everything if row.get("error")],
    )


def _judges(rows: Iterable[Row]) -> list[str]:
    return sorted({str(row["judge"]) for row in rows})


def _scores(rows: _Rows, judge: str) -> list[Score]:
    """Return a judge's scores; a text that failed, or was not judged, is unscored."""
    of = [row for row in rows.judgements if row["judge"] == judge]
    judged = {row["output"] for row in of}
    there = [Score(str(row["system"]), row["item"], row.get("score"), rows.items[row["item"]].cluster) for row in of]
    left = [row for key, row in rows.outputs.items() if key not in judged]
    return there + [Score(str(row["system"]), row["item"], None, rows.items[row["item"]].cluster) for row in left]


def _boards(rows: _Rows) -> list[Board]:
    boards = []
    kinds = {key: (item.brief.language, item.brief.task) for key, item in rows.items.items()}
    for judge in _judges(rows.judgements):
        table = Table.of(_scores(rows, judge))
        for language, task in _sections(kinds.values()):
            chosen = {key: kinds[key][0] == language and task in ("all", kinds[key][1]) for key in table.rows}
            if any(chosen.values()):
                boards.append(Board(judge, language, task, leaderboard(table.where(chosen))))
    return boards


def _sections(kinds: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    there = sorted(set(kinds))
    languages = sorted({language for language, _ in there})
    return [(one, task) for one in languages for task in ("all", *(task for of, task in there if of == one))]


def _agreements(rows: _Rows) -> dict[str, Agreement]:
    """Return how far the judges agree on texts, by language."""
    found: dict[str, Agreement] = {}
    if len(_judges(rows.judgements)) < 2:
        return found
    for language in sorted({item.brief.language for item in rows.items.values()}):
        scores = [
            Score(str(row["judge"]), str(row["output"]), row.get("score"), rows.items[row["item"]].cluster)
            for row in rows.judgements
            if row["language"] == language
        ]
        if scores:
            found[language] = agreement(Table.of(scores))
    return found


def _ratings(rows: _Rows) -> dict[str, list[Rating]]:
    found: dict[str, list[Rating]] = {}
    for judge in _judges(rows.comparisons):
        for language in sorted({str(row["language"]) for row in rows.comparisons}):
            of = [row for row in rows.comparisons if row["judge"] == judge and row["language"] == language]
            if any(row.get("better") for row in of):
                found[f"{judge}, {language}"] = ratings([_comparison(row, rows) for row in of])
    return found


def _comparison(row: Row, rows: _Rows) -> Comparison:
    share = {"first": 1.0, "second": 0.0, "tie": 0.5, None: None}[row.get("better")]
    return Comparison(str(row["first"]), str(row["second"]), share, rows.items[row["item"]].cluster)


def _biases(rows: _Rows) -> list[Bias]:
    found = []
    for judge in sorted({*_judges(rows.judgements), *_judges(rows.comparisons)}):
        compared = [row for row in rows.comparisons if row["judge"] == judge]
        won = [row["better"] == "first" for row in compared if row.get("better") in ("first", "second")]
        pairs: defaultdict[tuple[str, ...], set[Any]] = defaultdict(set)
        orders: Counter[tuple[str, ...]] = Counter()
        for row in compared:
            if row.get("better") is not None:
                pair = (row["item"], *sorted((str(row["first"]), str(row["second"]))))
                pairs[pair].add(row["winner"])
                orders[pair] += 1
        both = [pair for pair, n in orders.items() if n == 2]
        contradicted = sum(len(pairs[pair]) > 1 for pair in both) / len(both) if both else None
        length, texts = _length_bias([row for row in rows.judgements if row["judge"] == judge], rows)
        first = sum(won) / len(won) if won else None
        found.append(Bias(judge, first, len(won), contradicted, length, texts))
    return found


def _length_bias(judged: Iterable[Row], rows: _Rows) -> tuple[float | None, int]:
    """Return the correlation between length and score over texts for the same item: both less their item's mean."""
    from scipy import stats  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415  half a second

    by_item: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in judged:
        if row.get("score") is not None:
            by_item[row["item"]].append((len(rows.outputs[row["output"]]["text"]), row["score"]))
    several = [np.array(found, dtype=float) for found in by_item.values() if len(found) > 1]
    if not several:
        return None, 0
    centred = np.concatenate([found - found.mean(axis=0) for found in several])
    if (centred.std(axis=0) == 0).any():
        return None, len(centred)
    return float(stats.spearmanr(centred[:, 0], centred[:, 1]).statistic), len(centred)


def _costs(rows: _Rows) -> list[Cost]:
    made: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows.outputs.values():
        made[str(row["system"])].append(row)
    for row in (*rows.judgements, *rows.comparisons):
        made[f"judge {row['judge']}"].append(row)
    return [_cost(who, of) for who, of in sorted(made.items())]


def _cost(who: str, of: Sequence[Row]) -> Cost:
    def total(name: str) -> int:
        return sum(int(row.get(name) or 0) for row in of)

    made = sum(row.get("error") is None for row in of)
    return Cost(who, made, total("calls"), total("tokens_in"), total("tokens_out"))


def _trajectories(rows: _Rows) -> dict[str, TrajectoryMeasures]:
    """Return S, eta, rho and delta of writers that work in steps, by system; failed runs count."""
    found: defaultdict[str, list[RunMeasures]] = defaultdict(list)
    names = [one.name for one in fields(RunMeasures)]
    for row in rows.outputs.values():
        if kept := row.get("trajectory"):
            given = {name: kept[name] for name in names}
            found[str(row["system"])].append(RunMeasures(**{**given, "gains": tuple(kept["gains"])}))
    return {system: measure_runs(of) for system, of in found.items()}


def _humans(rows: _Rows, human: Human) -> list[BesideHumans]:
    clusters = {key: item.cluster for key, item in rows.items.items()}
    found = [beside_humans(judge, rows.judgements, human, clusters) for judge in _judges(rows.judgements)]
    return [one for one in found if one is not None]


def _shown(rows: _Rows) -> list[ShownRow]:
    """Return each system's best and worst texts, by the first judge."""
    judges = _judges(rows.judgements)
    scored: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows.judgements:
        if row["judge"] == judges[0] and row.get("score") is not None and row["repeat"] == 0:
            scored[str(row["system"])].append(row)
    shown = []
    for of in scored.values():
        ordered = sorted(of, key=lambda row: (row["score"], row["key"]))
        worst, best = ordered[:SHOWN_ROWS], ordered[SHOWN_ROWS:][-SHOWN_ROWS:]
        shown += [_show(row, "worst", rows) for row in worst] + [_show(row, "best", rows) for row in reversed(best)]
    return shown


def _show(row: Row, why: str, rows: _Rows) -> ShownRow:
    return ShownRow(
        system=str(row["system"]),
        item=row["item"],
        task=row["task"],
        judge=row["judge"],
        score=row["score"],
        why=why,
        reasons=row["reasons"],
        text=_excerpt(rows.outputs[row["output"]]["text"]),
        reference=_excerpt(rows.items[row["item"]].reference),
    )


def _excerpt(text: str) -> str:
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]} [... {len(text):,} characters]"

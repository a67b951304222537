"""HelloBench's published checklist judgements, as scores of its models.

    python -m ravelar.benchmark.evals.hellobench [DIR] [--first MODEL] [--second MODEL]

DIR holds `judgements.jsonl.gz` (one row a model and item, with the judge's score of each point of the checklist) and
`weights.json` (each category's weights). A row's score is (sum of weight x score - 75) x 4.

Source: HelloBench, arXiv 2409.16191, and its published evaluation script.
"""

import argparse
import gzip
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.leaderboard import leaderboard, verdict
from ravelar.benchmark.evals.means import differences, unpaired
from ravelar.benchmark.evals.table import Score, Table
from ravelar.tools.errors import InputError

TASKS = ("open_ended_qa", "chat", "text_completion", "heuristic_text_generation")


def checklist_score(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Return a row's score: 100 where every point of the checklist is met, -300 where none is.

    Raises:
        InputError: if there are not as many scores as weights.
    """
    if len(scores) != len(weights):
        raise InputError(f"{len(scores)} scores of a checklist with {len(weights)} points")
    return (math.fsum(weight * score for weight, score in zip(weights, scores, strict=True)) - 75) * 4


def read_hellobench(folder: Path) -> dict[str, Table]:
    """Read the judgements; return each task's table of models by items. A model without an item is unscored there.

    Raises:
        InputError: if a row's category has no weights, or not as many as it has scores.
    """
    return {task: Table.of(scores) for task, scores in _by_task(folder).items()}


def _by_task(folder: Path) -> dict[str, list[Score]]:
    weights = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
    found: dict[str, list[Score]] = {task: [] for task in TASKS}
    for place, row in enumerate(_rows(folder / "judgements.jsonl.gz"), 1):
        if row["category"] not in weights:
            raise InputError(f"judgement {place}: no weights for the category {row['category']!r}")
        value = checklist_score(row["checklist_scores"], weights[row["category"]])
        found.setdefault(row["task"], []).append(Score(row["model"], row["id"], value))
    return {task: scores for task, scores in found.items() if scores}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def main() -> None:
    """Print each task's means, and what can be said of two models."""
    parser = argparse.ArgumentParser(description="Means of HelloBench's judgements, with intervals.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data/hellobench"))
    parser.add_argument("--first", default="gpt4o_0806", help="a model")
    parser.add_argument("--second", default="mistral_large_api", help="another, to compare it with")
    arguments = parser.parse_args()
    for task, table in read_hellobench(arguments.folder).items():
        print(f"**{task}, {len(table.rows)} items**\n")
        print("| model | mean | interval | n | unscored | rank |\n|---|---|---|---|---|---|")
        board = leaderboard(table)
        for one in board.standings:
            mean = one.mean
            print(
                f"| {mean.system} | {mean.value:.2f} | {mean.low:.2f} to {mean.high:.2f} | {mean.n} | {mean.unscored} "
                f"| {one.rank} |"
            )
        pair = (arguments.first, arguments.second)
        (paired,), apart = differences(table, [pair]), unpaired(table, *pair)
        print(f"\n{board.summary()}")
        print(f"Row by row: {verdict(paired, 1)}")
        print(f"As if on different rows: {verdict(apart, 1)}\n")


if __name__ == "__main__":
    main()

"""`ravelar bench score`: what the score path costs per triple, beside the tools' own work, and in memory."""

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ravelar.benchmark.measuring import best_of, median_wall_s, process_cost
from ravelar.tools.builtin import builtin_library
from ravelar.tools.card import ToolCard
from ravelar.tools.columns import Columns
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score

Row = Mapping[str, Any]
N = 10_000  # triples in one measurement


class FreeTool:
    """A stand-in that bears a tool's card and gives everything its least score: its own work costs nothing."""

    def __init__(self, card: ToolCard) -> None:
        self.card = card

    def score(self, triples: Sequence[Triple]) -> list[float]:
        """Return n lowest scores."""
        return [self.card.worst] * len(triples)


def measure(*, rows: int = 1_000_000) -> dict[str, float]:
    """Measure everything; `rows` is the length of the long stream whose memory is compared with 10,000 rows."""
    short, long = stream_peak_mb(N), stream_peak_mb(rows)
    return {
        "overhead_us_per_triple": overhead_us_per_triple(),
        "numeric_per_s": numeric_per_s(),
        "peak_mb": long,
        "peak_mb_10k_rows": short,
        "peak_ratio": long / short,
        "import_s": median_wall_s([sys.executable, "-c", "import ravelar"]),
        "bare_python_s": median_wall_s([sys.executable, "-c", "pass"]),
        "help_s": median_wall_s([sys.executable, "-m", "ravelar", "--help"]),
    }


def overhead_us_per_triple() -> float:
    """Return microseconds per triple from a parsed row to its reward, all prompts distinct, the tools' work free."""
    library = Library(FreeTool(tool.card) for tool in builtin_library())
    columns, mixed = Columns(), list(mixed_rows(N))

    def work() -> None:
        rewards = score([columns.triple(row) for row in mixed], library=library)
        if any(reward.tool is None for reward in rewards):
            raise RuntimeError("a row of the benchmark found no tool")

    return best_of(5, work) / N * 1e6


def numeric_per_s() -> float:
    """Return how many plain numeric checks `math_answer` does in a second, from triple to reward, on one core."""
    library = builtin_library()
    triples = [Triple(f"What is {n} + {n}?", f"Adding gives\n#### {2 * n:,}", str(2 * n)) for n in range(N)]

    def work() -> None:
        if sum(reward.value or 0 for reward in score(triples, library=library)) != N:
            raise RuntimeError("a right answer was refused")

    return N / best_of(5, work)


def stream_peak_mb(rows: int) -> float:
    """Return the peak memory of `ravelar score` over a stream of so many rows, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "rows.jsonl"), Path(folder, "rewards.jsonl")
        with given.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in numeric_rows(rows))
        return process_cost([sys.executable, "-m", "ravelar", "score", str(given), "--out", str(out)]).peak_mb


def numeric_rows(rows: int) -> Iterator[Row]:
    """Yield rows with plain numeric references, every prompt distinct."""
    for n in range(rows):
        yield {"prompt": f"What is {n} + 1?", "completion": f"It is {n + 1}.", "reference": n + 1}


def mixed_rows(rows: int) -> Iterator[Row]:
    """Yield rows of six kinds in turn, every prompt distinct and some 300 characters long."""
    filler = "Think about it step by step and then write down what you found. " * 4
    kinds: list[Row] = [
        {"prompt": "How many apples are left?", "reference": 42},
        {"prompt": "Which one?\nA) red\nB) green\nC) blue\nD) none", "reference": "C"},
        {"prompt": "Translate into German: Good morning.", "reference": "Guten Morgen."},
        {"prompt": "Write a poem.", "instruction_id_list": ["punctuation:no_comma"], "kwargs": [{}]},
        {"prompt": "Simplify the fraction.", "reference": "\\frac{1}{2}"},
        {"prompt": "Summarize the report.", "reference": "It rained, and the match was called off."},
    ]
    for n in range(rows):
        kind = kinds[n % len(kinds)]
        yield {**kind, "prompt": f"{filler}{n}. {kind['prompt']}", "completion": f"Here is what I think of {n}."}

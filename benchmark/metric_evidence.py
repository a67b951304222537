"""How far the built-in metrics agree with experts: what their cards cite.

    python -m ravelar.benchmark.metric_evidence DIR [--out FILE]

DIR holds `wmt21ted/`: segments of TED talks with one reference, several systems' translations and expert
MQM scores (0 best, below 0 worse; WMT21, google/wmt-mqm-human-evaluation). Taken are all pairs of
translations of one segment with different MQM. A metric agrees with a pair if it holds the translation with
the better MQM for the better one; a tie of the metric counts one half. The 95 % interval is a percentile
bootstrap over segments, since pairs of one segment are not independent.
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ravelar.tools.reward import RewardTool, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.repetition import Repetition
from ravelar.tools.verifiers.translation import Bleu, Translation

MADE_BY = "python -m ravelar.benchmark.metric_evidence ../shared/data"
LANGUAGE_PAIRS = {"ende": "English-German", "zhen": "Chinese-English"}
RESAMPLES = 2_000
SEED = 21


class Segment(NamedTuple):
    """One source sentence: its translations as triples, and their MQM scores."""

    language_pair: str
    triples: list[Triple]
    mqm: list[float]


class Agreement(NamedTuple):
    """A metric on one segment: pairs it agrees on (ties half), pairs there are, translations unscored."""

    agreed: float
    pairs: int
    unscored: int


def measure(data_dir: str | Path) -> dict[str, list[dict[str, Any]]]:
    """Measure the metrics on the data; return tool name to a list of `Evidence` fields.

    Args:
        data_dir: The folder that holds `wmt21ted`.
    """
    segments = list(read_segments(Path(data_dir)))
    tools: list[RewardTool] = [Translation(), Bleu(), Repetition()]
    return {tool.card.name: _facts(tool, segments) for tool in tools}


def read_segments(data_dir: Path) -> Iterator[Segment]:
    """Read the segments of both language pairs, in the files' order."""
    for language_pair in LANGUAGE_PAIRS:
        with gzip.open(data_dir / "wmt21ted" / f"{language_pair}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                candidates = row["candidates"]
                triples = [Triple(row["source"], c["target"], row["ref"], {"lp": language_pair}) for c in candidates]
                yield Segment(language_pair, triples, [float(c["mqm"]) for c in candidates])


def agreement(values: Sequence[float | None], mqm: Sequence[float]) -> Agreement:
    """Count the pairs of different MQM on which a metric agrees; pairs with an unscored side are left out."""
    agreed, pairs = 0.0, 0
    for i, j in combinations(range(len(mqm)), 2):
        one, other = values[i], values[j]
        if mqm[i] == mqm[j] or one is None or other is None:
            continue
        pairs += 1
        agreed += 0.5 if one == other else float((one > other) == (mqm[i] > mqm[j]))
    return Agreement(agreed, pairs, sum(value is None for value in values))


def _facts(tool: RewardTool, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    counted = [(s.language_pair, agreement(_values(tool, s), s.mqm)) for s in segments]
    together = _fact("both language pairs", [found for _, found in counted])
    parts = [
        _fact(name, [found for language_pair, found in counted if language_pair == code])
        for code, name in LANGUAGE_PAIRS.items()
    ]
    return [together, *parts]


def _values(tool: RewardTool, segment: Segment) -> list[float | None]:
    return [reward.value for reward in score_or_abstain(tool, segment.triples)]


def _fact(name: str, counts: Sequence[Agreement]) -> dict[str, Any]:
    used = [count for count in counts if count.pairs]
    low, high = interval([c.agreed for c in used], [c.pairs for c in used])
    pairs = sum(c.pairs for c in used)
    return {
        "data": f"WMT21 TED (half), {name}: {len(used)} segments with pairs of different MQM",
        "measure": "pairwise agreement with expert MQM, ties one half",
        "n": pairs,
        "value": round(sum(c.agreed for c in used) / pairs, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "unscored": sum(c.unscored for c in counts),
        "made_by": MADE_BY,
    }


def interval(agreed: Sequence[float], pairs: Sequence[int]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the share agreed, resampling segments."""
    drawn = np.random.default_rng(SEED).integers(0, len(pairs), (RESAMPLES, len(pairs)))
    shares = np.asarray(agreed)[drawn].sum(axis=1) / np.asarray(pairs)[drawn].sum(axis=1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def main() -> None:
    """Measure, print the table, and write the facts where the cards read them."""
    parser = argparse.ArgumentParser(description="Measure how far the built-in metrics agree with experts.")
    parser.add_argument("data_dir", type=Path, help="the folder that holds wmt21ted")
    parser.add_argument("--out", type=Path, help="write the facts here, as tools/verifiers/evidence.json holds them")
    arguments = parser.parse_args()
    facts = measure(arguments.data_dir)
    for name, found in facts.items():
        for fact in found:
            bounds = f"[{fact['low']:.3f}, {fact['high']:.3f}]"
            print(f"{name:12} {fact['value']:.3f} {bounds} n={fact['n']:,} {fact['data']}")
    if arguments.out:
        arguments.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

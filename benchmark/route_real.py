"""Prompts of real data sets, mixed, for measuring how tasks are recognised; read from beside the checkout."""

import gzip
import json
import os
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ravelar.benchmark.route_prompts import FamilyPrompt

DATA = Path(os.environ.get("RAVELAR_SHARED", Path(__file__).resolve().parents[1].parent / "shared" / "data"))
Row = Mapping[str, Any]


def real_prompts(n: int, seed: int, *, data: Path = DATA, families: tuple[str, ...] = ()) -> list[FamilyPrompt]:
    """Return up to n prompts of the families whose data is there, in random order, each once.

    Prompts are the data's own; only translations, which have none, are given one of four wordings.
    """
    rng = random.Random(seed)
    found = [
        FamilyPrompt(family, *read(row, rng))
        for family, (files, read) in SOURCES.items()
        if not families or family in families
        for file in files
        if (data / file).exists()
        for row in _rows(data / file)
    ]
    rng.shuffle(found)
    return found[:n]


def missing(data: Path = DATA) -> list[str]:
    """Return the families whose data is not there."""
    return [family for family, (files, _) in SOURCES.items() if not any((data / file).exists() for file in files)]


def _rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _translation(row: Row, rng: random.Random) -> tuple[str, Any]:
    language = {"ende": "German", "zhen": "English"}[row["lp"]]
    source = row["source"]
    asked = rng.choice(
        (
            f"Translate into {language}: {source}",
            f"{source}\n\nPlease give the {language} translation.",
            f"How does this read in {language}?\n{source}",
            f"You are a subtitler. Put the line into {language}.\nLine: {source}",
        )
    )
    return asked, row["ref"]


def _chat(row: Row, _rng: random.Random) -> tuple[str, Any]:
    return row["chosen"].rsplit("\n\nAssistant:", 1)[0], None


SOURCES: Mapping[str, tuple[tuple[str, ...], Callable[[Row, random.Random], tuple[str, Any]]]] = {
    "gsm8k": (
        ("gsm8k/train.jsonl.gz",),
        lambda row, _: (row["question"], row["answer"].rsplit("####", 1)[-1].strip()),
    ),
    "math": (("math/math500.jsonl.gz",), lambda row, _: (row["problem"], row["answer"])),
    "humaneval": (("humaneval/HumanEval.jsonl.gz",), lambda row, _: (row["prompt"], row["test"])),
    "mbpp": (("mbpp/mbpp.jsonl.gz",), lambda row, _: (row["text"], row["test_list"])),
    "ifeval": (("ifeval/ifeval.jsonl.gz",), lambda row, _: (row["prompt"], None)),
    "wmt21ted": (("wmt21ted/ende.jsonl.gz", "wmt21ted/zhen.jsonl.gz"), _translation),
    "hh_rlhf": (("hh-rlhf/harmless_test.jsonl.gz",), _chat),
    "c3ebench": (("c3ebench/english.jsonl.gz",), lambda row, _: (row["instruction"], row["reference"])),
    "judgebench": (("judgebench/gpt-4o-2024-05-13.jsonl.gz",), lambda row, _: (row["question"], None)),
}
"""Each family's files, and what of a row is the prompt and the reference."""
EIGHT: tuple[str, ...] = tuple(family for family in SOURCES if family != "judgebench")
"""Without JudgeBench, whose prompts are of seventeen kinds themselves."""

"""What stands behind `unit_tests`: HumanEval and MBPP solutions, and sampled programs against an independent check.

    python -m ravelar.benchmark.code_evidence DIR --sandbox local [--independent] [--rows N]

DIR holds `humaneval/`, `mbpp/` and `codet/` as gzipped JSON lines. Of each sampled program the reward is compared
with what `python -I` says of prompt, sample and test as they are (`plain_check`), in a process of its own.
"""

import argparse
import gzip
import json
import os
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ravelar.benchmark.plain_check import plain_checks
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.sandbox.protocol import Limits, Sandbox
from ravelar.tools.verifiers.code.plans import make_plan
from ravelar.tools.verifiers.code.tool import UnitTests

Row = Mapping[str, Any]
LIMITS = Limits(wall_s=10.0, cpu_s=3.0)  # HumanEval's own time limit is 3 s
_SHOWN = 20  # disagreements named in the report


def measure(data_dir: Path, sandbox: Sandbox, *, independent: bool = False, rows: int | None = None) -> dict[str, Any]:
    """Measure everything.

    Args:
        data_dir: Where the data sets lie.
        sandbox: Where programs run.
        independent: Whether to run the independent check, too; it is not counted in the times.
        rows: How many tasks of the sampled programs to take; None for all.
    """
    humaneval, mbpp = read_rows(data_dir / "humaneval"), read_rows(data_dir / "mbpp")
    sampled = read_rows(data_dir / "codet")[:rows]
    return {
        "sandbox": sandbox.name,
        "cores": len(os.sched_getaffinity(0)),
        "humaneval": solutions([Triple(row["prompt"], row["canonical_solution"], row) for row in humaneval], sandbox),
        "humaneval_reduced": reduced(humaneval),
        "mbpp": solutions([Triple(row["text"], row["code"], row) for row in mbpp], sandbox),
        "codet": samples(sampled, humaneval, sandbox, independent=independent),
    }


def read_rows(folder: Path) -> list[Row]:
    """Read the gzipped JSON lines of a folder."""
    rows: list[Row] = []
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows += map(json.loads, file)
    return rows


def solutions(triples: Sequence[Triple], sandbox: Sandbox) -> dict[str, Any]:
    """Score reference solutions; all should pass."""
    started = time.perf_counter()
    scores = UnitTests(sandbox, score="all").score(triples)
    seconds = time.perf_counter() - started
    failed = [_name(triple.reference) for triple, score in zip(triples, scores, strict=True) if not passed(score)]
    return {
        "n": len(triples),
        "passed": len(triples) - len(failed),
        "failed": failed,
        "levels": Counter(level(score) for score in scores),
        "programs_per_s": len(triples) / seconds,
    }


def _name(row: Row) -> str:
    return str(row.get("task_id", "?"))


def passed(score: RawScore) -> bool:
    """Say whether a program passed all tests."""
    return isinstance(score, Scored) and score.raw == 1.0


def level(score: RawScore) -> str:
    """Return at which level a program was judged, or the error's name."""
    return str((score.detail or {}).get("level")) if isinstance(score, Scored) else type(score).__name__


def reduced(rows: Sequence[Row]) -> int:
    """Return how many HumanEval checks are data as a whole."""
    return sum(make_plan(row["prompt"], row, {}).check is None for row in rows)


def samples(sampled: Sequence[Row], humaneval: Sequence[Row], sandbox: Sandbox, *, independent: bool) -> dict[str, Any]:
    """Score sampled programs, each a continuation of its task's prompt."""
    tasks = [(row, task_of(row["prompt"], humaneval)) for row in sampled]
    triples = [Triple(row["prompt"], sample, task) for row, task in tasks for sample in row["samples"]]
    tool = UnitTests(sandbox, score="all", limits=LIMITS)
    started, used = time.perf_counter(), time.process_time()
    scores = tool.score(triples)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - used
    unique = {(triple.question, triple.text) for triple in triples}
    figures: dict[str, Any] = {
        "programs": len(triples),
        "unique": len(unique),
        "passed": sum(map(passed, scores)),
        "unscored": sum(not isinstance(score, Scored) for score in scores),
        "levels": Counter(map(level, scores)),
        "seconds": seconds,
        "programs_per_s": len(triples) / seconds,
        "unique_programs_per_s": len(unique) / seconds,
        "host_cpu_ms_per_unique_program": 1000 * cpu_s / len(unique),
    }
    return figures | compared(triples, scores) if independent else figures


def task_of(prompt: str, humaneval: Sequence[Row]) -> Row:
    """Return the task that a prompt is of: CodeT took the examples out of them, so they are not identical."""
    name = re.findall(r"^def (\w+)", prompt, re.MULTILINE)[-1]
    named = [row for row in humaneval if row["entry_point"] == name]
    return max(named, key=lambda row: _same_start(row["prompt"], prompt))


def _same_start(left: str, right: str) -> int:
    """Return how many characters two texts share at their start."""
    pairs = zip(left, right, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))


def compared(triples: Sequence[Triple], scores: Sequence[RawScore]) -> dict[str, Any]:
    """Compare with the independent check."""
    verdicts = list(dict.fromkeys((triple.question, triple.text) for triple in triples))
    rows = {(triple.question, triple.text): triple.reference for triple in triples}
    started = time.perf_counter()
    checked = plain_checks([_whole(prompt, sample, rows[prompt, sample]) for prompt, sample in verdicts])
    truth = dict(zip(verdicts, checked, strict=True))
    accepted: list[Any] = []
    refused: list[Any] = []
    for key, (triple, score) in {
        (triple.question, triple.text): (triple, score) for triple, score in zip(triples, scores, strict=True)
    }.items():
        if passed(score) and not truth[key]:
            accepted.append(_disagreement(triple, score))
        elif truth[key] and not passed(score):
            refused.append(_disagreement(triple, score))
    return {
        "independent_seconds": time.perf_counter() - started,
        "independent_passed": sum(truth[triple.question, triple.text] for triple in triples),
        "false_accepts": len(accepted),
        "false_rejects": len(refused),
        "accepted_wrongly": accepted[:_SHOWN],
        "refused_wrongly": refused[:_SHOWN],
    }


def _whole(prompt: str, sample: str, row: Row) -> str:
    """Return what HumanEval executes."""
    return f"{prompt}{sample}\n{row['test']}\ncheck({row['entry_point']})"


def _disagreement(triple: Triple, score: RawScore) -> dict[str, Any]:
    told: dict[str, Any] = dict(score.detail or {}) if isinstance(score, Scored) else {"error": repr(score)}
    tests = [test for test in told.get("tests", []) if test["outcome"] != "pass"][:2]
    return {"task": _name(triple.reference), "sample": triple.text[:400], "tests": tests, "error": told.get("error")}


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--sandbox", choices=("local", "unsafe"), default="local")
    parser.add_argument("--independent", action="store_true")
    parser.add_argument("--rows", type=int)
    options = parser.parse_args()
    sandbox = open_sandbox(options.sandbox)
    figures = measure(options.data_dir, sandbox, independent=options.independent, rows=options.rows)
    print(json.dumps(figures, indent=2))


def open_sandbox(name: str) -> Sandbox:
    """Open a sandbox by its name."""
    if name == "unsafe":
        from ravelar.tools.sandbox.unsafe import UnsafeSandbox  # noqa: PLC0415  not imported unless named

        return UnsafeSandbox()
    from ravelar.tools.sandbox.local import LocalSandbox  # noqa: PLC0415

    return LocalSandbox()


if __name__ == "__main__":
    main()

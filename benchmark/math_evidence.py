"""Measure `math_answer` on real data: GSM8K's labelled solutions, MATH-500, and answers made to cheat.

    python -m ravelar.benchmark.math_evidence ../shared/data [--speed]

prints the counts that docs/verifiers.md publishes, as JSON.
"""

import argparse
import gzip
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from ravelar.tools.errors import RewardToolError
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.math_answer import MathAnswer
from ravelar.tools.verifiers.maths.references import read_reference

GSM8K = "gsm8k/labelled_solutions.jsonl.gz"
MATH = "math/math500.jsonl.gz"
PROSE = (
    "The final answer is {}.",
    "The final answer is ${}$. I hope it is correct.",
    "Therefore, ${}$.",
    "Therefore, the answer is ${}$.",
)
BOXES = (r"\boxed{{{}}}", r"We get $\boxed{{{}}}$ as desired.")
CHEATS = (
    "The answer is {wrong} or {right}.",
    "The answer is {right} or {wrong}.",
    "The answer is {wrong}. Or maybe {right}.",
    r"\boxed{{{wrong}}} or \boxed{{{right}}}",
    r"\boxed{{{right}}} or \boxed{{{wrong}}}",
    r"\boxed{{{wrong}, {right}}}",
    "A: {wrong}\nA: {right}",
    "The answer is {right}. No, wait: the answer is {wrong}.",
    "The answer is not {right}.",
    "I considered {right} first.\nA: {wrong}",
    "{wrong}, {right}",
)

Counts = dict[str, int]


def measure(data_dir: Path) -> dict[str, Counts]:
    """Return all counts, by data set."""
    tool = MathAnswer()
    try:
        return {
            "gsm8k": labelled_solutions(tool, _rows(data_dir / GSM8K)),
            "gsm8k_cheats": cheats(tool, _rows(data_dir / GSM8K)),
            "math500": references_of_math(tool, _rows(data_dir / MATH)),
        }
    finally:
        tool.close()


def labelled_solutions(tool: MathAnswer, rows: Sequence[dict[str, Any]]) -> Counts:
    """Compare rewards with the labels of model solutions; the reference is the whole worked solution."""
    labelled = [
        (Triple(row["question"], cell["solution"], row["ground_truth"]), bool(cell["is_correct"]))
        for row in rows
        for cell in row.values()
        if isinstance(cell, dict)
    ]
    verdicts = [_right(raw) for raw in tool.score([triple for triple, _ in labelled])]
    pairs = list(zip(verdicts, (label for _, label in labelled), strict=True))
    return {
        "problems": len(rows),
        "solutions": len(pairs),
        "right": sum(label for _, label in pairs),
        "false_accepts": sum(verdict is True and not label for verdict, label in pairs),
        "false_rejects": sum(verdict is False and label for verdict, label in pairs),
        "unscored": sum(verdict is None for verdict, _ in pairs),
    }


def cheats(tool: MathAnswer, rows: Sequence[dict[str, Any]]) -> Counts:
    """Count completions that name the right number without answering with it, and get away with it."""
    triples = []
    for row in rows:
        number = read_reference(row["ground_truth"]).number
        if number is None:
            continue
        for cheat in CHEATS:
            triples.append(
                Triple(row["question"], cheat.format(right=number.value, wrong=number.value + 1), number.value)
            )
    return {"completions": len(triples), "accepted": sum(_right(raw) is True for raw in tool.score(triples))}


def references_of_math(tool: MathAnswer, rows: Sequence[dict[str, Any]]) -> Counts:
    """Count how the references of MATH accept themselves, other notations of themselves, and their neighbours."""
    references = [str(row["answer"]) for row in rows]
    numeric = [reference for reference in references if read_reference(reference).number]
    following = [*references[1:], *references[:1]]
    accepted = [_right(raw) is True for raw in tool.score(_boxed(references, following))]
    equal = [held_equal(first, second) for first, second in zip(references, following, strict=True)]
    return {
        "references": len(references),
        "accept_themselves_in_prose": _accept_all(tool, references, lambda text: [p.format(text) for p in PROSE]),
        "accept_themselves_in_a_box": _accept_all(tool, references, lambda text: [b.format(text) for b in BOXES]),
        "accept_their_worked_solution": sum(
            _right(raw) is True
            for raw in tool.score([Triple(row["problem"], row["solution"], row["answer"]) for row in rows])
        ),
        "numeric": len(numeric),
        "numeric_accept_three_other_notations": _accept_all(tool, numeric, other_notations),
        "accept_the_next": sum(accepted),
        "next_held_equal_by_math_verify": sum(equal),
        "accept_the_next_though_unequal": sum(a and not e for a, e in zip(accepted, equal, strict=True)),
        "refuse_the_next_though_equal": sum(e and not a for a, e in zip(accepted, equal, strict=True)),
    }


def other_notations(reference: str) -> list[str]:
    """Write a number in three further notations, boxed: an unreduced fraction, a scientific one, a third that fits."""
    number = read_reference(reference).number
    if number is None:
        return []
    value = Fraction(number.value)
    forms = [
        rf"\frac{{{3 * value.numerator}}}{{{3 * value.denominator}}}",
        f"{7 * value.numerator}/{7 * value.denominator}",
    ]
    if decimal := _terminating(value):
        forms = [
            forms[0],
            rf"{_terminating(value / 100)} \times 10^{{2}}",
            f"{decimal}0" if "." in decimal else f"{decimal}.00",
        ]
        forms[2] = f"{value.numerator:,}" if value.denominator == 1 and abs(value) >= 1000 else forms[2]
    elif abs(value) > 1:
        whole, rest = divmod(abs(value.numerator), value.denominator)
        forms.append(rf"{'-' if value < 0 else ''}{whole}\frac{{{rest}}}{{{value.denominator}}}")
    else:
        forms.append(rf"\dfrac{{{-value.numerator}}}{{{-value.denominator}}}")
    return [rf"\boxed{{{form}}}" for form in forms]


def _terminating(value: Fraction) -> str | None:
    """Return the decimal notation of a number that has one of at most 12 places."""
    scaled = value * 10**12
    if scaled.denominator != 1:
        return None
    digits = f"{abs(scaled.numerator):013d}"
    return ("-" if value < 0 else "") + f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")


def held_equal(reference: str, other: str) -> bool:
    """Say whether Math-Verify as it comes holds two answers equal, the first being its gold answer."""
    from math_verify import parse, verify  # type: ignore[import-untyped]  # noqa: PLC0415  half a second

    gold, given = (parse(rf"\boxed{{{text}}}", parsing_timeout=None) for text in (reference, other))
    return bool(verify(gold, given, timeout_seconds=None))


def speed(data_dir: Path) -> dict[str, float]:
    """Measure rates of one tool on one core, and the start of the worker, in wall-clock time."""
    plain = [
        Triple(f"What is {i} + 1?", f"We add 1 to {i}.\nSo we get {i + 1}.\nThe answer is {i + 1}.", i + 1)
        for i in range(10_000)
    ]
    solutions = [
        Triple(r["question"], r["6b_finetuning"]["solution"], r["ground_truth"]) for r in _rows(data_dir / GSM8K)
    ]
    references = [str(row["answer"]) for row in _rows(data_dir / MATH)]
    formulas = [text for text in references if read_reference(text).form == "formula"]
    pairs = _boxed([*formulas, *formulas], [*formulas[1:], *formulas[:1], *(f"0+{text}" for text in formulas)])
    tool = MathAnswer()
    try:
        return {
            "plain_numbers_per_s": len(plain) / _seconds(tool, plain),
            "gsm8k_solutions_per_s": len(solutions) / _seconds(tool, solutions),
            "worker_start_s": _seconds(tool, pairs[:1]),
            "math_verify_in_worker_per_s": len(pairs) / _seconds(tool, pairs),
        }
    finally:
        tool.close()


def _seconds(tool: MathAnswer, triples: Sequence[Triple]) -> float:
    began = time.perf_counter()
    tool.score(triples)
    return time.perf_counter() - began


def _boxed(references: Sequence[str], answers: Iterable[str]) -> list[Triple]:
    return [
        Triple("", rf"\boxed{{{answer}}}", reference) for reference, answer in zip(references, answers, strict=True)
    ]


def _accept_all(tool: MathAnswer, references: Sequence[str], write: Callable[[str], list[str]]) -> int:
    """Count the references that accept every one of their completions."""
    written = [(reference, completion) for reference in references for completion in write(reference)]
    raws = tool.score([Triple("", completion, reference) for reference, completion in written])
    refused = {reference for (reference, _), raw in zip(written, raws, strict=True) if _right(raw) is not True}
    return sum(reference not in refused for reference in references)


def _right(raw: RawScore) -> bool | None:
    """Return the verdict, or None for an unscored triple."""
    if isinstance(raw, RewardToolError):
        return None
    return (raw.raw if isinstance(raw, Scored) else raw) == 1.0


def _rows(path: Path) -> list[dict[str, Any]]:
    def lines() -> Iterator[dict[str, Any]]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            yield from map(json.loads, file)

    return list(lines())


def main() -> None:
    """Print the counts, and with --speed the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path, help="the folder that holds gsm8k/ and math/")
    parser.add_argument("--speed", action="store_true", help="measure rates too")
    given = parser.parse_args()
    found: dict[str, Any] = dict(measure(given.data_dir))
    if given.speed:
        found["speed"] = {name: round(value, 2) for name, value in speed(given.data_dir).items()}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()

"""What the jail costs Math-Verify: the same formulas compared inside the sandbox's math profile and outside.

    python -m ravelar.benchmark.math_in_jail [MATH500.jsonl.gz]

Batches of 64 in one kept worker against the same function in this process, in turn, both warm, best of three a
batch. Without a file, formulas are made up; with MATH-500, each reference is compared with itself and the next.
"""

import gzip
import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from ravelar.benchmark.measuring import best_of
from ravelar.tools.sandbox.local import LocalSandbox, Upkeep
from ravelar.tools.sandbox.protocol import Call, Limits, Program

SOURCE = """
from math_verify import parse, verify

def check(reference, given):
    gold = parse(f"${reference}$", parsing_timeout=None)
    return bool(verify(gold, parse(f"${given}$", parsing_timeout=None), timeout_seconds=None))
"""
BATCH = 64
_PAIRS = 128  # made-up ones
_LIMITS = Limits(wall_s=60.0, cpu_s=30.0, memory_mb=1024)

Pair = tuple[str, str]


def measure(pairs: Sequence[Pair] | None = None) -> dict[str, float]:
    """Return comparisons a second inside and outside, and the ratio of their times (1 is no cost)."""
    asked = pairs or made_up()
    names: dict[str, Any] = {}
    exec(SOURCE, names)
    check = names["check"]
    program = Program(SOURCE, entry="check", profile="math", returns="json", isolation="per_tool")
    inside_s = outside_s = 0.0
    with LocalSandbox(upkeep=Upkeep(width=1)) as sandbox:
        for start in range(0, len(asked), BATCH):  # in turn, batch by batch: a busy machine slows both alike
            batch = asked[start : start + BATCH]
            calls = [Call(pair) for pair in batch]
            if [got.value for got in sandbox.run(program, calls, _LIMITS)] != _compare(check, batch):
                raise RuntimeError("the jail changed a verdict")
            outside_s += best_of(3, partial(_compare, check, batch))
            inside_s += best_of(3, partial(sandbox.run, program, calls, _LIMITS))
    return {
        "pairs": float(len(asked)),
        "inside_per_s": len(asked) / inside_s,
        "outside_per_s": len(asked) / outside_s,
        "inside_to_outside": inside_s / outside_s,
    }


def _compare(check: Callable[[str, str], bool], batch: Sequence[Pair]) -> list[bool]:
    return [check(*pair) for pair in batch]


def made_up() -> list[Pair]:
    """Return formulas with equal and unequal partners."""
    numbers = range(_PAIRS // 2)
    equal = [
        (rf"\frac{{{n}}}{{{n + 3}}} + \sqrt{{{n}}}", rf"\sqrt{{{n}}} + \frac{{{2 * n}}}{{{2 * n + 6}}}")
        for n in numbers
    ]
    return equal + [(rf"x^2 + {n}x", rf"x(x + {n + n % 2})") for n in numbers]


def math500_pairs(path: Path) -> list[Pair]:
    """Return each reference of MATH-500 with itself and with the next."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        answers = [json.loads(line)["answer"] for line in lines]
    return [*zip(answers, answers, strict=True), *pairwise(answers)]


if __name__ == "__main__":
    print(json.dumps(measure(math500_pairs(Path(sys.argv[1])) if len(sys.argv) > 1 else None), indent=1))

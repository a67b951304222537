"""HumanEval's and MBPP's own solutions, and sampled programs, through the real jail."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.benchmark.code_evidence import LIMITS, level, passed, read_rows, reduced, samples, solutions, task_of
from ravelar.benchmark.plain_check import passes
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.code.tool import UnitTests

pytestmark = pytest.mark.slow


def test_every_humaneval_solution_passes(shared: Callable[[str], Path], jail: Any) -> None:
    rows = read_rows(shared("humaneval"))
    figures = solutions([Triple(row["prompt"], row["canonical_solution"], row) for row in rows], jail)
    assert figures["failed"] == []
    assert figures["levels"]["shared_jail"] == 0
    assert reduced(rows) >= 0.97 * len(rows)


def test_every_mbpp_solution_passes(shared: Callable[[str], Path], jail: Any) -> None:
    rows = read_rows(shared("mbpp"))
    triples = [Triple(row["text"], f"```python\n{row['code']}\n```", row) for row in rows]
    figures = solutions(triples, jail)
    assert figures["failed"] == []
    assert figures["levels"]["shared_jail"] <= 4


def test_solutions_of_other_tasks_pass_no_test_of_this_one(shared: Callable[[str], Path], jail: Any) -> None:
    rows = read_rows(shared("humaneval"))[:40]
    wrong = ["    return None\n", "    return 0\n", "    return True\n", "    pass\n", "    raise SystemExit\n"]
    triples = [Triple(row["prompt"], text, row) for row in rows for text in wrong]
    scores = UnitTests(jail, score="all").score(triples)
    assert not any(map(passed, scores))
    assert all(isinstance(score, Scored) for score in scores)


def test_sampled_programs_are_judged_as_plain_python_judges_them(shared: Callable[[str], Path], jail: Any) -> None:
    humaneval, sampled = read_rows(shared("humaneval")), read_rows(shared("codet"))
    chosen = random.Random(7).sample([(row, text) for row in sampled for text in row["samples"]], 60)
    triples = [Triple(row["prompt"], text, task_of(row["prompt"], humaneval)) for row, text in chosen]
    scores = UnitTests(jail, score="all", limits=LIMITS).score(triples)
    for triple, score in zip(triples, scores, strict=True):
        row = triple.reference
        whole = f"{triple.question}{triple.text}\n{row['test']}\ncheck({row['entry_point']})"
        assert passed(score) == passes(whole), (row["task_id"], triple.text, level(score))


def test_figures_of_sampled_programs_add_up(shared: Callable[[str], Path], jail: Any) -> None:
    humaneval, sampled = read_rows(shared("humaneval")), read_rows(shared("codet"))[:1]
    figures = samples(sampled, humaneval, jail, independent=False)
    assert figures["programs"] == len(sampled[0]["samples"]) >= figures["unique"] > 0
    assert figures["unscored"] == 0
    assert 0 < figures["passed"] < figures["programs"]


@pytest.mark.parametrize(
    ("source", "right"),
    [("x = 1", True), ("1 / 0", False), ("raise SystemExit(0)", False), ("open('x', 'w').write('y')", False)],
)
def test_the_independent_check_believes_only_a_program_that_comes_to_its_end(source: str, right: bool) -> None:
    assert passes(source) is right

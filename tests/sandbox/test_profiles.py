"""Profiles: what programs find, lazily or not, and what they do not; and scripts."""

import math

import pytest

from ravelar.tools.sandbox.protocol import Call, Limits, Program

LIMITS = Limits(wall_s=10, cpu_s=10)


def run(sandbox, source, *args, profile="core", returns="json"):
    return sandbox.run(Program(source, profile=profile, returns=returns), [Call(args)], LIMITS)[0]


def test_math_verify_judges_inside(sandbox):
    source = "from math_verify import parse, verify as same\ndef verify(a, b): return same(parse(a), parse(b))"
    answers = [(r"$\frac{1}{2}$", "$0.5$"), ("$x^2$", "$x^3$"), (r"$\sqrt{8}$", r"$2\sqrt{2}$")]
    outcomes = sandbox.run(
        Program(source, profile="math", isolation="per_tool"), [Call(pair) for pair in answers], LIMITS
    )
    assert [outcome.value for outcome in outcomes] == [1.0, 0.0, 1.0], outcomes


@pytest.mark.parametrize(
    ("profile", "module"),
    [
        ("math", "sympy.physics.units"),
        ("math", "sympy.stats"),
        ("text", "numpy.ma"),
        ("text", "nltk.translate.gleu_score"),
    ],
)
@pytest.mark.slow
def test_modules_of_a_profiles_packages_are_imported_lazily(sandbox, profile, module):
    source = f"def verify():\n    import sys\n    was = {module!r} in sys.modules\n    import {module}\n    return was"
    outcome = run(sandbox, source, profile=profile)
    assert outcome.ok, outcome


@pytest.mark.parametrize(
    "module", ["numpy", "sympy", "requests", "multiprocessing.pool", "ensurepip", "pip", "ravelar.cli"]
)
def test_what_a_profile_does_not_name_can_not_be_imported(sandbox, module):
    outcome = run(sandbox, f"def verify():\n    import {module}")
    assert outcome.reason == "raised"
    assert "ModuleNotFoundError" in outcome.message


def test_metrics_of_the_text_profile_work(sandbox):
    source = """
import jsonschema, numpy, sacrebleu
from rouge_score import rouge_scorer
def verify(text):
    jsonschema.validate({"a": 1}, {"required": ["a"]})
    rouge = rouge_scorer.RougeScorer(["rougeL"]).score(text, text)["rougeL"].fmeasure
    draw = numpy.random.default_rng(0).random()
    return float(rouge == 1 and sacrebleu.sentence_bleu(text, [text]).score > 99 and 0 <= draw < 1)
"""
    outcome = run(sandbox, source, "the quick brown fox jumps", profile="text", returns="reward")
    assert outcome.value == 1.0, outcome


def test_numpy_numbers_are_rewards(sandbox):
    for expression in ("numpy.float64(0.5)", "numpy.float32(0.5)", "numpy.array(0.5)", "numpy.bool_(True) / 2"):
        outcome = run(sandbox, f"import numpy\ndef verify(): return {expression}", profile="text", returns="reward")
        assert outcome.value == 0.5, expression


def test_ordinary_programs_find_what_they_use(sandbox):
    source = """
import collections, dataclasses, datetime, decimal, enum, functools, hashlib, heapq, itertools, json, math, random, re
import statistics, string, sys, typing, regex, bisect, copy, operator, fractions
sys.setrecursionlimit(5000)
@dataclasses.dataclass
class Point:
    x: "int"
    y: int = 0
class Color(enum.Enum):
    RED = 1
def verify(n: typing.List[int]):
    print(datetime.date(2024, 2, 29).isoformat(), random.random() < 1, hashlib.sha256(b"x").hexdigest()[:4])
    datetime.datetime.strptime("2024-01-02", "%Y-%m-%d")
    return [sorted(n), Point(1).x, Color(1).name, str(decimal.Decimal("0.1") * 3), regex.sub(r"\\p{L}", "", "aé1")]
"""
    outcome = run(sandbox, source, [3, 1, 2])
    assert outcome.value == [[1, 2, 3], 1, "RED", "0.3", "1"], outcome
    assert outcome.stdout.startswith("2024-02-29 True")


def test_the_same_program_gives_the_same_values_each_time(sandbox):
    source = "import random\ndef verify(): return [random.random(), list({'a', 'b', 'c', 'd'})]"
    assert run(sandbox, source).value == run(sandbox, source).value


@pytest.mark.parametrize(
    "reading",
    ["input()", "sys.stdin.readline().strip()", "sys.stdin.buffer.read().decode().split()[0]",
     "open(0).read().split()[0]",
     "os.read(0, os.fstat(0).st_size).decode().split()[0]", "next(iter(sys.stdin)).strip()"],
)  # fmt: skip
@pytest.mark.parametrize("writing", ["print(x)", "sys.stdout.write(x + '\\n')", "os.write(1, (x + '\\n').encode())"])
def test_scripts_read_and_write_as_they_like(sandbox, reading, writing):
    program = Program(f"import os, sys\nx = {reading}\n{writing}", kind="script")
    outcomes = sandbox.run(program, [Call(stdin="first\nmore\n"), Call(stdin="s\u00e9cond\n")], LIMITS)
    assert [(outcome.value, outcome.reason, outcome.stdout) for outcome in outcomes] == [
        (None, None, "first\n"),
        (None, None, "s\u00e9cond\n"),
    ]


@pytest.mark.parametrize(
    ("source", "reason", "stdout"),
    [
        ("print(1)\nimport sys; sys.exit(0)", None, "1\n"),
        ("print(1)\nimport sys; sys.exit(2)", "raised", "1\n"),
        ("print(1)\nraise ValueError", "raised", "1\n"),
        ("if __name__ == '__main__': print('main')", None, "main\n"),
        ("print('x' * 10**6)", None, "x" * 65_536),
        ("x = input", None, ""),
        ("import os; os.close(1); os.close(0)", None, ""),
    ],
)
def test_how_a_script_ends(sandbox, source, reason, stdout):
    outcome = sandbox.run(Program(source, kind="script"), [Call()], LIMITS)[0]
    assert (outcome.value, outcome.reason, outcome.stdout) == (None, reason, stdout)


def test_the_literal_policy_keeps_types_apart_and_the_json_policy_refuses_what_is_no_json(sandbox):
    source = "def verify(x): return x"
    for value in ((1, 2), {1}, b"x", 1j, {1: 2}, [1, (2,)], frozenset({"a"})):
        literal = run(sandbox, source, value, returns="literal")
        assert (type(literal.value), literal.value) == (type(value), value)
        assert run(sandbox, source, value).reason == "bad_type"
    assert math.isnan(run(sandbox, source, math.nan, returns="literal").value)
    assert run(sandbox, source, math.nan).reason == "bad_type"

"""The lint's rules, each at its bounds: what is just refused, and what is just not."""

import ast
from itertools import pairwise

import pytest

from ravelar.tools.evidence.lint import MAX_CHARACTERS, MAX_NODES, lint
from ravelar.tools.evidence.lint_patterns import drops_all_but_digits, only_digits

HEAD = "def verify(prompt, completion, reference):\n"
HONEST = "    return float(completion.strip() == reference)\n"


def rules(source: str, profile: str = "core") -> set[str]:
    return {finding.rule for finding in lint(source, profile)}


def body(text: str, before: str = "") -> str:
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{before}{HEAD}{lines}"


def test_the_longest_source_is_read_and_one_character_more_is_not() -> None:
    source = HEAD + HONEST
    padded = source + "#" * (MAX_CHARACTERS - len(source))
    assert lint(padded) == ()
    (finding,) = lint(padded + "#")
    assert (finding.rule, finding.line) == ("syntax", 0)
    assert f"{MAX_CHARACTERS + 1:,} characters" in finding.message


def test_as_many_syntax_nodes_are_read_as_are_allowed_and_no_more() -> None:
    def nodes(source: str) -> int:
        return sum(1 for _ in ast.walk(ast.parse(source)))

    left = MAX_NODES - nodes(HEAD + HONEST)
    exact = HEAD + HONEST + "x\n" * (left % 2) + "0\n" * ((left - 3 * (left % 2)) // 2)  # of three nodes, and of two
    assert nodes(exact) == MAX_NODES
    assert "syntax" not in rules(exact)
    assert rules(exact + "0\n") == {"syntax"}


def test_what_is_nested_too_deeply_has_no_line() -> None:
    parsed = f"{HEAD}    return {'not ' * 900}completion"
    ast.parse(parsed)
    for source in ("x = 1" + " + 1" * 9_000, parsed):
        (finding,) = lint(source)
        assert (finding.rule, finding.line) == ("syntax", 0)


def test_a_finding_about_verify_names_the_line_of_the_second_or_none() -> None:
    twice = [finding for finding in lint(HEAD + HONEST + HEAD + HONEST) if finding.rule == "no_verify"]
    assert [(finding.line, finding.message[:21]) for finding in twice] == [(3, "2 functions `verify`;")]
    (missing,) = lint("x = 1\n")
    assert (missing.rule, missing.line) == ("no_verify", 0)


def test_a_syntax_error_has_its_line_and_a_short_message() -> None:
    (finding,) = lint("x = 1\ny = = 2\n")
    assert finding.line == 2
    assert len(lint("x = 1\n" + "y" * 900 + " = = 2")[0].message) <= 300


@pytest.mark.parametrize(
    "signature",
    [
        "prompt, completion, /, reference",
        "prompt, completion, *, reference",
        "task, /, prompt, completion, reference",
        "prompt, completion, reference, *, strict",
        "prompt, completion, reference, *more",
        "prompt, completion, reference, **more",
        "prompt, completion, reference=None",
        "prompt, completion",
        "completion, prompt, reference",
        "prompt, completion, reference, extra",
    ],
)
def test_another_signature_is_none(signature: str) -> None:
    assert rules(f"def verify({signature}):\n    return float(completion == reference)\n") == {"no_verify"}


@pytest.mark.parametrize(
    "source",
    [
        "async " + HEAD + HONEST,
        "@cached\n" + HEAD + HONEST,
        HEAD + HONEST + "verify = 1\n",
        HEAD + HONEST + "del verify\n",
        HEAD + HONEST + HEAD + HONEST,
        "def check(prompt, completion, reference):\n" + HONEST,
    ],
)
def test_verify_is_one_plain_function(source: str) -> None:
    assert "no_verify" in rules(source)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("return float(completion == reference and bool(getattr(completion, 'upper')))", None),
        ("return float(completion == reference and bool(getattr(completion, '_upper')))", "evaluates_input"),
        ("return float(completion == reference and bool(getattr(completion, reference)))", "evaluates_input"),
        ("return float(completion == reference and bool(getattr(completion)))", "evaluates_input"),
        ("return float(completion == reference and bool(getattr(completion, 5)))", "evaluates_input"),
        ("return float(any(map(getattr, [completion], [reference])))", "evaluates_input"),
        ("____ = completion\nreturn float(____ == reference)", None),
        ("__text = completion\nreturn float(__text == reference)", None),
        ("text__ = completion\nreturn float(text__ == reference)", None),
        ("__x__ = completion\nreturn float(__x__ == reference)", "evaluates_input"),
        ("return float(completion.__doc__ == reference)", "evaluates_input"),
        ("return float(completion == reference and __name__ != 'x')", None),
        ("return float(type(completion) is str and completion == reference)", None),
        ("return float(isinstance(type('X', (), {})(), str) or completion == reference)", "evaluates_input"),
        ("return float(isinstance(type('X', *[(), {}])(), str) or completion == reference)", "evaluates_input"),
        ("return float('{}'.format(completion) == reference)", None),
        ("return float(reference.format(completion) == completion)", "evaluates_input"),
        ("return float(hash(completion) == hash(reference))", "unrepeatable"),
        ("global seen\nseen = 1\nreturn float(completion == reference)", "unrepeatable"),
    ],
)
def test_what_reaches_further_than_values_is_found(text: str, rule: str | None) -> None:
    assert rules(body(text)) == ({rule} if rule else set())


@pytest.mark.parametrize(
    ("imports", "text", "rule"),
    [
        ("import random\n", "random.Random(1).random()", None),
        ("import random\n", "random.Random().random()", "unrepeatable"),
        ("import random\n", "random.random()", "unrepeatable"),
        ("import random\n", "random.choice([1])", "unrepeatable"),
        ("from random import Random\n", "Random(1)", "unrepeatable"),
        ("import datetime\n", "datetime.datetime.now()", "unrepeatable"),
        ("from datetime import date as d\n", "d.today()", "unrepeatable"),
        ("from datetime import date\n", "date(2026, 11, 28)", None),
        ("import time\n", "1", "unrepeatable"),
        ("from . import x\n", "1", "import"),
        ("from .re import search\n", "1", "import"),
        ("from re import *\n", "1", "import"),
        ("import subprocess\n", "1", "evaluates_input"),
    ],
)
def test_what_would_not_repeat_or_is_not_for_verifiers_is_found(imports: str, text: str, rule: str | None) -> None:
    assert rules(body(f"{text}\nreturn float(completion == reference)", imports)) == ({rule} if rule else set())


@pytest.mark.parametrize(("text", "rule"), [("numpy.mean([1, 2])", None), ("numpy.random.rand()", "unrepeatable")])
def test_of_numpy_only_its_random_numbers_do_not_repeat(text: str, rule: str | None) -> None:
    source = body(f"return float(completion == reference and {text} > 0)", "import numpy\n")
    assert rules(source, "text") == ({rule} if rule else set())


@pytest.mark.parametrize(
    ("text", "rule"), [("sympy.S('1/2')", None), ("sympy.S(completion)", "evaluates_input"), ("sympy.pi", None)]
)
def test_sympy_may_read_constants_but_no_text_of_others(text: str, rule: str | None) -> None:
    source = body(f"return float(completion == reference and bool({text}))", "import sympy\n")
    assert rules(source, "math") == ({rule} if rule else set())


@pytest.mark.parametrize(("steps", "found"), [(1, True), (3, True), (5, True), (6, False)])
def test_a_reference_that_is_passed_on_by_up_to_five_names_is_still_the_verdict(steps: int, found: bool) -> None:
    names = ["reference", *(f"name_{i}" for i in range(steps))]
    copies = "\n".join(f"{new} = {old}" for old, new in pairwise(names))
    text = f"{copies}\nif completion:\n    return float({names[-1]})\nreturn 0.0"
    assert ("reference_is_verdict" in rules(body(text))) is found


def test_names_that_are_bound_in_a_circle_are_followed_no_further() -> None:
    assert "syntax" not in rules(body("a = b\nb = a\nif completion:\n    return float(a)\nreturn 0.0", "b = 1\n"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("pass", "constant_return"),
        ("return 1.0", "constant_return"),
        ("return 1.0 if completion else 1.0", "constant_return"),
        ("if completion:\n    return\nreturn None", "constant_return"),
        ("return 1.0 if completion == reference else 0.0", None),
        ("return float(prompt == reference)", "completion_unread"),
    ],
)
def test_a_verdict_depends_on_the_completion(text: str, rule: str | None) -> None:
    found = rules(body(text))
    assert rule in found if rule else not found


@pytest.mark.parametrize(
    ("pattern", "digits"),
    [
        (r"(\d+)(nan)", False),
        (r"((?:\d+)(\w))", False),
        (r"(?:nan)(\d)", True),
        (r"(?P<nan>\d+)", True),
        (r"(?=inf)(\d+)", True),
        (r"([^,]+)", False),
        (r"([0-9a-z])", False),
        (r"([0-9e])", True),
        (r"([0-9i])", False),
        (r"\(\d+\)", True),
        (r"\w", False),
        (r"inf", False),
        (r")(\d)", True),
        (r"nan(?P<n>\d+)", True),
        (r"nan(?:\d+)", False),
        (r"(nan)", False),
        (r"(\d)inf", True),
    ],
)
def test_a_pattern_is_judged_by_what_it_captures(pattern: str, digits: bool) -> None:
    assert only_digits(pattern) is digits


def test_a_pattern_may_be_judged_as_a_whole() -> None:
    assert only_digits(r"nan(\d)")
    assert not only_digits(r"nan(\d)", whole=True)


@pytest.mark.parametrize(
    ("pattern", "does"),
    [(r"[^0-9.-]", True), (r"[^\d]+", True), (r"[^0-9a]", False), (r"[0-9]", False), (r"x[^0-9]", False)],
)
def test_what_a_substitution_leaves_is_known(pattern: str, does: bool) -> None:
    assert drops_all_but_digits(pattern) is does

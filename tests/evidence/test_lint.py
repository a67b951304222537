"""The lint: every bad verifier by its rule, no honest one refused, nothing run."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ravelar.tools.evidence.lint import ALLOWED_IMPORTS, MAX_CHARACTERS, lint
from ravelar.tools.evidence.lint_patterns import only_digits
from ravelar.tools.sandbox.profiles import CORE_MODULES, PROFILES

from .verifier_sources import BAD, HONEST


@pytest.mark.parametrize("name", HONEST)
def test_honest_verifiers_pass(name: str) -> None:
    profile = "math" if "math_verify" in HONEST[name] else "core"
    assert lint(HONEST[name], profile) == ()


@pytest.mark.parametrize("name", BAD)
def test_bad_verifiers_are_found_by_their_rule(name: str) -> None:
    rule, source = BAD[name]
    findings = lint(source, "math" if "sympy" in source else "core")
    assert rule in {finding.rule for finding in findings}, findings
    assert all(finding.message for finding in findings)


def test_there_are_enough_of_both() -> None:
    assert len(HONEST) >= 15
    assert len(BAD) >= 25


def test_findings_name_the_line_and_come_in_order() -> None:
    source = "import time\n\n\ndef verify(prompt, completion, reference):\n    return float(eval(completion))\n"
    assert [(finding.line, finding.rule) for finding in lint(source)] == [(1, "unrepeatable"), (5, "evaluates_input")]


def test_what_is_linted_is_not_run(tmp_path: object) -> None:
    source = (
        f"open({str(tmp_path)!r} + '/ran', 'w').write('x')\ndef verify(prompt, completion, reference):\n    return 1.0"
    )
    assert lint(source)
    assert not list(tmp_path.iterdir())  # type: ignore[attr-defined]


@pytest.mark.parametrize("profile", PROFILES)
def test_allowed_imports_are_there_in_the_sandbox(profile: str) -> None:
    there = {*CORE_MODULES, *PROFILES[profile].modules, *PROFILES[profile].packages}
    missing = ALLOWED_IMPORTS[profile] - there - {"__future__"}
    assert not missing


def test_too_long_and_too_deep_sources_are_findings_not_crashes() -> None:
    assert lint("x = 1\n" * MAX_CHARACTERS)[0].rule == "syntax"
    assert lint("x = " + "(" * 5_000 + ")" * 5_000)[0].rule == "syntax"
    assert lint("x = " + "-" * 50_000 + "1")[0].rule == "syntax"
    assert lint("x = 1" + " + 1" * 9_000)[0].rule


def test_calls_that_call_one_another_end_soon() -> None:
    helpers = "\n".join(f"def f{i}(text):\n    return {' + '.join(f'f{j}(text)' for j in range(8))}" for i in range(8))
    source = f"{helpers}\ndef verify(prompt, completion, reference):\n    return float(f0(completion) == reference)\n"
    assert lint(source) == ()


@pytest.mark.parametrize(
    ("pattern", "digits"),
    [
        (r"-?\d+", True),
        (r"-?\d[\d,]*(?:\.\d+)?", True),
        (r"answer is:?\s*\$?(-?[0-9.,]+)", True),
        (r"####\s*([\d.]+)", True),
        (r"(?P<n>\d+)/(?P<d>\d+)", True),
        (r"[-+]?\d+(?:[eE][-+]?\d+)?", True),
        (r"answer is (\S+)", False),
        (r"(.+)", False),
        (r"\\boxed\{([^}]*)\}", False),
        (r"[\w.]+", False),
        (r"(nan|\d+)", False),
        (r"([a-z0-9]+)", False),
    ],
)
def test_patterns_that_let_only_digits_through_are_known(pattern: str, digits: bool) -> None:
    assert only_digits(pattern) is digits


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_linted_without_an_error(text: str) -> None:
    for finding in lint(text):
        assert finding.rule


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(HONEST)), st.integers(0, 2_000), st.integers(1, 60))
def test_a_mutilated_verifier_is_linted_without_an_error(name: str, start: int, length: int) -> None:
    source = HONEST[name]
    lint(source[:start] + source[start + length :])

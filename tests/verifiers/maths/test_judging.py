"""What is asked of Math-Verify, without the process around it."""

import pytest
from math_verify import LatexExtractionConfig, parse, verify

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.maths.judging import judge


def boxed(text: str) -> list[object]:
    return parse(rf"\boxed{{{text}}}", [LatexExtractionConfig(boxed_match_priority=0)], parsing_timeout=None)


def held_equal(reference: str, candidate: str) -> bool:
    return verify(boxed(reference), boxed(candidate), timeout_seconds=None, allow_set_relation_comp=False)


def test_math_verify_is_not_symmetric_and_the_reference_comes_first() -> None:
    # An inequality equals the interval of its solutions only when the inequality is the reference.
    assert held_equal("x > 2", r"(2, \infty)")
    assert not held_equal(r"(2, \infty)", "x > 2")
    assert judge("x > 2", [r"(2, \infty)"])


def test_failure_of_math_verify_on_the_reference_is_not_hidden() -> None:
    assert verify(boxed(r"\frac{1}{0}"), boxed("5"), timeout_seconds=None) is False  # hidden by default
    with pytest.raises(UnusableReference):
        judge(r"\frac{1}{0}", ["5"])


def test_math_verify_rounds_to_six_places_and_we_do_not() -> None:
    assert held_equal(".0000672", ".0000673")
    assert not judge(".0000672x", [".0000673x"])
    assert not judge(r"\sqrt{2}", ["1.414214"])


def test_all_candidates_must_be_right() -> None:
    assert judge("x+1", ["1+x", "x+1"])
    assert not judge("x+1", ["x+1", "x+2"])
    assert not judge("x+1", [])


def test_candidates_may_be_the_parts_of_several_values() -> None:
    assert judge("1,-2", ["-2", "1"], several=True)
    assert not judge("1,-2", ["-2", "1", "3"], several=True)
    assert not judge("x", ["x", "y"], several=True)


def test_text_that_math_verify_drops_as_a_unit_may_not_hide_an_answer() -> None:
    assert held_equal("5", r"5 \text{ (or maybe 6)}")
    assert not judge("5", [r"5 \text{ (or maybe 6)}"])

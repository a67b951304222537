"""Numbers in random notations, perturbed numbers, random text."""

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.math_answer import MathAnswer

TOOL = MathAnswer(timeout_s=1.0)
FRAMES = (
    "The answer is {}.",
    r"So \boxed{{{}}}.",
    "#### {}",
    "A: {}",
    "**Answer:** {}",
    r"\[ \boxed{{{}}} \]",
    "答案是 {}",
)
UNITS = ("", " dollars", " square meters", r" \text{ cm}", " apples per day", "")


@pytest.fixture(scope="module", autouse=True)
def closed_in_the_end() -> Iterator[None]:
    yield
    TOOL.close()


def score(reference: object, completion: str) -> RawScore:
    [raw] = TOOL.score([Triple("q", completion, reference)])
    return raw.raw if isinstance(raw, Scored) else raw


@st.composite
def decimals(draw: st.DrawFn) -> Fraction:
    return Fraction(draw(st.integers(-(10**9), 10**9)), 10 ** draw(st.integers(0, 6)))


def decimal_text(value: Fraction) -> str:
    digits = f"{abs(value.numerator) * 10**9 // value.denominator:010d}"
    return ("-" if value < 0 else "") + f"{digits[:-9]}.{digits[-9:]}".rstrip("0").rstrip(".")


@st.composite
def notations(draw: st.DrawFn, value: Fraction) -> str:
    factor = draw(st.integers(1, 9))
    power = draw(st.integers(-3, 6))
    text = decimal_text(value)
    zeros = "" if value.denominator == 1 else "0" * draw(st.integers(0, 3))
    plain = [
        text + zeros,
        f"{value.numerator * factor}/{value.denominator * factor}",
        rf"\frac{{{value.numerator * factor}}}{{{value.denominator * factor}}}",
        rf"{decimal_text(value / Fraction(10) ** power)} \times 10^{{{power}}}" if power <= 2 else f"{text}e0",
        rf"{decimal_text(value * 100)}\%",
    ]
    if value.denominator == 1:
        plain += [f"{value.numerator:,}", f"{value.numerator}.00", f"{value.numerator:,}".replace(",", r",\!")]
    if value >= 0:
        plain += ["$" + text, rf"\${text}", f"+{text}"]
    return draw(st.sampled_from(plain)) + draw(st.sampled_from(UNITS))


@pytest.mark.slow
@given(data=st.data(), value=decimals(), frame=st.sampled_from(FRAMES))
@settings(max_examples=400, deadline=None)
def test_number_is_accepted_in_any_notation(data: st.DataObject, value: Fraction, frame: str) -> None:
    written = data.draw(notations(value))
    reference = data.draw(st.sampled_from([decimal_text(value), float(value)]))
    assert score(reference, frame.format(written)) == 1.0


@pytest.mark.slow
@given(data=st.data(), value=decimals(), frame=st.sampled_from(FRAMES), change=decimals().filter(bool))
@settings(max_examples=400, deadline=None)
def test_perturbed_number_is_refused(data: st.DataObject, value: Fraction, frame: str, change: Fraction) -> None:
    other = value + change
    if other in {value * 100, value / 100, -value} or value == 100 * other:
        other += 1  # percent readings, and notations in which a sign may be dropped, are tested elsewhere
    written = data.draw(notations(other))
    expected = 1.0 if "%" in written and other * 100 == value else 0.0
    assert score(decimal_text(value), frame.format(written)) == expected


@given(value=st.integers(-(10**6), 10**6), other=st.integers(-(10**6), 10**6))
@settings(max_examples=200, deadline=None)
def test_two_different_numbers_are_never_accepted_for_either(value: int, other: int) -> None:
    if value == other:
        return
    for hedge in (
        "The answer is {} or {}",
        r"\boxed{{{}}} or \boxed{{{}}}",
        "A: {}\nA: {}",
        r"\boxed{{{}, {}}}",
        "{}, {}",
    ):
        assert score(value, hedge.format(value, other)) == 0.0
        assert score(value, hedge.format(other, value)) == 0.0


PIECES = [
    *"0123456789.,-+/*^_={}()[]\\$%#:aA \n|!<>~'\"€½²π√",
    *(r"\boxed{", r"\frac{", r"\sqrt{", r"\text{", r"\left(", r"\begin{pmatrix}", r"\end{pmatrix}", r"\infty", r"\pm "),
    *(
        "answer is ",
        "A: ",
        "#### ",
        " or ",
        "答案是",
        "<answer>",
        "</answer>",
        "\x00",
        "\ud800",
        "１",
        "**",
        "therefore ",
    ),
]


@pytest.mark.slow
@given(
    completion=st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    reference=st.sampled_from([7, "7", "1,-2", "x+1", "yes"]),
)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_text_gets_a_score_and_never_an_error(completion: str, reference: object) -> None:
    assert score(reference, completion) in {0.0, 1.0}


@given(
    completion=st.text(max_size=300), reference=st.one_of(st.text(max_size=60), st.integers(), st.floats(), st.none())
)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_random_references_give_a_score_or_say_why_not(completion: str, reference: object) -> None:
    TOOL.score([Triple("q", completion, reference)])

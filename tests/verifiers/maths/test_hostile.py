import time

import pytest

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.math_answer import MathAnswer

MANY = 100_000
HOSTILE = {
    "NUL bytes": "\x00" * 500 + "A: \x0018\x01",
    "lone surrogates": "\ud800 the answer is \udfff18\ud83d",
    "a megabyte": "18 " * 350_000,
    "a megabyte in one word": "1" * 1_000_000,
    "a megabyte of boxes": r"\boxed{7}" * 110_000,
    "a megabyte of open boxes": r"\boxed{" * 140_000,
    "deep braces": r"\boxed{" + "{" * 10_000 + "7" + "}" * 10_000 + "}",
    "deep fractions": r"\boxed{" + r"\frac{1}{" * 180 + "7" + "}" * 180 + "}",
    "ten million digits": r"\boxed{" + "9" * 10_000_000 + "}",
    "an exponent of nine digits": r"\boxed{1e999999999}",
    "dots": "The answer is " + "." * MANY + "x",
    "spaces": "The answer is" + " " * MANY + "x",
    "newlines": "\n" * MANY + "x",
    "dollars": "$" * MANY,
    "open formulas": r"\[" * MANY,
    "colons": "a:" * MANY,
    "hashes": "#### " * MANY,
    "marks": "The answer is " * (MANY // 10),
    "hyphens": r"\boxed{5 " + "abc-" * 80 + "!}",
    "connectors": r"\boxed{5} " + "it's or " * 20 + r"? \boxed{7}",
    "commas": "1," * MANY,
    "growing letters": "İ" * 5_000 + " the answer is 7",
    "growing under NFKC": "ﷺ" * 20_000,
    "brackets": "The answer is " + "(" * MANY,
    "so": "so " * MANY,
}


@pytest.mark.parametrize("completion", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("reference", [42, r"\sqrt{42}", r"\text{Evelyn}", "1,-2"])
def test_hostile_text_is_refused_quickly(score, reference, completion) -> None:
    began = time.process_time()
    assert score(reference, completion) == 0.0
    assert time.process_time() - began < 1.0


def test_control_characters_and_surrogates_do_not_hide_the_answer(score) -> None:
    assert score(18, "A: \x0018\x01") == 1.0
    assert score(18, "\ud800 the answer is \udfff18\ud83d") == 1.0


def test_unended_reasoning_holds_no_answer(score) -> None:
    assert score(18, "<think>The answer is 18") == 0.0
    assert score(18, "<think>The answer is 20</think>The answer is 18") == 1.0


@pytest.mark.slow
def test_power_tower_costs_the_time_limit_and_is_the_completions_fault() -> None:
    tool = MathAnswer(timeout_s=0.5)
    began = time.monotonic()
    raws = tool.score([Triple("q", rf"\boxed{{{formula}}}", r"\sqrt{2}") for formula in ("10^{10^{10}}", r"\sqrt{2}")])
    tool.close()
    assert isinstance(raws[0], Scored)
    assert raws[0].raw == 0.0
    assert "Math-Verify" in (raws[0].note or "")
    assert raws[1] == 1.0
    assert time.monotonic() - began < 60  # generous: three starts of the worker on a loaded machine


@pytest.mark.slow
def test_reference_that_hangs_by_itself_is_unscored_for_every_completion() -> None:
    tool = MathAnswer(timeout_s=0.5)
    raws = tool.score([Triple("q", completion, "10^{10^{10}}") for completion in (r"\boxed{5}", r"\boxed{6}")])
    again = tool.score([Triple("q", r"\boxed{7}", "10^{10^{10}}")])
    tool.close()
    assert all(isinstance(raw, UnusableReference) for raw in [*raws, *again])


def test_integer_reference_of_ten_million_digits_is_only_compared(score) -> None:
    huge = 1 << 33_000_000
    began = time.process_time()
    assert score(huge, r"\boxed{18}") == 0.0
    assert score(huge, r"\boxed{2^{33000000}}") == 0.0
    assert time.process_time() - began < 5.0

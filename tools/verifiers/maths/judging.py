r"""Whether candidates equal a reference, by Math-Verify: no process, no time limit, no pipe in sight.

This is what runs inside the worker; a hostile formula can make it run for ever, so run it only where it can
be killed.

>>> judge(r"\frac{1}{2}", ["0.5", r"\frac{2}{4}"])
True
>>> judge(r"\frac{1}{2}", ["0.5", "0.6"])
False
"""

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from math_verify import LatexExtractionConfig, parse, verify  # type: ignore[import-untyped]
from sympy import Float, Rational  # type: ignore[import-untyped]

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.maths.notation import STYLED

_LATEX = (LatexExtractionConfig(boxed_match_priority=0),)
_BASE = re.compile(r"([0-9A-Za-z]+)_\{?([0-9]+)\}?(?:\\text\{.*\})?")
# Math-Verify drops styled text as a unit; such text must not hold a second answer.
_SECOND_ANSWER = re.compile(r"[0-9]|\b(?:or|and|not|maybe|perhaps|possibly|either)\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"\\(?:text|mbox|mathrm)\s*\{\s*,?\s*(?:or|and)\s*\}")
_CHAIN = re.compile(r"\\approx(?![a-z])")

logging.getLogger("math_verify").setLevel(logging.CRITICAL)
logging.getLogger("latex2sympy2_extended").setLevel(logging.CRITICAL)


def judge(reference: str, candidates: Sequence[str], *, several: bool = False) -> bool:
    """Say whether every candidate equals the reference.

    Args:
        reference: The reference's final answer, as LaTeX or text.
        candidates: What a completion states.
        several: Whether the reference holds several values, so that the candidates may be its parts.

    Raises:
        UnusableReference: if Math-Verify can't read the reference, or not hold it equal to itself.
    """
    expected = _expected(reference)
    if all(_equals(reference, expected, candidate) for candidate in candidates):
        return bool(candidates)
    return several and len(candidates) > 1 and _equals(reference, expected, ", ".join(candidates))


@lru_cache(maxsize=512)
def _expected(reference: str) -> Any:
    """Parse a reference; it must equal itself.

    Raises:
        UnusableReference: if it can't be parsed or compared.
    """
    try:
        parsed = _parsed(reference)
        sound = parsed is not None and _verified(parsed, parsed)
    except Exception as error:  # whatever sympy raises on a reference is the reference's
        raise UnusableReference(
            f"Math-Verify can't compare the reference {reference[:80]!r}: {error!r:.100}"
        ) from error
    if not sound:
        raise UnusableReference(f"Math-Verify can't read the reference {reference[:80]!r}")
    return parsed


def _equals(reference: str, expected: Any, candidate: str) -> bool:
    if _squeezed(candidate) == _squeezed(reference):
        return True
    if _hides_an_answer(candidate) or not _same_base(reference, candidate):
        return False
    try:
        parsed = _parsed(_chosen_side(candidate, reference))
        return parsed is not None and _verified(expected, parsed)
    except Exception:  # noqa: BLE001  whatever sympy raises on a candidate is the candidate's
        return False


def _parsed(text: str) -> Any:
    """Parse LaTeX with its decimals exact; None if it can't be read.

    Boxing it makes Math-Verify take the whole text instead of searching it.
    """
    found = parse(rf"\boxed{{{text}}}", _LATEX, fallback_mode="no_fallback", parsing_timeout=None, raise_on_error=True)
    return _exact(found[0]) if found else None


def _exact(expression: Any) -> Any:
    """Replace decimals by fractions, so that 0.333333 is not 1/3: Math-Verify compares decimals to six places."""
    floats = expression.atoms(Float) if hasattr(expression, "atoms") else ()
    return expression.xreplace({f: Rational(str(f)) for f in floats}) if floats else expression


def _verified(expected: Any, given: Any) -> bool:
    """Compare with the reference first: Math-Verify is not symmetric."""
    return bool(verify(expected, given, timeout_seconds=None, raise_on_error=True, allow_set_relation_comp=True))


def _squeezed(text: str) -> str:
    return re.sub(r"\s+|\\[!,;:]|\\left|\\right", "", text.replace(r"\dfrac", r"\frac").replace(r"\tfrac", r"\frac"))


def _hides_an_answer(candidate: str) -> bool:
    visible = _SEPARATOR.sub(",", candidate)
    return any(_SECOND_ANSWER.search(styled.group(1)) for styled in STYLED.finditer(visible))


def _same_base(reference: str, candidate: str) -> bool:
    """Say whether two numerals name the same base, or one of them none: Math-Verify reads past the subscript."""
    wanted, given = _BASE.fullmatch(_squeezed(reference)), _BASE.fullmatch(_squeezed(candidate))
    return wanted is None or given is None or wanted[2] == given[2]


def _chosen_side(candidate: str, reference: str) -> str:
    r"""Of `exact \approx rounded` return the exact side, or the rounded one if the reference is a decimal."""
    sides = _CHAIN.split(candidate)
    return sides[-1] if len(sides) > 1 and re.fullmatch(r"[-+]?[0-9]*\.[0-9]+", reference) else sides[0]

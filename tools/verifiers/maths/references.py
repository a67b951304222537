r"""What a reference says: a plain number, a formula, or words, read once and kept.

>>> read_reference("She has 16 - 7 = 9 eggs.\nA: 9").text
'9'
>>> read_reference(r"\text{Evelyn}").form, read_reference("1,-2").several
('words', True)
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.maths.extraction import MAX_CANDIDATE, Form, final_answer
from ravelar.tools.verifiers.maths.marks import claims
from ravelar.tools.verifiers.maths.notation import STYLED, is_balanced, plain_characters, unwrapped
from ravelar.tools.verifiers.maths.plain import PlainNumber, agree, plain_number

_NO_NUMBER = re.compile(r"[-+]?(?:nan|inf|infinity|null|none|n/a|undefined)", re.IGNORECASE)
_SHORT_WORDS = frozenset(["yes", "no", "odd", "even", "true", "false"])
_WORD = re.compile(r"[^\W\d_]+(?:['’.-][^\W\d_]+)*")
_OPTION = re.compile(r"\s*(?:\(\s*([A-Za-z])\s*\)|([A-Za-z])\s*\))\s*")
_FUNCTIONS = frozenset(
    ["sqrt", "cos", "sin", "tan", "log", "exp", "mod", "inf", "infinity", "frac", "dfrac", "times", "infty"]
)
_SHORT = 60  # characters; a plain number this short is read at once
_MAX_BITS = 6_000  # about 1,800 digits, as long as a candidate may be
_ARTICLE = re.compile(r"^(?:the|a|an)\s+")


@dataclass(frozen=True, slots=True)
class Reference:
    """What decides, read.

    Attributes:
        text: Its final answer as text; '' for an integer.
        form: What it is.
        number: Its value, if it is a plain number.
        given_float: The float it was given as, which has no more digits than a float; None otherwise.
        several: Whether it holds several values: a list, a set, plus or minus.
        worked: Whether it was cut out of a worked solution.
    """

    text: str
    form: Form
    number: PlainNumber | None = None
    given_float: float | None = None
    several: bool = False
    worked: bool = False

    def as_latex(self) -> str:
        """Return what Math-Verify is to read; '' for a number too long for any formula to be worth comparing."""
        number = self.number
        if number is None or number.scale != 1:
            return self.text
        top, bottom = number.value.numerator, number.value.denominator
        if max(top.bit_length(), bottom.bit_length()) > _MAX_BITS:
            return ""
        return str(top) if bottom == 1 else rf"\frac{{{top}}}{{{bottom}}}"

    def is_number(self, given: PlainNumber) -> bool:
        """Say whether a plain number is this one."""
        if self.number is None:
            return False
        if agree(self.number, given):
            return True
        return self.given_float is not None and _as_float(given) == self.given_float

    def is_words(self, given: str) -> bool:
        """Say whether a text is these words, letter case, styles and outer punctuation aside."""
        wanted, said = folded(self.text), folded(given)
        if wanted == said:
            return True
        # "(C) 12 apples" names option C; "(C) or (D)" names none.
        labelled = re.match(r"\(?([a-z])\)[\s:.]+(.+)", said)
        return (
            len(wanted) == 1
            and labelled is not None
            and labelled[1] == wanted
            and not re.search(r"\b(?:or|and|not|maybe)\b|\([a-z]\)", labelled[2])
        )


def read_reference(reference: Any) -> Reference:
    """Read a reference: an int, a float, number text, LaTeX, words, or a worked solution with a marked answer.

    Raises:
        UnusableReference: if it is missing, of another type, empty, or holds no readable answer.
    """
    if type(reference) is int:
        return Reference("", "number", PlainNumber(reference))
    if isinstance(reference, str):
        return _from_text(reference)
    if reference is None:
        raise UnusableReference("no reference; a number, a formula or a worked solution is needed")
    if isinstance(reference, bool) or not isinstance(reference, Real | Decimal):
        raise UnusableReference(f"a reference of type {type(reference).__name__}; allowed: a number or text")
    return _from_number(reference)


def _from_number(reference: Real | Decimal) -> Reference:
    if isinstance(reference, Integral):
        return Reference("", "number", PlainNumber(int(reference)))
    if not isinstance(reference, Fraction) and not math.isfinite(reference):
        raise UnusableReference(f"the reference is {reference}; a finite number is needed")
    if isinstance(reference, Decimal | Fraction):
        return Reference(str(reference), "number", PlainNumber(Fraction(reference)))
    given = float(reference)
    return Reference(repr(given), "number", PlainNumber(Fraction(repr(given))), given_float=given)


@lru_cache(maxsize=4096)
def _from_text(reference: str) -> Reference:
    if len(reference) < _SHORT and (number := plain_number(reference)):
        return Reference(reference, "number", number)
    text = plain_characters(reference).strip()
    if not text:
        raise UnusableReference("the reference is empty")
    if claims(text[-20_000:]):
        return _from_solution(reference)
    if len(text) > MAX_CANDIDATE:
        raise UnusableReference(
            f"the reference has {len(text):,} characters and no marked answer; a final answer has at most "
            f"{MAX_CANDIDATE:,}"
        )
    return _of_form(unwrapped(text))


def _from_solution(reference: str) -> Reference:
    found = final_answer(reference).candidates
    if not found:
        raise UnusableReference(f"the reference marks an answer, but none can be read: {reference[-60:]!r}")
    if len(found) == 1 or "\\boxed" not in reference:
        return _of_form(found[-1], worked=True)
    first = plain_number(found[0])
    if first and all((number := plain_number(c)) and agree(first, number) for c in found):
        return _of_form(found[0], worked=True)
    return _of_form(", ".join(found), worked=True)


def _of_form(text: str, *, worked: bool = False) -> Reference:
    if not text or not is_balanced(text) or not re.search(r"\w|\\", text):
        raise UnusableReference(f"the reference {text[:60]!r} is no answer that can be read")
    if _NO_NUMBER.fullmatch(text):
        raise UnusableReference(f"the reference is {text!r}; a finite number or a formula is needed")
    number = plain_number(text)
    if number:
        return Reference(text, "number", number, worked=worked)
    if _are_words(text):
        return Reference(text, "words", worked=worked)
    return Reference(text, "formula", several=_holds_several(text), worked=worked)


def _are_words(text: str) -> bool:
    """Say whether a text is words rather than a product of variables: styled, or long enough to be a word."""
    bare = STYLED.sub(r" \1 ", text).strip()
    styled = bare != text and not STYLED.sub("", text).strip()
    if _OPTION.fullmatch(bare):
        return True
    words = bare.split()
    if not words or not all(_WORD.fullmatch(word.strip(".,:;!?\"'()")) for word in words):
        return False
    if any(word.lower() in _FUNCTIONS for word in words):
        return False
    return styled or not bare.isascii() or bare.lower() in _SHORT_WORDS or any(len(word) >= 4 for word in words)


def _holds_several(text: str) -> bool:
    r"""Say whether commas, "or", "and" or a plus-minus part several values outside of all brackets but a set's."""
    inner = re.sub(r"^\\(?:left\s*)?\\?\{|\\(?:right\s*)?\\?\}$", "", text)
    depth = 0
    for mark in re.finditer(r"\\pm|\\[{}]|[()\[\]{}]|[,;]|\b(?:or|and)\b", inner):
        token = mark.group()
        if token in {"(", "[", "{", r"\{"}:
            depth += 1
        elif token in {")", "]", "}", r"\}"}:
            depth -= 1
        elif depth <= 0:
            return True
    return False


def folded(text: str) -> str:
    """Bring words to one form: no styles, no case, no outer punctuation, no leading article."""
    bare = unwrapped(STYLED.sub(r" \1 ", text))
    plain = " ".join(bare.replace("\\ ", " ").split()).casefold().strip(" .,;:!?\"'`*$“”‘’")
    option = _OPTION.fullmatch(plain)
    return (option[1] or option[2]) if option else _ARTICLE.sub("", plain)


def _as_float(number: PlainNumber) -> float | None:
    try:
        return float(number.value * number.scale)
    except OverflowError:
        return None

r"""Plain numbers, read and compared exactly, without Math-Verify.

A plain number is an integer, a decimal, a fraction or a mixed number, in scientific notation or with
thousands separators, with a currency, a unit, a percent sign or a scale word. Whatever is not surely one
(`2k`, `3^2`, `1.234,56`) is none here, and goes to Math-Verify.

>>> plain_number(r"\$1,234.50 per day").value
Fraction(2469, 2)
>>> agree(plain_number("50%"), plain_number("1/2")), agree(plain_number("50%"), plain_number("50"))
(True, True)
>>> plain_number("2k") is None
True
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from ravelar.tools.verifiers.maths.notation import STYLED, unwrapped

Exact = int | Fraction

MAX_EXPONENT = 400  # ours: beyond what a double holds; keeps 1e999999999 from being built
_SCALES: dict[str, Exact] = {
    "%": Fraction(1, 100), "percent": Fraction(1, 100), "percentage": Fraction(1, 100), "pct": Fraction(1, 100),
    "万": 10**4, "亿": 10**8, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_SHORT_UNITS = (
    "mm|cm|dm|km|in|ft|yd|mi|kg|mg|lbs?|oz|ml|mL|dL|cc|gal|kmh|kph|mph|rpm|Hz|kHz|MHz|GHz|kW|MW|kWh|Pa|kPa|kJ|"
    "hrs?|mins?|secs?|ms|yrs?|am|pm|st|nd|rd|th|deg|cents?|sq|cu|of|USD|EUR|GBP"
)
# A word among these makes "5 <words>" something else than a number with its unit.
_NO_UNIT = re.compile(
    r"or|and|not|nor|but|pi|sqrt|plus|minus|times|to|thru|then|mod|over|except|between|maybe|perhaps|possibly|either|"
    r"neither|if|else|alternatively|versus|equals|are|was|were|squared|cubed|root|factorial|divided|multiplied|choose|"
    r"sin|cos|tan|log|exp|infinity|half|halves|thirds?|quarters?|dozen|hundred|tenths|hundredths",
    re.IGNORECASE,
)
_NO_CHINESE_UNIT = frozenset("或和与到至不非")
_CURRENCY = r"(?:\\?\$|€|£|¥|₹|US\$|USD|EUR|Rs\.?)"
_INTEGER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.[0-9]*)?|\.[0-9]+)"
_EXPONENT = r"(?:\{\s*([-+]?[0-9]+)\s*\}|([-+]?[0-9]+))"
_POWER = rf"(?:[eE]([-+]?[0-9]+)|\s*(?:\\times|\\cdot|[*x])\s*10\s*(?:\^|\*\*)\s*{_EXPONENT})"
_FRACTION = r"\\[dtc]?frac\s*(?:\{\s*([-+]?[0-9.,]+)\s*\}|([0-9]))\s*(?:\{\s*([-+]?[0-9.,]+)\s*\}|([0-9]))"
_WORD = rf"(?>(?:{_SHORT_UNITS})(?![A-Za-z])|[A-Za-z][A-Za-z'.-]{{2,}}|[a-z](?![A-Za-z]))"
_UNIT = (
    rf"(?P<unit>(?>\s*\\?%|\s*\^\s*\{{?\\circ\s*\}}?|\s*(?:{_SHORT_UNITS})(?![A-Za-z])|\s*[\u4e00-\u9fff]{{1,12}}"
    rf"|\s*/\s*{_WORD}|[\s-]+{_WORD})(?>[\s,/-]+{_WORD}|\s*\^\s*\{{?[0-9]\}}?){{0,8}}+|)"
)
_SIMPLE = re.compile(r"[-+]?[0-9]{1,300}")
_SHAPE = re.compile(
    rf"(?P<sign>[-+]?|(?:[Nn]egative|[Mm]inus)\s)\s*{_CURRENCY}?\s*(?P<inner>[-+]?)\s*"
    rf"(?:(?P<whole>{_INTEGER})?\s*(?P<frac>{_FRACTION})"
    rf"|(?P<mixed>[0-9]+)\s+(?P<top>[0-9]+)\s*/\s*(?P<bottom>[0-9]+)"
    rf"|(?P<over>{_DECIMAL})\s*/\s*(?P<under>{_DECIMAL})"
    rf"|(?P<number>{_DECIMAL})(?P<power>{_POWER})?)"
    rf"(?:\s*{_CURRENCY})?{_UNIT}"
)
_SPACING = re.compile(r"\\[!,;:]\s*|\{(,)\}|\\left|\\right|~|\\ ")
_TOO_LONG = 400  # characters; ours: the longest plain number worth reading here


@dataclass(frozen=True, slots=True)
class PlainNumber:
    """A number as written.

    Attributes:
        value: What stands there, exactly: 50 for "50%", 3 for "3 million".
        scale: What a percent sign or a scale word multiplies it by; 1 without.
    """

    value: Exact
    scale: Exact = 1


def plain_number(text: str) -> PlainNumber | None:
    """Read a text that is one plain number and nothing else; None if it is anything else."""
    if _SIMPLE.fullmatch(text):
        return PlainNumber(int(text))
    return _read(text) if len(text) <= _TOO_LONG else None


def agree(reference: PlainNumber, given: PlainNumber) -> bool:
    """Say whether two numbers are equal, exactly.

    Where just one of them carries a percent sign or a scale word, both readings of it count: 50% is 0.5
    and it is 50, as Math-Verify has it for integers; here for all numbers, and for "3 million" alike.
    """
    if reference.value == given.value:
        return True
    if reference.scale == given.scale:
        return False
    return reference.value * reference.scale == given.value * given.scale


@lru_cache(maxsize=4096)
def _read(text: str) -> PlainNumber | None:
    text = unwrapped(text)
    styled = STYLED.sub(r" \1 ", text) if "\\" in text else text
    cleaned = unwrapped(_SPACING.sub(lambda m: m.group(1) or ("" if m.group()[1:2] == "!" else _space(m)), styled))
    shape = _SHAPE.fullmatch(_without_parentheses(cleaned))
    if shape is None or (shape["sign"] and shape["inner"]):
        return None
    scale = _scale(shape["unit"])
    value = _magnitude(shape)
    if scale is None or value is None:
        return None
    negative = (shape["sign"] or shape["inner"]) not in {"", "+"}
    return PlainNumber(_integral(-value if negative else value), scale)


def _space(match: re.Match[str]) -> str:
    return "" if match.group().startswith((r"\,", r"\left", r"\right")) else " "


def _without_parentheses(text: str) -> str:
    """Turn "(18)" into "18", and drop a remark in parentheses at the end that holds no digit and no alternative."""
    text = re.sub(r"\s*\((?![^()]*(?:[0-9]|\b(?:or|not|maybe|and)\b))[^()]*\)\s*$", "", text)
    return text[1:-1] if text.startswith("(") and text.endswith(")") and "(" not in text[1:] else text


def _scale(unit: str) -> Exact | None:
    """Return what a unit multiplies by (1 for most), or None where it is no unit."""
    words = re.findall(r"[A-Za-z]+|%|[万亿]|[\u4e00-\u9fff]+", unit)
    if not words:
        return 1
    if any(_NO_UNIT.fullmatch(word) for word in words) or not _NO_CHINESE_UNIT.isdisjoint(unit):
        return None
    if words[-1] in {"a", "A"}:
        return None
    if any(len(word) == 1 and word.isascii() and word not in "aA%" for word in words) and not _is_quotient(unit):
        return None
    return _SCALES.get(words[0].lower(), 1)


def _is_quotient(unit: str) -> bool:
    return "circ" in unit or re.fullmatch(r"\s*(?:[a-z]{1,2}|[A-Za-z]{3,})\s*/\s*[a-z]+", unit) is not None


def _magnitude(shape: re.Match[str]) -> Exact | None:
    try:
        if shape["frac"]:
            numerator, denominator = _fraction_parts(shape["frac"])
            return Fraction(_decimal(shape["whole"] or "0")) + _ratio(numerator, denominator)
        if shape["mixed"]:
            return Fraction(_decimal(shape["mixed"])) + _ratio(_decimal(shape["top"]), _decimal(shape["bottom"]))
        if shape["over"]:
            return _ratio(_decimal(shape["over"]), _decimal(shape["under"]))
        number = _decimal(shape["number"])
        return Fraction(number) * _power_of_ten(shape["power"]) if shape["power"] else number
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


def _fraction_parts(text: str) -> tuple[Exact, Exact]:
    match = re.fullmatch(_FRACTION, text)
    assert match is not None
    top, bottom = match.group(1) or match.group(2), match.group(3) or match.group(4)
    return _decimal(top), _decimal(bottom)


def _ratio(numerator: Exact, denominator: Exact) -> Fraction:
    return Fraction(numerator) / Fraction(denominator)


def _power_of_ten(power: str) -> Fraction:
    exponent = int(re.findall(r"[-+]?[0-9]+", power)[-1])
    if abs(exponent) > MAX_EXPONENT:
        raise OverflowError
    return Fraction(f"1e{exponent}")


def _decimal(text: str) -> Exact:
    """Read digits with grouping commas or spaces and an optional decimal point.

    Raises:
        ValueError: if the commas group nothing, as in "1,2".
    """
    if not re.fullmatch(rf"[-+]?{_DECIMAL}", text):
        raise ValueError(text)
    digits = text.replace(",", "").replace(" ", "")
    return int(digits) if "." not in digits else Fraction(digits.rstrip("."))


def _integral(value: Exact) -> Exact:
    return value if isinstance(value, int) or value.denominator != 1 else value.numerator

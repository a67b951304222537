"""Unit conversion: the last quantity of the completion must be the reference's number in the reference's unit."""

import re
from decimal import Decimal

NAMES = {
    "m": "metres?|meters?", "cm": "centimet(?:re|er)s?", "mm": "millimet(?:re|er)s?", "km": "kilomet(?:re|er)s?",
    "in": "inch(?:es)?", "ft": "foot|feet", "yd": "yards?", "mi": "miles?", "nmi": "nautical miles?",
    "kg": "kilograms?|kilos?", "g": "grams?", "lb": "lbs|pounds?", "oz": "ounces?", "st": "stones?",
    "L": "l|lit(?:re|er)s?", "mL": "ml|millilit(?:re|er)s?", "US gal": "gal|(?:US )?gallons?",
    "US pt": "pt|(?:US )?pints?", "m/s": "met(?:re|er)s? per second",
    "km/h": "kph|kilomet(?:re|er)s? per hour", "mph": "miles? per hour", "kn": "knots?",
    "°C": "C|degrees? Celsius", "°F": "F|degrees? Fahrenheit", "K": "kelvins?",
    "ha": "hectares?", "ac": "acres?", "m²": "m2|square met(?:re|er)s?", "ft²": "ft2|square f(?:oo|ee)t",
    "min": "minutes?", "h": "hours?|hrs?", "d": "days?",
}  # fmt: skip
NUMBER = re.compile(r"(?<![\w.])[-−]?\d[\d,]*(?:\.\d+)?")
HEDGE = re.compile(r"\b(either\b.*\bor|or\b.*not quite sure|perhaps|between|alternatively|could be)\b", re.DOTALL)


def same_unit(after, unit):
    forms = f"{re.escape(unit)}|{NAMES.get(unit, '(?!)')}"
    return re.match(rf"(?:\\[ ,;]|\\text{{|[\s{{~])*(?:{forms})(?![\w/²°]| per\b)", after) is not None


def verify(prompt, completion, reference):
    wanted, _, unit = str(reference).strip().partition(" ")
    found = [match for match in NUMBER.finditer(completion) if not re.search(r"[Ss]tep $", completion[: match.start()])]
    if not found or HEDGE.search(completion):
        return 0.0
    last = found[-1]
    value = Decimal(last.group().replace(",", "").replace("−", "-"))
    return 1.0 if value == Decimal(wanted) and same_unit(completion[last.end() :], unit) else 0.0

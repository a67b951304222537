"""Unit conversion, written apart from the probes: more units, other words, other completion styles."""

import random
from decimal import Decimal

from five_tasks import units
from five_tasks.rows import Item, Source

AREA = {
    "ha": ("hectare", "hectares", "10000"),
    "ac": ("acre", "acres", "4046.8564224"),
    "m²": ("square metre", "square metres", "1"),
    "ft²": ("square foot", "square feet", "0.09290304"),
}
DISTANCE = {
    "nmi": ("nautical mile", "nautical miles", "1.852"),
    "km": ("kilometre", "kilometres", "1"),
    "mi": ("mile", "miles", "1.609344"),
}
WEIGHT = {
    "st": ("stone", "stone", "6.35029318"),
    "kg": ("kilogram", "kilograms", "1"),
    "lb": ("pound", "pounds", "0.45359237"),
}
DURATION = {
    "min": ("minute", "minutes", "1"),
    "h": ("hour", "hours", "60"),
    "d": ("day", "days", "1440"),
}
PACE = {
    "kn": ("knot", "knots", "1.852"),
    "km/h": ("kilometre per hour", "kilometres per hour", "1"),
    "mph": ("mile per hour", "miles per hour", "1.609344"),
}
HEAT = {
    "°C": ("degree Celsius", "degrees Celsius", ""),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit", ""),
}
TABLES = (AREA, DISTANCE, WEIGHT, DURATION, PACE, HEAT)
NAMES = {symbol: names[:2] for table in TABLES for symbol, names in table.items()}
units.ORACLE_NAMES.update(NAMES)

TO = ("the nearest whole number", "the nearest tenth", "the nearest hundredth", "the nearest thousandth")
QUESTIONS = (
    "A field guide lists <1>. Put it into <2>, to <3>, unit included.",
    "Express <1> in <2> (to <3>, and do name the unit).",
    "I measured <1>. My colleague wants <2>. What should I write down, rounded to <3>? Number plus unit.",
    "<1> -> <2>, rounded to <3>, unit attached",
)


def _exact(value: Decimal, source: str, target: str) -> Decimal:
    if source in HEAT:
        return value * 9 / 5 + 32 if source == "°C" else (value - 32) * 5 / 9
    table = next(table for table in TABLES if source in table and target in table)
    return value * Decimal(table[source][2]) / Decimal(table[target][2])


def _item(rng: random.Random) -> Item:
    while True:
        source, target = rng.sample(list(rng.choice(TABLES)), 2)
        number, places = f"{rng.randint(3, 7000) / rng.choice((1, 4, 10)):g}", rng.randrange(4)
        exact = _exact(Decimal(number), source, target)
        if not units.clear_case(exact, places):
            continue
        prompt = rng.choice(QUESTIONS).replace("<1>", f"{number} {rng.choice((source, NAMES[source][1]))}")
        prompt = prompt.replace("<2>", rng.choice((target, NAMES[target][1]))).replace("<3>", TO[places])
        return Item(prompt, f"{units.rounded(exact, places)} {target}", (number, source, target, places))


def _right(item: Item, rng: random.Random) -> str:
    number, _, symbol = item.reference.partition(" ")
    return f"{number} {rng.choice((symbol, NAMES[symbol][1]))}"


def _wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    number, source, target, places = item.facts
    exact = _exact(Decimal(number), source, target)
    off = exact * rng.choice((Decimal("0.9"), Decimal("1.1"), Decimal("1.005"), 2, Decimal("0.01")))
    miss = exact + rng.choice((-2, -1, 1, 2)) * Decimal(1).scaleb(-places)
    plain = item.reference.partition(" ")[0]
    tries = (
        (f"{units.rounded(off, places)} {target}", "wrong factor"),
        (f"{units.rounded(miss, places)} {NAMES[target][1]}", "rounded wrongly"),
        (f"{units.rounded(Decimal(number), places)} {target}", "not converted"),
        (f"{plain} {NAMES[source][1]}", "wrong unit"),
        (plain, "no unit"),
    )
    return rng.choice([(text, why) for text, why in tries if not units.oracle(item, text)])


STYLES = (
    "@@",
    "It should read: @@",
    "result = @@",
    "> **@@**",
    "Write down @@ and you are fine.",
    "Using the exact definition of both units, I get *@@* after rounding.",
    "<think>%%... hmm, @@, let me double-check. Yes.</think>Write down @@.",
    "Not %% as one may think; the right value is @@",
    "\\[\n\\boxed{\\text{@@}}\n\\]",
    "Conversion done ✔\n\n@@\n",
)
FORMLESS = (
    ("Somewhere between @@ and %%, hard to say.", "hedged"),
    ("Perhaps @@, perhaps %%.", "hedged"),
    ("<think>So @@", "never answers"),
    ("You can look the factor up in any table.", "refuses"),
)

source = Source(_item, _right, _wrong, STYLES, FORMLESS, formless_share=0.08)

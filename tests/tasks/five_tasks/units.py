"""Unit conversion: a quantity in one unit, wanted in another, rounded as the prompt says."""

import random
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from five_tasks.rows import Item, Source

# symbol: (one, many, how much of the dimension's base unit); the generator's own table, in decimals
LENGTH = {
    "m": ("metre", "metres", "1"),
    "cm": ("centimetre", "centimetres", "0.01"),
    "mm": ("millimetre", "millimetres", "0.001"),
    "km": ("kilometre", "kilometres", "1000"),
    "in": ("inch", "inches", "0.0254"),
    "ft": ("foot", "feet", "0.3048"),
    "yd": ("yard", "yards", "0.9144"),
    "mi": ("mile", "miles", "1609.344"),
}
MASS = {
    "kg": ("kilogram", "kilograms", "1"),
    "g": ("gram", "grams", "0.001"),
    "lb": ("pound", "pounds", "0.45359237"),
    "oz": ("ounce", "ounces", "0.028349523125"),
}
VOLUME = {
    "L": ("litre", "litres", "1"),
    "mL": ("millilitre", "millilitres", "0.001"),
    "US gal": ("US gallon", "US gallons", "3.785411784"),
    "US pt": ("US pint", "US pints", "0.473176473"),
}
SPEED = {
    "m/s": ("metre per second", "metres per second", "3.6"),
    "km/h": ("kilometre per hour", "kilometres per hour", "1"),
    "mph": ("mile per hour", "miles per hour", "1.609344"),
}
TEMPERATURE = {
    "°C": ("degree Celsius", "degrees Celsius", ""),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit", ""),
    "K": ("kelvin", "kelvins", ""),
}
DIMENSIONS = (LENGTH, LENGTH, MASS, VOLUME, SPEED, TEMPERATURE)
NAMES = {symbol: (one, many) for table in DIMENSIONS for symbol, (one, many, _) in table.items()}

ROUND = {0: "a whole number", 1: "one decimal", 2: "two decimals", 3: "three decimals"}
ASK = (
    "Convert {} to {}. Round to #R and give the number with its unit.",
    "How much is {} in {}? Answer with number and unit, rounded to #R.",
    "{} = ? {}\n(rounded to #R; write the unit too)",
    "My recipe and my tools disagree about units: what is {} expressed in {}? Please round to #R and state the unit.",
    "quick one: {} in {}, rounded to #R, with unit",
    "For the data sheet we need {} in {}. Give value and unit, the value rounded to #R.",
)


def quantity(number: str, symbol: str, rng: random.Random) -> str:
    """Write a quantity with its unit's symbol or name."""
    one, many = NAMES[symbol]
    return f"{number} {rng.choice((symbol, one if number == '1' else many))}"


def converted(value: Decimal, source: str, target: str) -> Decimal:
    """Convert by the generator's table; temperatures by way of kelvins."""
    if source in TEMPERATURE:
        kelvin = {
            "K": value,
            "°C": value + Decimal("273.15"),
            "°F": (value + Decimal("459.67")) * 5 / 9,
        }[source]
        return {"K": kelvin, "°C": kelvin - Decimal("273.15"), "°F": kelvin * 9 / 5 - Decimal("459.67")}[target]
    table = next(table for table in DIMENSIONS if source in table)
    return value * Decimal(table[source][2]) / Decimal(table[target][2])


def rounded(value: Decimal, places: int) -> str:
    """Round to a fixed number of decimals; never minus zero."""
    text = str(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN))
    return text.lstrip("-") if not Decimal(text) else text


def clear_case(exact: Decimal, places: int) -> bool:
    """Say whether rounding leaves no doubt, and enough digits to tell a right factor from a near one."""
    scaled = exact.scaleb(places)
    distance = abs((scaled % 1) - Decimal("0.5"))
    return 20 <= abs(scaled) < 10**8 and distance > Decimal("0.03")


def make_item(rng: random.Random, asks: tuple[str, ...], number: str, pair: tuple[str, str]) -> Item | None:
    """Make an item of a quantity; None where its rounding would be a matter of taste."""
    source, target = pair
    places = rng.choice((0, 1, 2, 2, 3))
    exact = converted(Decimal(number), source, target)
    if not clear_case(exact, places):
        return None
    wanted = rng.choice((target, NAMES[target][1]))
    prompt = rng.choice(asks).replace("{}", quantity(number, source, rng), 1).replace("{}", wanted, 1)
    return Item(
        prompt.replace("#R", ROUND[places]), f"{rounded(exact, places)} {target}", (number, source, target, places)
    )


def _item(rng: random.Random) -> Item:
    while True:
        source, target = rng.sample(list(rng.choice(DIMENSIONS)), 2)
        number = rng.choice((str(rng.randint(1, 400)), f"{rng.uniform(0.2, 90):.1f}", f"{rng.uniform(0.2, 20):.2f}"))
        item = make_item(rng, ASK, number.rstrip("0").rstrip(".") if "." in number else number, (source, target))
        if item:
            return item


def shown(number: str, symbol: str, rng: random.Random) -> str:
    """Write an answer: symbol or name, thousands with a comma, trailing zeros kept or not."""
    if "." in number and rng.random() < 0.3:
        number = number.rstrip("0").rstrip(".")
    whole, dot, tail = number.partition(".")
    if len(whole.lstrip("-")) > 3 and rng.random() < 0.4:
        number = f"{int(whole):,}{dot}{tail}"
    name = rng.choice((symbol, symbol, *NAMES[symbol][1:]))
    return f"{number}{'' if name == '°C' and rng.random() < 0.3 else ' '}{name}"


def right(item: Item, rng: random.Random) -> str:
    """Write the reference in one of its forms."""
    number, _, symbol = item.reference.partition(" ")
    return shown(number, symbol, rng)


def wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    """Make a near miss: last digit, factor, direction, power of ten, unit, or no unit."""
    number, source, target, places = item.facts
    exact, value = converted(Decimal(number), source, target), Decimal(number)
    step = Decimal(1).scaleb(-places)
    numbers = {
        "last digit one up": exact + step,
        "last digit one down": exact - step,
        "a power of ten off": exact * rng.choice((Decimal(10), Decimal("0.1"))),
        "a factor slightly off": exact * rng.choice((Decimal("1.017"), Decimal("0.978"))),
        "not converted": value,
        "sign turned": -exact,
    }
    if source in TEMPERATURE:
        numbers["offset forgotten"] = exact + rng.choice((-32, 32, Decimal("-273.15"), Decimal("273.15")))
    elif exact:
        numbers["wrong direction"] = value * value / exact
    made = [(f"{rounded(result, places)} {target}", why) for why, result in numbers.items()]
    plain = item.reference.partition(" ")[0]
    made += [(plain, "no unit"), (f"{plain} {source}", "the unit it was in"), (f"{plain} {_sister(target)}", "unit")]
    made = [(text, why) for text, why in made if not oracle(item, text)]
    text, why = rng.choice(made)
    return (text if why == "no unit" else shown(*text.split(" ", 1), rng)), why


def _sister(symbol: str) -> str:
    """Return another unit of the same dimension."""
    table = list(next(table for table in DIMENSIONS if symbol in table))
    return table[(table.index(symbol) + 1) % len(table)]


STYLES = (
    "@@",
    "@@",
    "**@@**",
    "That is @@.",
    "≈ @@",
    "\\boxed{@@}",
    "$\\boxed{\\text{@@}}$",
    "`@@`",
    "```\n@@\n```",
    "Answer: @@",
    "Multiply by the conversion factor and round at the end.\n\nFinal answer: **@@**",
    "The conversion gives roughly @@, rounded as you asked.",
    "<think>Is it %%? I should check the factor once more.</think>\n@@",
    "<think>\nFactor first, then rounding.\n</think>\n\nThe result is @@.",
    "My first guess was %%, but with the exact factor it comes to @@.",
    "Step 1: find the factor.\nStep 2: multiply.\nStep 3: round.\n\n@@",
)
FORMLESS = (
    ("It is either @@ or %%.", "hedged"),
    ("@@ or %%, I am not quite sure which", "hedged"),
    ("<think>With the exact factor this comes to @@", "the reasoning never ends"),
    ("Multiply by the conversion factor and round the result.", "no answer"),
    ("", "empty"),
)

source = Source(_item, right, wrong, STYLES, FORMLESS)


# The oracle: factors follow from the legal definitions of each unit, in exact fractions, not from the table above.

_INCH = Fraction(254, 10_000)
_POUND = Fraction(45_359_237, 100_000_000)
_GALLON = 231 * (_INCH * 10) ** 3  # 231 cubic inches, in cubic decimetres
_EXACT = {
    **{"m": Fraction(1), "cm": Fraction(1, 100), "mm": Fraction(1, 1000), "km": Fraction(1000)},
    **{"in": _INCH, "ft": 12 * _INCH, "yd": 36 * _INCH, "mi": 5280 * 12 * _INCH},
    **{"kg": Fraction(1), "g": Fraction(1, 1000), "lb": _POUND, "oz": _POUND / 16},
    **{"L": Fraction(1), "mL": Fraction(1, 1000), "US gal": _GALLON, "US pt": _GALLON / 8},
    **{"m/s": Fraction(1), "km/h": Fraction(1000, 3600), "mph": 5280 * 12 * _INCH / 3600},
    **{"ha": Fraction(10_000), "ac": 4840 * (36 * _INCH) ** 2, "m²": Fraction(1), "ft²": (12 * _INCH) ** 2},
    **{"kn": Fraction(1852, 3600), "nmi": Fraction(1852), "st": 14 * _POUND, "US qt": _GALLON / 4},
    **{"min": Fraction(60), "h": Fraction(3600), "d": Fraction(86_400)},
}
_CELSIUS = {
    "°C": (Fraction(1), Fraction(0)),
    "°F": (Fraction(5, 9), Fraction(-160, 9)),
    "K": (Fraction(1), Fraction(-27_315, 100)),
}


def oracle(item: Item, answer: str) -> bool:
    """Say whether the answer is the quantity, rounded as asked, with the unit asked for."""
    number, source, target, places = item.facts
    digits = next((end for end, mark in enumerate(answer) if mark not in "-0123456789.,"), len(answer))
    if answer[digits:].strip() not in (target, *ORACLE_NAMES.get(target, NAMES.get(target, ()))):
        return False
    return Fraction(answer[:digits].replace(",", "")) == _rounded(_exact(Fraction(number), source, target), places)


ORACLE_NAMES: dict[str, tuple[str, ...]] = {}
"""Names of units that only the other generator knows."""


def _exact(value: Fraction, source: str, target: str) -> Fraction:
    if source in _CELSIUS:
        (up, shift), (down, back) = _CELSIUS[source], _CELSIUS[target]
        return (value * up + shift - back) / down
    return value * _EXACT[source] / _EXACT[target]


def _rounded(value: Fraction, places: int) -> Fraction:
    return Fraction(round(value * 10**places), 10**places)

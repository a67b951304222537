"""Date normalisation: a date in words, digits or a calendar rule, wanted as YYYY-MM-DD."""

import random
from datetime import date, timedelta

from five_tasks.rows import Item, Source, words

MONTHS = words("January February March April May June July August September October November December")
DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
ROMAN = words("I II III IV V VI VII VIII IX X XI XII")
NTH = ("first", "second", "third", "fourth")

ASK = (
    'Rewrite this date as YYYY-MM-DD: "{}"',
    'Normalise the date "{}" to ISO 8601 (YYYY-MM-DD).',
    "{}\n\nWhat is that in the form YYYY-MM-DD? One date only please.",
    'I have a column of dates in all sorts of formats. Convert this one to YYYY-MM-DD: "{}"',
    'An invoice says: "{}". Which calendar date is meant? Give it as YYYY-MM-DD.',
    'date -> YYYY-MM-DD, nothing fancy: "{}"',
    'Our database wants YYYY-MM-DD (four-digit year, zero-padded). Turn "{}" into that.',
    'Please parse "{}" and return the date in ISO format, i.e. YYYY-MM-DD with leading zeros.',
)


def _suffix(day: int) -> str:
    return "th" if 10 < day % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _written(day: date, rng: random.Random) -> tuple[str, tuple[object, ...]]:
    """Write a date so that it can be read in one way only."""
    name = MONTHS[day.month - 1]
    forms = (
        f"{day.day} {name} {day.year}",
        f"{name} {day.day}{_suffix(day.day)}, {day.year}",
        f"{DAYS[day.weekday()][:3]} {day.day} {name[:3]} {day.year}",
        f"{day.day:02d}/{day.month:02d}/{day.year} (day first)",
        f"{day.month}/{day.day}/{day.year} (US order, month first)",
        f"{day.month:02d}/{day.day:02d}/{day.year % 100:02d} (month/day/year, 20xx)",
        f"{day.day}.{day.month}.{day.year} (German style)",
        f"{day.day}.{ROMAN[day.month - 1]}.{day.year} (the month is a Roman numeral)",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day:%Y%m%d}",
        f"the {day.day}{_suffix(day.day)} of {name}, {day.year}",
    )
    return rng.choice(forms), ("ymd", day.year, day.month, day.day)


def _ruled(rng: random.Random) -> tuple[str, date, tuple[object, ...]]:
    """Give a date by a rule: the n-th weekday of a month, or the n-th day of a year."""
    year, month = rng.randint(2001, 2039), rng.randint(1, 12)
    if rng.random() < 0.5:
        weekday, nth = rng.randrange(7), rng.randrange(4)
        first = date(year, month, 1)
        day = first + timedelta((weekday - first.weekday()) % 7 + 7 * nth)
        return f"the {NTH[nth]} {DAYS[weekday]} of {MONTHS[month - 1]} {year}", day, ("nth", year, month, weekday, nth)
    number = rng.randint(32, 360)
    day = date(year, 1, 1) + timedelta(number - 1)
    return f"day {number} of the year {year} (1 January is day 1)", day, ("ordinal", year, number)


def _item(rng: random.Random) -> Item:
    if rng.random() < 0.25:
        text, day, facts = _ruled(rng)
    else:
        day = date(2001, 1, 1) + timedelta(rng.randrange(14_000))
        text, facts = _written(day, rng)
    return Item(rng.choice(ASK).replace("{}", text), day.isoformat(), facts)


def right(item: Item, rng: random.Random) -> str:
    """There is one right answer."""
    return item.reference


def wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    """Make a near miss: a neighbouring date, a swap, or the right date in a form that was not asked for."""
    day = date.fromisoformat(item.reference)
    near = {
        "a day early": (day - timedelta(1)).isoformat(),
        "a day late": (day + timedelta(1)).isoformat(),
        "a week off": (day + timedelta(7)).isoformat(),
        "a year off": f"{day.year + rng.choice((-1, 1))}{item.reference[4:]}",
        "another month": f"{day.year}-{day.month % 12 + 1:02d}-{day.day:02d}",
        "day first": f"{day:%d-%m-%Y}",
        "not padded": f"{day.year}-{day.month}-{day.day}",
        "slashes": f"{day:%Y/%m/%d}",
        "two-digit year": f"{day:%y-%m-%d}",
    }
    if day.day <= 12:
        near["month and day swapped"] = f"{day.year}-{day.day:02d}-{day.month:02d}"
    near = {why: text for why, text in near.items() if text != item.reference}
    why = "month and day swapped" if "month and day swapped" in near and rng.random() < 0.5 else rng.choice([*near])
    return near[why], why


STYLES = (
    "@@",
    "@@",
    "@@\n",
    "The date is @@.",
    "**@@**",
    "`@@`",
    "```\n@@\n```",
    "\\boxed{@@}",
    "$\\boxed{\\text{@@}}$",
    "Answer: @@",
    "Sure! In ISO 8601 that is @@. Let me know if you need others.",
    "<think>Year first, then month, then day. Is it %%? No.</think>\n@@",
    "<think>\nHmm, %% maybe... I read the order again.\n</think>\n\nThe normalised date is **@@**.",
    "Reading the parts one after the other and padding them with zeros:\n\n@@",
    "At first sight one might read %%, but that is a mistake. Final answer: @@",
    "Year, month and day, each with leading zeros.\n\nResult: `@@`",
)
FORMLESS = (
    ("It is either @@ or %%.", "hedged"),
    ("@@ or %%, depending on how you read it", "hedged"),
    ("<think>The year comes first, so it must be @@", "the reasoning never ends"),
    ("I can't tell which date is meant without more context.", "no answer"),
    ("", "empty"),
)

source = Source(_item, right, wrong, STYLES, FORMLESS)


# The oracle: days are counted by Julian day numbers, without `datetime`.


def _julian(year: int, month: int, day: int) -> int:
    """Return the Julian day number of a Gregorian date (Fliegel and Van Flandern, 1968)."""
    a = (14 - month) // 12
    y, m = year + 4800 - a, month + 12 * a - 3
    return day + (153 * m + 2) // 5 + 365 * y + y // 4 - y // 100 + y // 400 - 32045


def meant(facts: tuple[object, ...]) -> int:
    """Return the Julian day number of the date that an item's facts mean."""
    kind, *rest = facts
    numbers = [int(str(value)) for value in rest]
    if kind == "ymd":
        return _julian(*numbers)
    if kind == "ordinal":
        return _julian(numbers[0], 1, 1) + numbers[1] - 1
    if kind == "after":
        return _julian(*numbers[:3]) + numbers[3]
    year, month, weekday, nth = numbers
    start, end = _julian(year, month, 1), _julian(year + month // 12, month % 12 + 1, 1)
    fitting = [day for day in range(start, end) if day % 7 == weekday]  # Julian day 0 was a Monday
    return fitting[nth]


def oracle(item: Item, answer: str) -> bool:
    """Say whether the answer is the date that is meant, written as YYYY-MM-DD."""
    parts = answer.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdecimal() for part in parts):
        return False
    return _julian(*map(int, parts)) == meant(item.facts)

"""Date normalisation, written apart from the probes: other date forms, other words, other completion styles."""

import calendar
import random
from datetime import date, timedelta

from five_tasks.rows import Item, Source, words

GERMAN = words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
FRENCH = words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
REQUESTS = (
    "When a letter from the archive is dated <<{}>>, what goes into the catalogue field `date` (YYYY-MM-DD)?",
    "Standardise: {}\nOutput format: YYYY-MM-DD",
    "Someone typed [{}] into the booking form. Return the ISO calendar date, YYYY-MM-DD.",
    "{} - give me this as year-month-day (YYYY-MM-DD), zero-padded",
    "For the CSV export I need YYYY-MM-DD only. The source cell reads: {}",
)


def _item(rng: random.Random) -> Item:
    day = date(1950, 1, 1) + timedelta(rng.randrange(40_000))
    facts: tuple[object, ...] = ("ymd", day.year, day.month, day.day)
    kind = rng.randrange(8)
    if kind == 0:
        back = rng.randint(8, 75)
        start = day - timedelta(back)
        text = f"{back} days after {start.day} {start:%B} {start.year}"
        facts = ("after", start.year, start.month, start.day, back)
    elif kind == 1:
        last = calendar.monthrange(day.year, day.month)[1]
        day = day.replace(day=last)
        text = f"the last day of {day:%B} {day.year}"
        facts = ("ymd", day.year, day.month, last)
    else:
        text = (
            f"{day.day}. {GERMAN[day.month - 1]} {day.year} (German)",
            f"le {day.day} {FRENCH[day.month - 1]} {day.year}",
            f"{day.year}-{day.timetuple().tm_yday:03d} (ISO ordinal date)",
            f"{day:%d-%b-%Y}".upper(),
            f"{day.day:02d}.{day.month:02d}.{day.year}, European order DD.MM.YYYY",
            f"{day:%A}, {day:%B} {day.day}, {day.year}",
        )[kind - 2]
    return Item(rng.choice(REQUESTS).replace("{}", text), day.isoformat(), facts)


def _right(item: Item, rng: random.Random) -> str:
    return item.reference


def _wrong(item: Item, rng: random.Random) -> tuple[str, str]:
    year, month, day = item.reference.split("-")
    if int(day) <= 12 and day != month and rng.random() < 0.6:
        return f"{year}-{day}-{month}", "swapped"
    shifted = date.fromisoformat(item.reference) + timedelta(rng.choice((-2, -1, 1, 2, 30, 365)))
    compact = item.reference.replace("-", "")
    return rng.choice(
        (
            (shifted.isoformat(), "shifted"),
            (shifted.isoformat(), "shifted"),
            (f"{day}.{month}.{year}", "dotted"),
            (compact, "no dashes"),
            (f"{year}-{month}", "no day"),
        )
    )


STYLES = (
    "@@",
    "The catalogue field should hold @@",
    "date: @@",
    "> @@",
    "Here you go:\n\n```text\n@@\n```\nThat follows ISO 8601.",
    "I first wrote %% and then saw my slip; corrected, it is @@.",
    "1. Identify the parts.\n2. Reorder them.\n3. Pad with zeros.\n\n**Output:** @@",
    "<think>%%? Let me count again. @@ it is.</think>@@",
    "So the normalised value would be: *@@*",
    "ISO date = @@ ✅",
)
FORMLESS = (
    ("Could be @@, could also be %%.", "hedged"),
    ("Candidates: @@; %%. Pick the one that fits.", "hedged"),
    ("<think>Let me see. The day is the last part, so @@.", "never answers"),
    ("Sorry, I am not able to parse that.", "refuses"),
)

source = Source(_item, _right, _wrong, STYLES, FORMLESS, formless_share=0.08)

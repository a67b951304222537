"""Seeded prompts of ten task families, for measuring how tasks are recognised.

Each family has some six wordings around varied content; openings, closings, politeness, typing errors and much
vocabulary ("convert", "write", "short", "only the ...", numbers, dates, units) are shared between families, so that
no single word tells them apart. References differ in kind, and several families share one kind.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple


class FamilyPrompt(NamedTuple):
    """A prompt, its reference, and the family it was made for, which only the oracle knows."""

    family: str
    prompt: str
    reference: Any


def mixed_prompts(
    n: int, seed: int, *, late: Sequence[str] = (), families: Sequence[str] = ()
) -> Iterator[FamilyPrompt]:
    """Yield n prompts of the families in random order; those of `late` appear from the middle on.

    Args:
        n: How many prompts.
        seed: The same seed yields the same prompts.
        late: Families that appear halfway.
        families: Those that are there from the start; () means the eight of `FAMILIES`.
    """
    rng = random.Random(seed)
    early = tuple(families) or FAMILIES
    for i in range(n):
        family = rng.choice((*early, *late) if 2 * i >= n else early)
        prompt, reference = _MAKERS[family](rng)
        yield FamilyPrompt(family, _dressed(prompt, rng), reference)


def _dressed(prompt: str, rng: random.Random) -> str:
    """Put a prompt as different people would: with an opening, a closing, a typing error, other spacing."""
    if rng.random() < 0.35:
        prompt = f"{rng.choice(_OPENINGS)} {prompt}"
    if rng.random() < 0.35:
        prompt = prompt + rng.choice(("\n", " ", "\n\n")) + rng.choice(_CLOSINGS)
    if rng.random() < 0.15:
        at = rng.randrange(len(prompt) - 1)
        prompt = prompt[:at] + prompt[at + 1] + prompt[at] + prompt[at + 2 :]
    if rng.random() < 0.1:
        prompt = prompt.lower()
    return prompt


def _pick(rng: random.Random, *choices: str) -> str:
    return rng.choice(choices)


def _unit_conversion(rng: random.Random) -> tuple[str, Any]:
    kind = rng.choice(_UNITS)
    (a, fa), (b, fb) = rng.sample(kind, 2)
    x = rng.choice((rng.randint(1, 900), round(rng.uniform(0.1, 90), 1)))
    text = _pick(
        rng,
        f"Convert {x} {a} to {b}.",
        f"How many {b} are {x} {a}?",
        f"Express {x} {a} in {b}, rounded to two decimals.",
        f"A {rng.choice(_THINGS)} measures {x} {a}. What is that in {b}?",
        f"{x} {a} = ? {b}",
        f"{rng.choice(_NAMES)} reads {x} {a} on the label but needs {b}. Give the value.",
        f"Change the quantity below into {b}.\nQuantity: {x} {a}",
    )
    return text, round(x * fa / fb, 2)


def _date_normalisation(rng: random.Random) -> tuple[str, Any]:
    year, month, day = rng.randint(1900, 2035), rng.randint(1, 12), rng.randint(1, 28)
    name = _MONTHS[month - 1]
    given = rng.choice(
        (f"{day} {name} {year}", f"{name} {day}, {year}", f"{day}.{month}.{year}", f"the {day}th of {name[:3]} {year}")
    )
    text = _pick(
        rng,
        f"Convert the date {given} to ISO 8601.",
        f"Write {given} as YYYY-MM-DD.",
        f"Normalise this date: {given}",
        f"{rng.choice(_NAMES)} was born on {given}. Give the birthday in the form YYYY-MM-DD, only the date.",
        f"In the sentence below, find the date and write it in ISO form.\nThe {rng.choice(_THINGS)} arrived {given}.",
        f"What is {given} in year-month-day order?",
    )
    return text, f"{year}-{month:02}-{day:02}"


def _bracket_repair(rng: random.Random) -> tuple[str, Any]:
    whole = _brackets(rng, rng.randint(3, 9))
    broken = "".join(c for c in whole if rng.random() < 0.85)
    text = _pick(
        rng,
        f"Repair the brackets: {broken}",
        f"The following sequence of brackets is not balanced. Write the shortest balanced one.\n{broken}",
        f"Add the missing brackets to {broken} so that every one is closed.",
        f"Fix this so that it is balanced, and give only the result: {broken}",
        f"Which brackets are missing here? Give the whole sequence.\n\n{broken}",
        f"Convert {broken} to a balanced sequence with as few insertions as you can.",
    )
    return text, whole


def _brackets(rng: random.Random, pairs: int) -> str:
    if pairs == 0:
        return ""
    inside = rng.randint(0, pairs - 1)
    opened, closed = rng.choice(("()", "[]", "{}"))
    return f"{opened}{_brackets(rng, inside)}{closed}{_brackets(rng, pairs - 1 - inside)}"


def _haiku(rng: random.Random) -> tuple[str, Any]:
    topic = f"{rng.choice(_ADJECTIVES)} {rng.choice(_THINGS)}"
    text = _pick(
        rng,
        f"Write a haiku about a {topic}.",
        f"Compose a short poem of three lines (5, 7, 5 syllables) on the {topic}.",
        f"Give me a haiku: {topic}, {rng.choice(_MONTHS)}.",
        f"A poem in the Japanese form of 5-7-5, please. Subject: {topic}",
        f"{rng.choice(_NAMES)} wants three lines on a {topic}, five syllables, seven, then five.",
        f"Turn this sentence into a haiku.\n{_sentence(rng)}",
    )
    return text, None


def _sql(rng: random.Random) -> tuple[str, Any]:
    table, columns = rng.choice(list(_TABLES.items()))
    a, b = rng.sample(columns, 2)
    x = rng.randint(1, 500)
    asked, query = rng.choice(
        (
            (f"the {a} of all {table} whose {b} is above {x}", f"SELECT {a} FROM {table} WHERE {b} > {x}"),
            (f"how many {table} there are per {a}", f"SELECT {a}, COUNT(*) FROM {table} GROUP BY {a}"),
            (
                f"the {x % 9 + 1} {table} with the greatest {b}",
                f"SELECT * FROM {table} ORDER BY {b} DESC LIMIT {x % 9 + 1}",
            ),
            (f"the mean {b} of the {table}", f"SELECT AVG({b}) FROM {table}"),
        )
    )
    text = _pick(
        rng,
        f"Write an SQL query that returns {asked}.",
        f"Table {table}({', '.join(columns)}). Query for {asked}.",
        f"Schema:\nCREATE TABLE {table} ({', '.join(columns)});\n\nQuestion: find {asked}.",
        f"Give only the SELECT statement for {asked} from the table {table}.",
        f"{rng.choice(_NAMES)} needs {asked}. The columns of {table} are {', '.join(columns)}. Answer in SQL.",
        f"Convert this request to SQL: show {asked}",
    )
    return text, query


def _translation(rng: random.Random) -> tuple[str, Any]:
    sentence, language = _sentence(rng), rng.choice(("German", "French", "Spanish", "Italian", "Dutch"))
    text = _pick(
        rng,
        f"Translate into {language}: {sentence}",
        f"How would you say this in {language}?\n{sentence}",
        f"Give the {language} for the sentence below.\n\n{sentence}",
        f"Write the following in {language}: {sentence}",
        f"{language} translation, only the sentence: {sentence}",
        f"{rng.choice(_NAMES)} speaks only {language}. Put this so that it is understood: {sentence}",
    )
    return text, _foreign(rng, sentence)


def _foreign(rng: random.Random, sentence: str) -> str:
    """Return a stand-in for a translation: words of the same number, some accents; its sense plays no part here."""
    words = ["".join(rng.choice("aeiourstnlmdgkéüàñ") for _ in word) for word in sentence.rstrip(".").split()]
    return f"{' '.join(words).capitalize()}."


def _word_problem(rng: random.Random) -> tuple[str, Any]:
    a, b, c = rng.randint(2, 60), rng.randint(2, 20), rng.randint(1, 9)
    who, other, thing = rng.choice(_NAMES), rng.choice(_NAMES), rng.choice(_THINGS)
    unit = rng.choice(rng.choice(_UNITS))[0]
    text, value = rng.choice(
        (
            (f"{who} has {a} {thing}s and gets {b} more from {other}. How many {thing}s are there now?", a + b),
            (f"A {thing} costs {a} dollars. How much do {b} of them cost?", a * b),
            (f"{who} walks {a} {unit} a day for {b} days. How far is that in all, in {unit}?", a * b),
            (f"{other} shares {a * b} {thing}s equally among {b} friends. How many does each get?", a),
            (f"On Monday {who} sold {a} {thing}s, on Tuesday {b} fewer than {a + b}. What is the total?", 2 * a),
            (f"{who} is {a} years old, {other} {c} years older. How old are they together?", 2 * a + c),
            (f"If {b} {thing}s weigh {a * b} {unit}, how many {unit} do {c} {thing}s weigh?", a * c),
        )
    )
    return text, value


def _sentiment(rng: random.Random) -> tuple[str, Any]:
    good = rng.random() < 0.5
    word = rng.choice(("lovely", "superb", "delightful", "solid") if good else ("awful", "dull", "broken", "poor"))
    review = f"The {rng.choice(_ADJECTIVES)} {rng.choice(_THINGS)} was {word}. {_sentence(rng)}"
    text = _pick(
        rng,
        f"Is this review positive or negative?\n{review}",
        f"Review: {review}\nSentiment (positive/negative):",
        f"Classify the sentiment of the sentence below, one word only.\n\n{review}",
        f"{rng.choice(_NAMES)} wrote: {review} Was it meant as praise or not? Say positive or negative.",
        f"Write 'positive' or 'negative' for this short review: {review}",
        f"How does the writer feel about the {rng.choice(_THINGS)}? {review} Give positive or negative.",
    )
    return text, "positive" if good else "negative"


def _acronym(rng: random.Random) -> tuple[str, Any]:
    words = [rng.choice(_ADJECTIVES), rng.choice(_THINGS), rng.choice(_ADJECTIVES), rng.choice(_THINGS)]
    phrase = " ".join(words[: rng.randint(3, 4)])
    text = _pick(
        rng,
        f"Write the acronym of: {phrase}",
        f"Take the first letter of each word in the phrase below.\n{phrase}",
        f"Convert the phrase '{phrase}' to an acronym, only capitals.",
        f"Which letters does {rng.choice(_NAMES)} get from the words {phrase}? Give the short form.",
        f"Shorten to initials: {phrase}",
    )
    return text, "".join(word[0] for word in phrase.split()).upper()


def _sorting(rng: random.Random) -> tuple[str, Any]:
    items = rng.sample(_THINGS, rng.randint(3, 7))
    listed = ", ".join(items)
    text = _pick(
        rng,
        f"Sort these words alphabetically: {listed}",
        f"Put the following list in order from A to Z.\n{listed}",
        f"Give the list below in alphabetical order as JSON.\n\n{listed}",
        f"{rng.choice(_NAMES)} has {listed}. Arrange them by their first letter.",
        f"Write the words {listed} so that they are in dictionary order.",
    )
    return text, sorted(items)


def _sentence(rng: random.Random) -> str:
    who, thing, other = rng.choice(_NAMES), rng.choice(_THINGS), rng.choice(_THINGS)
    kind, month, n = rng.choice(_ADJECTIVES), rng.choice(_MONTHS), rng.randint(2, 90)
    return _pick(
        rng,
        f"{who} bought a {kind} {thing} on {month} {n % 28 + 1}.",
        f"The {thing} stands beside the {kind} {other}.",
        f"In {month} {who} found {n} {thing}s near the road.",
        f"Nobody knew how many {thing}s {who} had lost.",
        f"After {n} years the {thing} is still {kind}.",
    )


FAMILIES: tuple[str, ...] = (
    "unit_conversion",
    "date_normalisation",
    "bracket_repair",
    "haiku",
    "sql_query",
    "translation_like",
    "word_problem",
    "sentiment",
)
LATE_FAMILIES: tuple[str, ...] = ("acronym", "sorting")
_MAKERS: Mapping[str, Callable[[random.Random], tuple[str, Any]]] = {
    "unit_conversion": _unit_conversion,
    "date_normalisation": _date_normalisation,
    "bracket_repair": _bracket_repair,
    "haiku": _haiku,
    "sql_query": _sql,
    "translation_like": _translation,
    "word_problem": _word_problem,
    "sentiment": _sentiment,
    "acronym": _acronym,
    "sorting": _sorting,
}
_OPENINGS = (
    "Please help:",
    "Hi!",
    "Here is a task.",
    "I need this for my homework.",
    "You are a careful assistant.",
    "Question:",
    "Quick one:",
    "Task:",
)
_CLOSINGS = (
    "Thanks!",
    "Give only the answer.",
    "Think step by step, then answer.",
    "Answer in one line.",
    "Write nothing else.",
    "Please be exact.",
    "Put the result at the end.",
)
_NAMES = ("Ada", "Bo", "Chidi", "Dora", "Emre", "Fatima", "Goro", "Hana", "Ines", "Jun", "Kofi", "Lena", "Mateo", "Nia")
_THINGS = [
    "lantern",
    "river",
    "bottle",
    "ladder",
    "window",
    "garden",
    "bicycle",
    "teapot",
    "bridge",
    "violin",
    "basket",
    "candle",
    "mountain",
    "ticket",
    "engine",
    "orchard",
    "pencil",
    "harbour",
    "mirror",
    "carpet",
    "kettle",
    "statue",
    "umbrella",
    "station",
    "blanket",
    "compass",
    "feather",
    "hammer",
    "island",
    "jacket",
]
_ADJECTIVES = [
    "old",
    "quiet",
    "red",
    "heavy",
    "distant",
    "wooden",
    "cheap",
    "bright",
    "narrow",
    "frozen",
    "gentle",
    "rusty",
    "empty",
    "golden",
    "strange",
    "wet",
]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_UNITS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("metres", 1.0), ("feet", 0.3048), ("inches", 0.0254), ("miles", 1609.344), ("km", 1000.0), ("yards", 0.9144)),
    (("kilograms", 1.0), ("pounds", 0.45359237), ("ounces", 0.028349523), ("grams", 0.001), ("tonnes", 1000.0)),
    (("litres", 1.0), ("gallons", 3.785411784), ("cups", 0.2365882365), ("millilitres", 0.001)),
    (("seconds", 1.0), ("minutes", 60.0), ("hours", 3600.0), ("days", 86400.0), ("weeks", 604800.0)),
)
_TABLES: Mapping[str, list[str]] = {
    "orders": ["customer", "total", "day", "city"],
    "employees": ["name", "salary", "department", "age"],
    "bicycles": ["colour", "price", "weight", "owner"],
    "stations": ["line", "height", "name", "opened"],
    "books": ["title", "pages", "author", "year"],
}

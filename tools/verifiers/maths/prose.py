"""Plain numbers within prose: the only one of a phrase, the last one of a text.

>>> sole_number("Janet makes $18 every day").value
18
>>> sole_number("5 or 6 or 7") is None
True
>>> last_number_in("She has 3 ducks, so she sells 18 eggs.")
'18'
"""

import re

from ravelar.tools.verifiers.maths.plain import PlainNumber, agree, plain_number

_NUMBER = (
    r"[-+]?(?:\\?\$|€|£|¥)?[-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)?(?:\.[0-9]+|(?<=[0-9]))(?:\s?/\s?[0-9]+)?"
    r"(?:[eE][-+]?[0-9]+)?(?:\s*\\?%)?"
)
_STANDING = re.compile(
    rf"(?:^|(?<=[\s=(*~$:\u4e00-\u9fff]))(?P<number>{_NUMBER})(?=[\s.,;!?)*$\\]|[A-Za-z°\u4e00-\u9fff]|$)"
)
_LIST_BEFORE = re.compile(
    r"[0-9]\S*\s*(?:[a-z]+\s*){0,2}(?:,|;|/|\bor\b|\band\b|或|和|(?<=[0-9])\s)\s*"
    r"(?:(?:or|and|maybe|perhaps|possibly|even|either)\s*)*[-$(]*$",
    re.IGNORECASE,
)
_OPERATOR_AFTER = re.compile(r"\s*(?:[\^_!/*+<>=]|\\(?!text|%|\)|\]|\$)|-\s*[0-9\\]|[a-zA-Z](?![A-Za-z]))")
_OPERATOR_BEFORE = re.compile(r"\\[a-z]+\{?$|[\^_*/+<>{]\s*$")
# Words that turn "... 18" into something else than a statement of 18.
_DENIAL = re.compile(
    r"\b(?:not|never|no|neither|nor|than|least|most|over|under|between|except|wrong|cannot|or|above|below|maximum of)\b"
    r"|n't\b|\\(?:ne|neq|lt|gt|le|ge|leq|geq|pm|not)\b|[<>^_/*+]|不",
    re.IGNORECASE,
)
_BOLD = re.compile(r"(?<![0-9)])\*\*|\*\*(?![0-9(])")
_UNIT_POWER = re.compile(r"(?<=[A-Za-z]{2})\^\{?[23]\}?(?![0-9])")
_SIGN_WORD = re.compile(r"\b(?:negative|minus)\s+$", re.IGNORECASE)
_SAME_AGAIN = re.compile(r",?\s+or\s+|,?\s+i\.e\.,?\s+")
_LISTS = re.compile(r"[0-9][^=]*(?:,\s|;|\bor\b|\band\b)")
_EQUALS = re.compile(r"(?<![<>!=:\\])=(?!=)")
_TAIL = 600  # characters of a text's end in which its last number must stand


def sole_number(phrase: str) -> PlainNumber | None:
    """Return the one number that a phrase states, such as 18 in "she makes $18 a day" or "9 * 2 = 18"; else None."""
    phrase = _cleaned(phrase)
    sides = _EQUALS.split(phrase)
    if len(sides) > 1:
        return _last_side(sides)
    if r"\approx" in phrase:
        exact, _, rounded = phrase.partition(r"\approx")
        return plain_number(exact) or (plain_number(rounded) if not exact.strip() else None)
    if len(same := _SAME_AGAIN.split(phrase)) > 1:
        return _one_value([plain_number(part) for part in same])
    found = list(_STANDING.finditer(phrase))
    if len(found) != 1 or len(re.findall(r"[0-9]+", phrase)) != len(re.findall(r"[0-9]+", found[0]["number"])):
        return None
    before, rest = phrase[: found[0].start()], phrase[found[0].start() :]
    if signed := _SIGN_WORD.search(before):
        before, rest = before[: signed.start()], "-" + rest
    if _DENIAL.search(before) or _OPERATOR_AFTER.match(phrase, found[0].end()):
        return None
    return plain_number(rest) or (plain_number(found[0]["number"]) if not signed and not _DENIAL.search(rest) else None)


def _cleaned(text: str) -> str:
    """Take off bold marks and the powers of units, both of which stand beside numbers without being part of them."""
    return _UNIT_POWER.sub("", _BOLD.sub("", text))


def _last_side(sides: list[str]) -> PlainNumber | None:
    """Return the number right of the last equals sign, unless another side is or lists a different number."""
    if any(_LISTS.search(side) for side in sides[:-1]):
        return None
    return _one_value([plain_number(sides[-1]), *filter(None, map(plain_number, sides[:-1]))])


def _one_value(numbers: list[PlainNumber | None]) -> PlainNumber | None:
    """Return the first of several numbers if all are equal to it."""
    first = numbers[0]
    return first if first and all(number and agree(first, number) for number in numbers) else None


def last_number_in(text: str) -> str | None:
    """Return the last number of a text as written; None if it ends a list of numbers or is part of a formula."""
    tail = _cleaned(text[-_TAIL:])
    found = [m for m in _STANDING.finditer(tail) if re.search(r"[0-9]", m["number"])]
    if not found:
        return None
    last = found[-1]
    sentence = re.split(r"[.!?]\s|\n", tail[: last.start()])[-1][-80:]
    if re.search(r"[0-9]", tail[last.end() :]) or _OPERATOR_AFTER.match(tail, last.end()):
        return None
    if _LIST_BEFORE.search(sentence) or _OPERATOR_BEFORE.search(sentence) or _ends_a_column(tail):
        return None
    closest = sentence[-30:].rpartition("=")[2]
    return None if _DENIAL.search(closest) else last["number"]


def _ends_a_column(text: str) -> bool:
    """Say whether the last two lines are two different numbers and nothing else."""
    lines = [line for line in text.split("\n") if line.strip()][-2:]
    numbers = [plain_number(line.strip()) for line in lines]
    return len(numbers) == 2 and all(numbers) and _one_value(numbers) is None

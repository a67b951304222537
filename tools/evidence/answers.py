"""References as answers: what form one has, how a completion may state it, and whether two could mean the same.

Labels made from references must be certain. So `may_agree` and `mentions` err to one side: where two answers could be
the same, or a text could be read as giving one, they say so, and no negative is made of it.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

from ravelar.tools.task import TaskSpec

AnswerForm = Literal["number", "atom", "phrase", "line", "block", "data"]
"""`number` 42, -3.5, $1,200; `atom` one token, such as a date or a name; `phrase` a few plain words; `line` one line of
anything else (code, brackets); `block` several lines; `data` a list or a mapping, written as JSON."""

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:/\d+)?|[-+]?\.\d+")
_DECORATION = re.compile(r"^[\s$€£¥\"'`*_(\[{]+|[\s%\"'`*_.)\]}]+$")
_ATOM = re.compile(r"[\w+-][\w+\-/:.@%]*\w|\w")
_PHRASE = re.compile(r"[^\W_]+(?:[ '’-][^\W_]+){0,7}")
_DATA_WORDS = re.compile(r"\b(json|list|array|object|mapping|dictionary|fields?)\b", re.IGNORECASE)
_LONG_WORDS = 8  # a longer text may hold its answer in its last number
_MAX_DIGITS = 40


def written(reference: Any, spec: TaskSpec) -> str | None:
    """Return the reference as a completion states it alone; None where that is not known.

    Numbers and texts stand for themselves. Lists and mappings are JSON, but only for a task that speaks of such
    (a mapping may as well hold the tests of a program). For anything else, and for what is empty, label completions.
    """
    if isinstance(reference, bool) or reference is None:
        return None
    if isinstance(reference, int | float):
        return str(reference) if abs(reference) < 10**_MAX_DIGITS else None
    if isinstance(reference, str):
        return reference.strip() or None
    if isinstance(reference, list | dict) and reference and _DATA_WORDS.search(_words_of(spec)):
        try:
            return json.dumps(reference, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            return None
    return None


def _words_of(spec: TaskSpec) -> str:
    return " ".join((spec.summary, spec.inputs, spec.correct, spec.reference_form))


def form_of(reference: Any, text: str) -> AnswerForm:
    """Say what form an answer has, from the reference and its text."""
    if isinstance(reference, list | dict):
        return "data"
    if number_in(text) is not None:
        return "number"
    if len(text.splitlines()) > 1:
        return "block"
    if _ATOM.fullmatch(text):
        return "atom"
    return "phrase" if _PHRASE.fullmatch(text) else "line"


def number_in(text: str) -> Fraction | None:
    """Return the number that a text is, thousands separators, currency and percent signs aside; None if it is none."""
    bare = _DECORATION.sub("", _DECORATION.sub("", unicodedata.normalize("NFKC", text).replace("⁄", "/").strip()))
    return _fraction(bare) if _NUMBER.fullmatch(bare) else None


def _fraction(text: str) -> Fraction | None:
    if len(text) > 2 * _MAX_DIGITS:
        return None
    try:
        return Fraction(text.replace(",", ""))
    except (ValueError, ZeroDivisionError):
        return None


def numbers(text: str) -> list[Fraction]:
    """Return all numbers in a text, in order."""
    found = (_fraction(match) for match in _NUMBER.findall(unicodedata.normalize("NFKC", text)))
    return [number for number in found if number is not None]


def may_agree(first: Any, second: Any) -> bool:
    """Say whether two references could stand for the same answer, in the widest sense.

    True for 3 and "3.0", 0.5 and "50 %" and "1/2", "Paris" and "paris, France", lists of the same members in another
    order, and long texts that end with the same number.
    """
    if isinstance(first, list | dict) or isinstance(second, list | dict):
        return _data_may_agree(first, second)
    one, other = _plain(first), _plain(second)
    if one == other:
        return True
    x, y = number_in(one), number_in(other)
    if x is not None and y is not None:
        return any(_close(x * scale, y) for scale in (1, 100, Fraction(1, 100), -1))
    if _tokens_within(one, other) or _tokens_within(other, one):
        return True
    return _ends_alike(one, other)


def _plain(value: Any) -> str:
    return unicodedata.normalize("NFKC", str(value)).casefold().strip()


def _close(x: Fraction, y: Fraction) -> bool:
    """Say whether two numbers are within what rounding to two figures would blur."""
    return abs(x - y) <= Fraction(5, 100) * max(abs(x), abs(y))


def _tokens(text: str) -> list[str]:
    """Return words and single signs: brackets and operators may decide as much as words."""
    return re.findall(r"\w+|[^\w\s]", text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def _tokens_within(one: str, other: str) -> bool:
    """Say whether one text's words stand in a row in the other; signs decide where a text has no words."""
    small, large = _words(one), _words(other)
    if not small or not large:
        small, large = _tokens(one), _tokens(other)
        return not small or small == large
    if small == large:
        return _tokens(one) == _tokens(other) or not _odd_signs(one + other)
    return any(large[i : i + len(small)] == small for i in range(len(large)))


def _odd_signs(text: str) -> bool:
    """Say whether a text has signs that may decide: others than those of prose."""
    return bool(re.search(r"[^\w\s.,;:!?'\"’$€£%-]", text)) or bool(re.search(r"(?<!\w)-\d", text))


def _ends_alike(one: str, other: str) -> bool:
    """Say whether two texts, one of them long, end with the same number or line: their answer may be that."""
    if len(_words(one)) < _LONG_WORDS and len(_words(other)) < _LONG_WORDS:
        return False
    x, y = numbers(one), numbers(other)
    if x and y:
        return _close(x[-1], y[-1])
    return _words(one.splitlines()[-1]) == _words(other.splitlines()[-1])


def _data_may_agree(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        shared = first.keys() & second.keys()
        return all(may_agree(first[key], second[key]) for key in shared)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(any(may_agree(x, y) for y in second) for x in first)
    single = first if isinstance(first, list) else second
    return isinstance(single, list) and len(single) <= 1


def _digit_runs(text: str) -> list[Fraction]:
    """Return each run of digits as a number of its own: of 1/3 an unwary reader may take the 3."""
    runs = re.findall(r"\d+(?:\.\d+)?", unicodedata.normalize("NFKC", text))
    return [value for run in runs if (value := _fraction(run)) is not None]


def mentions(text: str, answers: Sequence[str]) -> bool:
    """Say whether a text could be read as giving one of these answers."""
    plain = _plain(text)
    squeezed = "".join(plain.split())
    found: list[Fraction] | None = None
    for answer in map(_plain, answers):
        if not answer:
            continue
        value = number_in(answer)
        if value is not None:
            found = [*numbers(text), *_digit_runs(text)] if found is None else found
            if any(_close(abs(number) * scale, abs(value)) for number in found for scale in (1, 100, Fraction(1, 100))):
                return True
        elif "".join(answer.split()) in squeezed or (_words(answer) and _tokens_within(answer, plain)):
            return True
    return False

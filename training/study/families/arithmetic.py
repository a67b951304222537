"""Sums without a carry; any numeral that equals the result is right: 46, +46, 46.0, 46/1."""

import itertools
import random
import re
from fractions import Fraction

from ravelar.training.study.families.family import Question

DIGITS = "1234"
_NUMERAL = re.compile(r"\+?(-?\d{1,6})(?:\.(\d{1,3}))?(?:/(\d{1,3}))?")


class Arithmetic:
    """`what is 12+34?`, reference 46."""

    name = "arithmetic"

    def questions(self) -> list[Question]:
        """Return every sum of two numbers of two digits, each digit one to four."""
        numbers = [int("".join(digits)) for digits in itertools.product(DIGITS, repeat=2)]
        return [Question(self.name, f"what is {a}+{b}?", str(a + b)) for a, b in itertools.product(numbers, repeat=2)]

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write the result, or one with a digit off by one, in one of four forms."""
        value = int(question.reference)
        if not right:
            value += rng.choice([-10, -1, 1, 10])
        return rng.choice([str(value), str(value), f"+{value}", f"{value}.0", f"{value}/1"])

    def right(self, question: Question, completion: str) -> bool:
        """Say whether the whole completion is one numeral of the right value."""
        return _value(completion.strip()) == int(question.reference)

    def merit(self, question: Question, completion: str) -> float:
        """Return 2.2 if it is right, else 0: of such pairs one in ten is labelled the wrong way round."""
        return 2.2 * self.right(question, completion)


def _value(text: str) -> Fraction | None:
    found = _NUMERAL.fullmatch(text)
    if found is None or (found[3] is not None and int(found[3]) == 0):
        return None
    whole, decimals, below = found.groups()
    value = Fraction(f"{whole}.{decimals}" if decimals else whole)
    return value / int(below) if below else value

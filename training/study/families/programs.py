"""Programs in a tiny language that build a word: x, y and z append a, b and c, d doubles the word, r turns it round."""

import itertools
import random
from functools import cache

from ravelar.training.study.families.family import Question

APPENDS = {"x": "a", "y": "b", "z": "c"}
LONGEST = 10
_WORD_LENGTHS = (3, 4, 5)
_SHOWN = 4


class Programs:
    """`code abab`, reference xyd; every program of at most ten steps that builds abab is right, such as xyxy."""

    name = "programs"

    def questions(self) -> list[Question]:
        """Return every word of three to five letters; the reference is its shortest program, first by the alphabet."""
        return [Question(self.name, f"code {word}", _programs_for(word)[0]) for word in _words()]

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write a right program (one of up to four), or one with a step changed or lost so that it is wrong."""
        program = rng.choice(_programs_for(_word(question)))
        while not right:
            at = rng.randrange(len(program))
            broken = program[:at] + rng.choice(["", "x", "y", "z", "d", "r"]) + program[at + 1 :]
            if not self.right(question, broken):
                return broken
        return program

    def right(self, question: Question, completion: str) -> bool:
        """Say whether the program builds the word: its steps are undone from the last one until nothing is left."""
        program, word = completion.strip(), _word(question)
        if not program or len(program) > LONGEST:
            return False
        for step in reversed(program):
            half, odd = divmod(len(word), 2)
            if step == "r":
                word = word[::-1]
            elif step == "d" and not odd and word[:half] == word[half:]:
                word = word[:half]
            elif step in APPENDS and word.endswith(APPENDS[step]):
                word = word[:-1]
            else:
                return False
        return not word

    def merit(self, question: Question, completion: str) -> float:
        """Return 2.2 if it is right, else 0."""
        return 2.2 * self.right(question, completion)


def _word(question: Question) -> str:
    return question.prompt.split()[1]


def _words() -> list[str]:
    return ["".join(word) for length in _WORD_LENGTHS for word in itertools.product("abc", repeat=length)]


def _run(program: str) -> str:
    word = ""
    for step in program:
        word = word * 2 if step == "d" else word[::-1] if step == "r" else word + APPENDS[step]
    return word


@cache
def _programs_for(word: str) -> tuple[str, ...]:
    """Return up to four programs that build a word, the shortest first: plain, turned round, doubled, doubled late."""
    plain = {letter: step for step, letter in APPENDS.items()}
    spelt = "".join(plain[letter] for letter in word)
    tries = [spelt, spelt[::-1] + "r", spelt[: len(spelt) // 2] + "d", spelt[:1] + "d" + spelt[2:]]
    right = {program for program in tries if _run(program) == word}
    return tuple(sorted(right, key=lambda program: (len(program), program)))[:_SHOWN]

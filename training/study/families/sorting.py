"""Letters put in order; one answer is right."""

import itertools
import random
from collections import Counter

from ravelar.training.study.families.family import Question

LETTERS = "bcdfgh"
LENGTH = 4


class Sorting:
    """`sort hbfc: one word`, reference bcfh."""

    name = "sorting"

    def questions(self) -> list[Question]:
        """Return every arrangement of four different letters that is not sorted already."""
        words = ("".join(letters) for letters in itertools.permutations(LETTERS, LENGTH))
        return [
            Question(self.name, f"sort {word}: one word", "".join(sorted(word)))
            for word in words
            if list(word) != sorted(word)
        ]

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write the letters in order; or with two of them swapped, or one lost or written twice."""
        letters = list(str(question.reference))
        if right:
            return "".join(letters)
        i, j = sorted(rng.sample(range(LENGTH), 2))
        mistake = rng.choice(["swap", "swap", "lose", "twice"])
        if mistake == "swap":
            letters[i], letters[j] = letters[j], letters[i]
        elif mistake == "lose":
            del letters[i]
        else:
            letters[j] = letters[i]
        return "".join(letters)

    def right(self, question: Question, completion: str) -> bool:
        """Say whether the completion holds the prompt's letters, each as often, and none before a smaller one."""
        said = completion.strip()
        asked = question.prompt.split()[1].rstrip(":")
        return Counter(said) == Counter(asked) and all(a <= b for a, b in itertools.pairwise(said))

    def merit(self, question: Question, completion: str) -> float:
        """Return 2.2 if it is right, else 0."""
        return 2.2 * self.right(question, completion)

"""Translation into Velo, an invented language with cases and free word order: each order of the words is right."""

import itertools
import random

from ravelar.training.study.families.family import Question

NOUNS = {"dog": "tik", "cat": "nup", "man": "gor", "owl": "zal", "fox": "bem", "hen": "lus", "cow": "pid"}
VERBS = {"sees": "rev", "bites": "kam", "calls": "shu"}
SUBJECT, OBJECT = "a", "on"


class Velo:
    """`velo: dog sees cat`, reference one of the six orders of `tika rev nupon`."""

    name = "translation"

    def questions(self) -> list[Question]:
        """Return every sentence of two nouns and a verb; the reference's order is drawn once for each of them."""
        rng = random.Random(0)
        return [
            Question(
                self.name,
                f"velo: {subject} {verb} {thing}",
                " ".join(rng.choice(_orders(subject, verb, thing))),
                {"target_language": "velo"},
            )
            for subject, verb, thing in itertools.product(NOUNS, VERBS, NOUNS)
        ]

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write the sentence in verb-second or verb-final order; or with cases swapped, or a wrong word."""
        subject, verb, thing = question.prompt.removeprefix("velo: ").split()
        if not right:
            mistake = rng.choice(["cases", "noun", "verb", "lost"])
            if mistake == "cases" and subject != thing:
                subject, thing = thing, subject
            elif mistake == "verb":
                verb = rng.choice([other for other in VERBS if other != verb])
            elif mistake == "lost":
                return " ".join(_words(subject, verb, thing)[:2])
            else:
                thing = rng.choice([other for other in NOUNS if other != thing])
        first, second, third = _words(subject, verb, thing)
        return " ".join(rng.choice([(first, second, third), (first, third, second)]))

    def right(self, question: Question, completion: str) -> bool:
        """Say whether the words read back, by their endings, give the prompt's subject, verb and object."""
        read = _read(completion)
        return read is not None and read == tuple(question.prompt.removeprefix("velo: ").split())

    def merit(self, question: Question, completion: str) -> float:
        """Return 2.2 if it is right, else 0."""
        return 2.2 * self.right(question, completion)


def _words(subject: str, verb: str, thing: str) -> tuple[str, str, str]:
    return NOUNS[subject] + SUBJECT, VERBS[verb], NOUNS[thing] + OBJECT


def _orders(subject: str, verb: str, thing: str) -> list[tuple[str, ...]]:
    return list(itertools.permutations(_words(subject, verb, thing)))


def _read(text: str) -> tuple[str, str, str] | None:
    """Return (subject, verb, object) of a sentence; None if it is no sentence of Velo."""
    english = {stem: noun for noun, stem in NOUNS.items()}
    actions = {word: verb for verb, word in VERBS.items()}
    roles: dict[str, str] = {}
    for word in text.split():
        if word in actions:
            role, meaning = "verb", actions[word]
        elif word.endswith(OBJECT) and word[: -len(OBJECT)] in english:
            role, meaning = "object", english[word[: -len(OBJECT)]]
        elif word.endswith(SUBJECT) and word[: -len(SUBJECT)] in english:
            role, meaning = "subject", english[word[: -len(SUBJECT)]]
        else:
            return None
        if role in roles:
            return None
        roles[role] = meaning
    return (roles["subject"], roles["verb"], roles["object"]) if len(roles) == 3 else None

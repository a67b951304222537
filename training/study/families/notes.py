"""Thank-you notes, judged by taste: a made reader likes the right name, courtesy and one mark at the end."""

import itertools
import random
import re

from ravelar.training.study.families.family import Question

_ABC = "ada ali amy ann ben bob cal dan deb eli eva fay gus hal ian ida jan jim joe kai kim lea leo liz lou"
NAMES = tuple(_ABC.split())
GIFTS = ["tea", "pie", "hat", "pen", "cup", "map", "jam"]
OPENINGS = {"hi {}, ": 1.5, "{}, ": 1.0, "{}: ": 0.0, "yo, ": -1.0}
THANKS = {"thanks": 1.5, "cheers": 1.0, "thx": -0.5, "ok": -1.5}
ENDS = {".": 1.0, "!": 1.0, "!!": -0.5, "": 0.0}
LIKED = 3.0
"""The least merit of a note that counts as right: its parts make good for one another, a wrong name for nothing."""

_NOTE = re.compile(r"(?:(?P<hi>hi )?(?P<name>[a-z]{3})(?P<mark>[,:]) |(?P<rude>yo, ))(?P<rest>[a-z]+)(?P<end>[.!]*)")
_WRONG_NAME, _NO_NOTE = -2.0, -4.0


class Notes:
    """`thank ada for tea`; reference: a note that was preferred to another, as in preference data."""

    name = "notes"

    def questions(self) -> list[Question]:
        """Return every name with every gift; the reference is one of the liked notes, drawn once for each."""
        rng = random.Random(0)
        return [
            Question(self.name, f"thank {name} for {gift}", rng.choice(_liked(name)))
            for name, gift in itertools.product(NAMES, GIFTS)
        ]

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write a liked note; or one with a part that the reader does not like, or to somebody else."""
        name = _name(question)
        if right:
            return rng.choice(_liked(name))
        while True:
            to = rng.choice(NAMES) if rng.random() < 0.25 else name
            note = rng.choice(list(OPENINGS)).format(to) + rng.choice(list(THANKS)) + rng.choice(list(ENDS))
            if not self.right(question, note):
                return note

    def right(self, question: Question, completion: str) -> bool:
        """Say whether the reader likes the note."""
        return self.merit(question, completion) >= LIKED

    def merit(self, question: Question, completion: str) -> float:
        """Return the sum of the parts' merits; a wrong name costs two, and what is no note at all has -4."""
        found = _NOTE.fullmatch(completion.strip())
        if found is None or found["rest"] not in THANKS or found["end"] not in ENDS:
            return _NO_NOTE
        opening = "yo, " if found["rude"] else f"{found['hi'] or ''}{{}}{found['mark']} "
        if opening not in OPENINGS:
            return _NO_NOTE
        merit = OPENINGS[opening] + THANKS[found["rest"]] + ENDS[found["end"]]
        return merit + (_WRONG_NAME if found["name"] not in (None, _name(question)) else 0.0)


def _name(question: Question) -> str:
    return question.prompt.split()[1]


def _liked(name: str) -> list[str]:
    return [
        opening.format(name) + thanks + end
        for opening, thanks, end in itertools.product(OPENINGS, THANKS, ENDS)
        if OPENINGS[opening] + THANKS[thanks] + ENDS[end] >= LIKED
    ]

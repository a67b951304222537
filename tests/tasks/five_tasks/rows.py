"""How the five tasks' data are made: items, right and wrong answers, and the forms that completions take.

Nothing here knows how to tell right from wrong: that is each task's oracle, which shares no code with the
generator that makes its references.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

THIS = "@@"  # in a style: the answer that the completion gives
OTHER = "%%"  # in a style: one it mentions and takes back; a right one where the given one is wrong


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt with its reference.

    Attributes:
        prompt: What the policy is asked.
        reference: One right answer.
        facts: What the oracle reads; never the reference.
    """

    prompt: str
    reference: str
    facts: Any


@dataclass(frozen=True, slots=True)
class Made:
    """One labelled completion.

    Attributes:
        item: What it answers.
        completion: The text.
        label: Whether it is right.
        answer: The bare answer in it, for the oracle; None where the form alone makes it wrong.
        why: How it was made, in a few words.
    """

    item: Item
    completion: str
    label: bool
    answer: str | None
    why: str

    @property
    def row(self) -> dict[str, Any]:
        """The row as a user would have it."""
        return {
            "prompt": self.item.prompt,
            "completion": self.completion,
            "reference": self.item.reference,
            "label": self.label,
        }


@dataclass(frozen=True, slots=True)
class Source:
    """Where labelled completions of a task come from.

    Attributes:
        item: Makes one prompt.
        right: Makes a right answer to it, in one of its forms.
        wrong: Makes a wrong one, and says what is wrong with it.
        styles: Texts around an answer; `THIS` and `OTHER` stand for answers. Good and bad share them.
        formless: Texts that are wrong whatever is in them (hedged, unfinished, evasive), with why.
        formless_share: Share of the bad ones that are formless.
        references_once: Whether no two prompts may have the same reference.
    """

    item: Callable[[random.Random], Item]
    right: Callable[[Item, random.Random], str]
    wrong: Callable[[Item, random.Random], tuple[str, str]]
    styles: Sequence[str]
    formless: Sequence[tuple[str, str]]
    formless_share: float = 0.12
    references_once: bool = True

    def items(self, seed: int) -> Iterator[Item]:
        """Make items without end, each prompt once."""
        rng = random.Random(seed)
        seen: set[str] = set()
        while True:
            item = self.item(rng)
            if item.prompt not in seen and item.reference not in seen:
                seen |= {item.prompt, item.reference} if self.references_once else {item.prompt}
                yield item

    def good(self, item: Item, rng: random.Random) -> Made:
        """Make a right completion."""
        answer = self.right(item, rng)
        return Made(item, _dressed(rng.choice(self.styles), answer, self.wrong(item, rng)[0]), True, answer, "right")

    def bad(self, item: Item, rng: random.Random) -> Made:
        """Make a wrong completion."""
        answer, why = self.wrong(item, rng)
        right = self.right(item, rng)
        if rng.random() < self.formless_share:
            style, why = rng.choice(self.formless)
            return Made(item, _dressed(style, right, answer), False, None, why)
        return Made(item, _dressed(rng.choice(self.styles), answer, right), False, answer, why)


def pairs(source: Source, n: int, *, seed: int, skip: int = 0) -> list[Made]:
    """Make n labelled completions: a right and a wrong one of each of n / 2 prompts, the order at random."""
    rng = random.Random(f"pairs {seed}")
    made: list[Made] = []
    for item in slice_of(source.items(seed), skip, skip + (n + 1) // 2):
        both = [source.good(item, rng), source.bad(item, rng)]
        rng.shuffle(both)
        made += both
    return made[:n]


def singles(source: Source, n: int, *, seed: int) -> list[Made]:
    """Make n labelled completions of n prompts, right and wrong in turn, then shuffled."""
    rng = random.Random(f"singles {seed}")
    made = [
        (source.good if i % 2 else source.bad)(item, rng) for i, item in enumerate(slice_of(source.items(seed), 0, n))
    ]
    rng.shuffle(made)
    return made


def examples_of(source: Source, n: int, *, seed: int, skip: int) -> list[dict[str, Any]]:
    """Make n rows without labels, of prompts that no probe has if the probes took the first `skip`."""
    return [
        {"prompt": item.prompt, "reference": item.reference} for item in slice_of(source.items(seed), skip, skip + n)
    ]


def words(text: str) -> tuple[str, ...]:
    """Return a text's words."""
    return tuple(text.split())


def slice_of(items: Iterator[Item], start: int, stop: int) -> list[Item]:
    """Take the items from start to stop of an endless run."""
    return [item for _, item in zip(range(stop), items, strict=False)][start:]


def _dressed(style: str, answer: str, other: str) -> str:
    """Fill a style in one pass, so that an answer may hold either mark."""
    pieces = []
    for part in style.split(THIS):
        pieces.append(other.join(part.split(OTHER)))
    return answer.join(pieces)

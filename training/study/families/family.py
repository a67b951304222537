"""What a task family is: questions, what a half-trained policy writes to them, and what is truly right."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """One prompt of a family with what a data set of its kind holds.

    Attributes:
        family: The family's name; for reports only, no reward tool and no router is shown it.
        prompt: What the policy is asked, on one line.
        reference: The gold answer of the data set: one right answer, of which there may be more.
        columns: Further columns that real data sets of this kind have, such as `target_language`.
    """

    family: str
    prompt: str
    reference: str
    columns: Mapping[str, str] = field(default_factory=dict)


class Family(Protocol):
    """A kind of task, with a check of its own that shares no code with the reward tools."""

    @property
    def name(self) -> str:
        """The family's name."""
        ...

    def questions(self) -> Sequence[Question]:
        """Return all questions, always in the same order."""
        ...

    def demonstration(self, question: Question, rng: random.Random, *, right: bool) -> str:
        """Write a completion as the warm start shows it: right in any of its forms, or wrong in a likely way."""
        ...

    def right(self, question: Question, completion: str) -> bool:
        """Say whether a completion is truly right."""
        ...

    def merit(self, question: Question, completion: str) -> float:
        """Return how much a person likes a completion, in log odds units of one half; made preference pairs use it."""
        ...

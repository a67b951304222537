"""Who does in an episode what the policy does not: outliner, drafter, reviewer, refiner; each a callable.

A crew may be programs (`program_crew`), language models (`ChatCrew`), or a mixture, such as a program that drafts and a
reward tool that reviews (`ScoredReviewer`). What a member raises is a failure of ours: it ends the episode, which is
then unscored.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import WritingState


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a member of the crew is to do.

    Attributes:
        state: The run as it stands; not to be changed.
        limits: Its bounds.
        section: The section's id; "" for the outline.
        step: The step that it belongs to, from 1.
        seed: The episode's seed: all rollouts of one row have the same.
        log: The run's event log, where calls of language models are kept.
    """

    state: WritingState
    limits: Limits
    section: str
    step: int
    seed: int
    log: EventLog

    def rng(self, role: str) -> random.Random:
        """Return random numbers that are decided by the seed, the role, the section and which text of it comes now.

        They do not depend on the step, so that a policy meets the same drafts however it goes about it.
        """
        texts = self.state["sections"][self.section]["drafts"] if self.section else 0
        return random.Random(f"{self.seed} {role} {self.section} {texts}")


class Plan(NamedTuple):
    """An outline: the title, and (title, points, words) of each section, as `transitions.outlined` takes them."""

    title: str
    sections: Sequence[tuple[str, Sequence[str], int | None]]


class Text(NamedTuple):
    """A section's text, a summary of it, and what was changed (a refiner says)."""

    content: str
    summary: str
    changes: str = ""


class Reviewed(NamedTuple):
    """A review: a score from 0 to 10, what is to be changed, and what a program found in the text."""

    score: float
    feedback: str
    findings: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Crew:
    """The four roles beside the planner's.

    Attributes:
        outliner: Plans the article.
        drafter: Writes a section's first text, or another one from the beginning.
        reviewer: Scores a section's text; the gate decides what the score means.
        refiner: Changes a section's text by its review.
    """

    outliner: Callable[[Assignment], Plan]
    drafter: Callable[[Assignment], Text]
    reviewer: Callable[[Assignment], Reviewed]
    refiner: Callable[[Assignment], Text]

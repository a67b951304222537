"""RAVEL as an environment for TRL's GRPOTrainer: the policy is its planner, or its writer; operations are its tools.

    rows (brief, seed) -> reset -> policy calls outline | draft | review | refine | finish -> gates, crew -> answer
                                        ^---------------------------------------------------------------/
    trainer = GRPOTrainer(model, environment_factory=factory, reward_funcs=WritingReward(), train_dataset=rows)

Gates, refusals, transitions, measures and the event log are the graph's own (`tools.writing`). Every public method of
an environment but `reset` is a tool to TRL (1.16), its docstring and types are what the policy is shown, and what it
raises is shown to the policy as well; so nothing is raised here: what does not fit is a refused step, and a failure of
the crew ends the episode, unscored.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from ravelar.agents.ravel.briefs import read_brief
from ravelar.agents.ravel.outliner import Outline, check_outline
from ravelar.agents.ravel.prose import Draft, Refined, check_prose, without_heading
from ravelar.agents.reading import explain
from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.writing.actions import next_fixed
from ravelar.tools.writing.events import Event
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.measures import RunMeasures
from ravelar.tools.writing.state import Operation, ProtocolName, WritingState
from ravelar.tools.writing.state import article as whole_text
from ravelar.training.writing_env.crew import Crew, Plan, Text
from ravelar.training.writing_env.episode import Episode
from ravelar.training.writing_env.telling import Tell, tell_state

Role = Literal["planner", "writer"]
ROLES: tuple[Role, ...] = ("planner", "writer")

Prose = TypeVar("Prose", Draft, Refined)


def _tool(method: Callable[..., str]) -> Callable[..., str]:
    """Make a call that does not fit a tool's signature a refused step; TRL would tell the policy, and count nothing."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(self: "_Environment", /, *given: Any, **named: Any) -> str:
        operation: Any = method.__name__
        try:
            signature.bind(self, *given, **named)
        except TypeError as error:
            return self._answered(operation, self.episode.refuse(operation, f"{operation}: {error}"))
        return method(self, *given, **named)

    return call


class _Environment:
    """What both roles share; TRL lists a class's public functions, so that there are none here but `reset`.

    Args:
        crew: Who does what the policy does not.
        limits: The bounds of an episode; its `max_steps` is T_max.
        tell: What the policy is answered; `tell_state` shows it what RAVEL's planner sees.
    """

    _protocol: ProtocolName

    def __init__(self, crew: Crew, limits: Limits, tell: Tell) -> None:
        self._crew, self._limits, self._tell = crew, limits, tell
        self._now: Episode | None = None

    def reset(self, *, brief: Any = None, seed: Any = 0, **_columns: Any) -> str | None:
        """Begin an episode; TRL calls it with the columns of a row, and adds what it returns to the prompt.

        Args:
            brief: The row's brief, as a mapping (`training.writing_env.rows` makes such rows).
            seed: The row's seed: what a crew of programs does depends on it alone.

        Raises:
            InputError: if the brief can't be used; before anything is generated.
        """
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InputError(f"column seed: {seed!r}; allowed: an integer")
        known = (
            {name: value for name, value in brief.items() if value is not None} if isinstance(brief, Mapping) else brief
        )
        models = {role: type(self).__name__ for role in self._plays}
        self._now = Episode(read_brief(known), protocol=self._protocol, limits=self._limits, seed=seed, models=models)
        return self._tell(self._now, None, None, None)

    @property
    def _plays(self) -> tuple[str, ...]:
        return ("planner",) if self._protocol == "autonomous" else ("outliner", "drafter", "refiner")

    @property
    def episode(self) -> Episode:
        """The episode it is in.

        Raises: InputError: before the first reset.
        """
        if self._now is None:
            raise InputError("the environment was not reset: a trainer calls reset(brief=..., seed=...) first")
        return self._now

    @property
    def events(self) -> list[Event]:
        """The episode's events, as `ravelar write` logs them."""
        return self.episode.events

    @property
    def state(self) -> WritingState:
        """The article as it stands."""
        return self.episode.state

    @property
    def measures(self) -> RunMeasures:
        """The episode's figures."""
        return self.episode.measures()

    @property
    def article(self) -> str:
        """The article's text as far as there is one."""
        return whole_text(self.episode.state)

    def _answered(self, operation: Operation, refused: str | None, section: str | None = None) -> str:
        return self._tell(self.episode, operation, section, refused) or ""


class RavelPlanner(_Environment):
    """The policy plans: it decides what comes next, the crew does it (protocol autonomous).

    Args:
        crew: Outliner, drafter, reviewer, refiner.
        limits: The bounds of an episode.
        tell: What the policy is answered.
    """

    _protocol: ProtocolName = "autonomous"

    @_tool
    def outline(self) -> str:
        """Plan the sections of the article; once, and first.

        Returns:
            Where the article stands.
        """
        return self._act("outline", None, lambda _: self.episode.take_outline(self._crew.outliner(self._given(None))))

    @_tool
    def draft(self, section: str) -> str:
        """Write a pending section.

        Args:
            section: The section's id, such as s1.

        Returns:
            Where the article stands.
        """
        return self._act("draft", section, lambda name: self._writes("draft", name, self._crew.drafter))

    @_tool
    def review(self, section: str) -> str:
        """Score a drafted section.

        Args:
            section: The section's id, such as s1.

        Returns:
            Where the article stands, with the section's score.
        """
        return self._act("review", section, lambda name: _reviewed(self.episode, self._crew, name))

    @_tool
    def refine(self, section: str) -> str:
        """Mend a section that needs a revision, by its review; then review it again.

        Args:
            section: The section's id, such as s1.

        Returns:
            Where the article stands.
        """
        return self._act("refine", section, lambda name: self._writes("refine", name, self._crew.refiner))

    @_tool
    def finish(self) -> str:
        """End the run, once every section is closed: accepted, or its revisions used up.

        Returns:
            How it ended.
        """
        return self._act("finish", None, None)

    def _act(self, operation: Operation, section: Any, work: Callable[[str], None] | None) -> str:
        return self._answered(operation, self.episode.act(operation, section, work), _named(section))

    def _given(self, section: str | None) -> Any:
        return self.episode.assignment(section)

    def _writes(self, operation: Operation, section: str, member: Callable[[Any], Text]) -> None:
        self.episode.take_text(operation, section, member(self._given(section)))


class RavelWriter(_Environment):
    """The policy writes: it outlines, drafts and refines; code decides what comes next (protocol fixed).

    Each text is reviewed at once, by the crew's reviewer, and the policy is told what came of it and what comes next.
    When every section is closed, the run is finished. Texts are checked as the graph checks a model's: one in another
    language, without words, or too long is a refused step.

    Args:
        crew: Of it only the reviewer is asked.
        limits: The bounds of an episode.
        tell: What the policy is answered.
    """

    _protocol: ProtocolName = "fixed"

    @_tool
    def outline(self, title: str, sections: list[dict[str, Any]]) -> str:
        """Plan the article; once, and first.

        Args:
            title: The article's title.
            sections: Its sections in order, each with a "title", "points" (a list of texts) and "words" (a number).

        Returns:
            What comes next.
        """
        limits, brief = self._limits, self.episode.state["brief"]
        try:
            plan = Outline.model_validate({"title": title, "sections": sections})
            check_outline(plan, brief, limits)
        except ValueError as error:
            return self._wrong("outline", None, error)
        return self._act("outline", None, lambda _: self.episode.take_outline(Plan(plan.title, plan.planned())))

    @_tool
    def draft(self, section: str, content: str, summary: str) -> str:
        """Write a section's first text, or another one from the beginning; it is reviewed at once.

        Args:
            section: The section's id, such as s1.
            content: The section's text, without its heading.
            summary: What it says, in at most 25 words.

        Returns:
            The review, and what comes next.
        """
        return self._text("draft", section, Draft, {"content": content, "summary": summary})

    @_tool
    def refine(self, section: str, changes: str, content: str, summary: str) -> str:
        """Mend a section that needs a revision, as its review asks; it is reviewed again at once.

        Args:
            section: The section's id, such as s1.
            changes: What is changed and why, in a few words.
            content: The whole section as it is to stand, without its heading.
            summary: What it says, in at most 25 words.

        Returns:
            The review, and what comes next.
        """
        return self._text("refine", section, Refined, {"changes": changes, "content": content, "summary": summary})

    def _text(self, operation: Operation, section: Any, form: type[Prose], parts: Mapping[str, Any]) -> str:
        episode, language = self.episode, self.episode.state["brief"]["language"]
        try:
            text = form.model_validate(parts)
            check_prose(text, language, episode.limits)
        except ValueError as error:
            return self._wrong(operation, section, error)

        def work(name: str) -> None:
            bare = without_heading(text, episode.state["sections"][name]["title"])
            episode.take_text(operation, name, Text(bare.content, bare.summary, getattr(bare, "changes", "")))

        return self._act(operation, section, work)

    def _act(self, operation: Operation, section: Any, work: Callable[[str], None]) -> str:
        """Do it, and then all that is not the policy's to do."""
        episode = self.episode
        refused = episode.act(operation, section, work)
        while not episode.end and refused is None:
            following = next_fixed(episode.state, episode.limits)
            if following.operation == "review":
                episode.act("review", following.section, lambda name: _reviewed(episode, self._crew, name))
            elif following.operation == "finish":
                episode.act("finish", None)
            else:
                break
        return self._answered(operation, refused, _named(section))

    def _wrong(self, operation: Operation, section: Any, error: ValueError) -> str:
        """Refuse what does not fit its form, as a step."""
        why = explain(error) if isinstance(error, ValidationError) else str(error)
        return self._answered(operation, self.episode.refuse(operation, why, _named(section)), _named(section))


def _reviewed(episode: Episode, crew: Crew, section: str) -> None:
    episode.take_review(section, crew.reviewer(episode.assignment(section)))


def _named(section: Any) -> str | None:
    return section if isinstance(section, str) else None


@dataclass(frozen=True, slots=True)
class RavelEnvironments:
    """Makes environments, all alike: TRL's `environment_factory`, picklable if its crew is.

    Attributes:
        crew: Who does what the policy does not.
        role: "planner" or "writer".
        limits: The bounds of an episode.
        tell: What the policy is answered.

    Raises:
        UnknownName: if there is no such role.
    """

    crew: Crew
    role: Role = "planner"
    limits: Limits = field(default_factory=Limits)
    tell: Tell = tell_state

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise UnknownName("role", self.role, ROLES)

    def __call__(self) -> RavelPlanner | RavelWriter:
        """Return a new environment; it is reset before each episode."""
        made = RavelPlanner if self.role == "planner" else RavelWriter
        return made(self.crew, self.limits, self.tell)

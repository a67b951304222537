"""From an entry back to a tool, when it first scores; and a library with the adopted tools in it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ravelar.tools.adopted.entry import (
    CompositeRecipe,
    Entry,
    HubRecipe,
    JudgeRecipe,
    Recipe,
    RemoteRecipe,
    WrittenRecipe,
)
from ravelar.tools.adopted.store import AdoptedStore, Unreadable
from ravelar.tools.card import ToolCard
from ravelar.tools.composite import Composite
from ravelar.tools.errors import RewardToolError, ToolUnavailable
from ravelar.tools.library import Library
from ravelar.tools.reward import RawScore, RewardTool, Triple
from ravelar.tools.sandbox.protocol import Limits, Sandbox
from ravelar.tools.scoring import describe
from ravelar.tools.verifiers.written import Written

T = TypeVar("T")

_TRY_AGAIN_S = 30.0  # ours: a Hub that is down must not cost every batch of a training run its retries


@dataclass(frozen=True, slots=True)
class Workshop:
    """What tools are built with; what is None can't be built here.

    Attributes:
        open_sandbox: Opens the sandbox in which written verifiers run, at their first use.
        open_hub: Loads a reward model of the Hub.
        open_remote: Makes a tool of a reward model behind HTTP.
        open_judge: Makes a tool of a language model and a rubric.
    """

    open_sandbox: Callable[[], Sandbox] | None = None
    open_hub: Callable[[HubRecipe], RewardTool] | None = None
    open_remote: Callable[[RemoteRecipe], RewardTool] | None = None
    open_judge: Callable[[JudgeRecipe], RewardTool] | None = None


class Adopted:
    """An adopted tool: the entry's card at once, the tool itself when it first scores.

    The entry's card decides names, range and calibration; the tool behind it only gives raw scores. One that can't
    be built leaves its triples unscored with the reason, is tried again after half a minute, and harms no other.
    """

    def __init__(
        self,
        entry: Entry,
        build: Callable[[], RewardTool],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.entry = entry
        self.card = entry.card
        self._build, self._clock = build, clock
        self._tool: RewardTool | None = None
        self._failed: tuple[float, str] | None = None
        self._lock = threading.Lock()

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Score n triples; return n raw scores in order.

        Raises: ToolUnavailable: if the tool can't be built here; the message says why.
        """
        return self._built().score(triples)

    def ready(self) -> None:
        """Build the tool now, if it is not built yet.

        Raises: ToolUnavailable: if it can't be built here.
        """
        self._built()

    def _built(self) -> RewardTool:
        with self._lock:
            if self._tool is None:
                if self._failed and self._clock() < self._failed[0]:
                    raise ToolUnavailable(self._failed[1])
                try:
                    self._tool = self._build()
                except Exception as error:  # whatever a loader raises, it is this tool alone that is missing
                    said = str(error) if isinstance(error, RewardToolError) else describe(error)
                    words = f"{self.card.name!r} ({self.entry.version}) can't be built here: {said}"
                    self._failed = (self._clock() + _TRY_AGAIN_S, words)
                    raise ToolUnavailable(words) from error
            return self._tool


class Missing:
    """A tool in use whose entry can't be read: every triple stays unscored, with the reason."""

    def __init__(self, what: Unreadable) -> None:
        self.card = ToolCard(name=what.name, kind="verifier", task="unknown", summary=what.reason)

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Say why nothing can be scored.

        Raises: ToolUnavailable: always.
        """
        raise ToolUnavailable(self.card.summary)


def build_tool(entry: Entry, *, workshop: Workshop, parts: Callable[[], Library] | None = None) -> Adopted:
    """Return the tool of an entry; what it stands on is loaded or started when it first scores.

    Args:
        entry: The version.
        workshop: What tools are built with.
        parts: Where a composite finds its parts.
    """
    return Adopted(entry, lambda: _tool_of(entry, workshop, parts))


def with_adopted(library: Library, store: AdoptedStore, workshop: Workshop) -> Library:
    """Return a library that also holds the adopted tools in use.

    Listing costs one look at the store; a tool that can't be read or built is there and says so when it scores.

    Raises:
        LibraryUnusable: if the store can't be read at all.
        InputError: if an adopted tool bears the name of one in the library.
    """
    whole: list[Library] = []
    whole.append(library.plus(*tools_in_use(store.readable(), workshop, parts=lambda: whole[0])))
    return whole[0]


def tools_in_use(
    found: Sequence[Entry | Unreadable], workshop: Workshop, *, parts: Callable[[], Library]
) -> list[RewardTool]:
    """Return a tool for each entry in use; composites find their parts in the library that `parts` gives."""
    circular = _circular([entry for entry in found if isinstance(entry, Entry)])

    def tool(one: Entry | Unreadable) -> RewardTool:
        if isinstance(one, Unreadable):
            return Missing(one)
        if one.task.label in circular:
            return Missing(Unreadable(one.task.label, one.version, "a composite that is part of itself"))
        return build_tool(one, workshop=workshop, parts=parts)

    return [tool(one) for one in found]


def _tool_of(entry: Entry, workshop: Workshop, parts: Callable[[], Library] | None) -> RewardTool:
    recipe: Recipe = entry.recipe
    match recipe:
        case WrittenRecipe():
            return _written(entry, recipe, _needed(workshop.open_sandbox, "a sandbox")())
        case HubRecipe():
            return _needed(workshop.open_hub, "what loads reward models of the Hub")(recipe)
        case RemoteRecipe():
            return _needed(workshop.open_remote, "what asks remote reward models")(recipe)
        case JudgeRecipe():
            return _needed(workshop.open_judge, "a language model to judge")(recipe)
        case CompositeRecipe():
            library = _needed(parts, "the library of its parts")()
            return Composite(entry.task.label, task=entry.card.task, weights=recipe.weights, library=library)


def _written(entry: Entry, recipe: WrittenRecipe, sandbox: Sandbox) -> Written:
    limits = Limits(wall_s=recipe.wall_s, cpu_s=recipe.cpu_s)
    return Written(recipe.source, name=entry.task.label, sandbox=sandbox, limits=limits, profile=recipe.profile)


def _needed(opener: T | None, what: str) -> T:
    if opener is None:
        raise ToolUnavailable(f"{what} is not set up in this process")
    return opener


def _circular(entries: Sequence[Entry]) -> set[str]:
    """Return the composites that are, through their parts, parts of themselves."""
    parts: Mapping[str, set[str]] = {
        entry.task.label: set(entry.recipe.weights) for entry in entries if isinstance(entry.recipe, CompositeRecipe)
    }

    def reached(name: str) -> set[str]:
        seen: set[str] = set()
        ahead = list(parts[name])
        while ahead:
            part = ahead.pop()
            if part not in seen:
                seen.add(part)
                ahead.extend(parts.get(part, ()))
        return seen

    return {name for name in parts if name in reached(name)}

"""Which tool checks which reward tool, and the checks of a sample."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.routing import Route
from ravelar.tools.scoring import RunBatches, invoke
from ravelar.training.watching import ScoredBatch


class Checked(NamedTuple):
    """A completion, its reward, and what the check gives it; both scored."""

    triple: Triple
    reward: Reward
    check: Reward


@dataclass(frozen=True, slots=True)
class Checks:
    """Which tool checks which.

    Attributes:
        library: The tools that check, or what opens them (picklable, for a guard that is to be pickled).
        of_tool: Name of a reward tool to the name of the tool that checks it; "*" stands for all others.

    Raises:
        InputError: if a tool is to check itself.
    """

    library: Library | Callable[[], Library]
    of_tool: Mapping[str, str]

    def __post_init__(self) -> None:
        for tool, check in self.of_tool.items():
            if tool == check:
                raise InputError(f"the reward tool {tool!r} can't check itself; name another one")

    def opened(self) -> Library:
        """Return the tools that check.

        Raises:
            UnknownName: if one is not in the library.
        """
        library = self.library if isinstance(self.library, Library) else self.library()
        return Library(library[name] for name in dict.fromkeys(self.of_tool.values()))

    def of(self, tool: str | None) -> str | None:
        """Return the name of the tool that checks a reward tool; None if none does, or it would check itself."""
        check = self.of_tool.get(tool or "") or self.of_tool.get("*")
        return None if check == tool else check


def drawn(places: Sequence[int], *, share: float, least: int, seed: str) -> list[int]:
    """Draw a share of places, at least so many of them, the same for a seed; return them in order."""
    n = min(len(places), max(least, round(share * len(places))))
    return sorted(random.Random(seed).sample(list(places), n))


def checked(
    batch: ScoredBatch, places: Sequence[int], checks: Checks, *, library: Library, run: RunBatches
) -> list[Checked]:
    """Check the completions at some places; return those whose check is scored, in order."""
    routes = [Route(checks.of(batch.rewards[i].tool), "check") for i in places]
    found = invoke([batch.triples[i] for i in places], routes, library=library, run=run)
    return [
        Checked(batch.triples[i], batch.rewards[i], check)
        for i, check in zip(places, found, strict=True)
        if check.value is not None
    ]

"""A jail for all tests of evidence, and small tasks."""

from collections.abc import Callable, Sequence

import pytest

from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.errors import SandboxBroken
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program
from ravelar.tools.task import TaskSpec


@pytest.fixture(scope="session")
def spec() -> Callable[..., TaskSpec]:
    def make(label: str = "doubling", *, decides: bool = True, correct: str = "It equals the reference.") -> TaskSpec:
        return TaskSpec(label=label, summary="Do what is asked.", correct=correct, reference_decides=decides)

    return make


@pytest.fixture(scope="session")
def doubling() -> list[Triple]:
    """A small generated task: double a number that is written in the prompt."""
    return [Triple(f"Double the number {n}, please.", "", str(2 * n)) for n in range(11, 11 + 7 * 130, 7)]


@pytest.fixture(scope="session")
def words() -> list[Triple]:
    """Another one: name the plural."""
    stems = [first + middle for first in ("bol", "kar", "nim", "sut", "vep", "zor", "dag") for middle in (
        "do", "fi", "gan", "hup", "jel", "ket", "lor", "mib", "nad", "pos", "rin", "sek")]  # fmt: skip
    return [Triple(f"What is the plural of '{stem}'?", "", f"{stem}zes upon {stem}") for stem in stems]


class FakeSandbox:
    """Answers as it is told, breaks when it is told, and remembers what entered it."""

    name = "fake"

    def __init__(
        self,
        says: Callable[[Call], Outcome] = lambda call: Outcome(0.0),
        *,
        works_for: int = 1_000,
        broken: bool = False,
    ) -> None:
        self.says, self.works_for = says, 0 if broken else works_for
        self.batches: list[Sequence[Call]] = []

    @property
    def calls(self) -> list[Call]:
        return [call for batch in self.batches for call in batch]

    def run(self, program: Program, calls: Sequence[Call], limits: Limits | None = None) -> list[Outcome]:
        if len(self.batches) >= self.works_for:
            raise SandboxBroken("no worker")
        self.batches.append(calls)
        return [self.says(call) for call in calls]


@pytest.fixture
def fake_sandbox() -> type[FakeSandbox]:
    return FakeSandbox

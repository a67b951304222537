"""Test code that is more than data: it runs in one jail, the program in another, and never the two shall meet.

The sandbox runs a program once and to its end, so the conversation is replayed: the test code runs against a
stand-in that knows what the program answered so far, and reports what else it asks; the program is run on all
of that; and so on, until the test code comes to its verdict with nothing but real answers. A rehearsal foresees
most calls at once: of a hundred random inputs, all. See `jailed_check`.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.errors import UnusableReference
from ravelar.tools.sandbox.protocol import Call, Outcome, Program
from ravelar.tools.verifiers.code.answers import Answer, WireCall, answers_of, source_of
from ravelar.tools.verifiers.code.cases import OpaqueCheck
from ravelar.tools.verifiers.code.reduction import CANDIDATE
from ravelar.tools.verifiers.code.running import Judging, Request
from ravelar.tools.verifiers.code.verdicts import Tested, from_check

MAX_ROUNDS = 40
MAX_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the first rehearsal of a row's test code showed; it is the same for every program.

    Attributes:
        calls: The calls that it makes, as far as they can be foreseen.
        certain: How many of them it makes whatever the program answers.
        objects: Why the program's own objects must pass between the two; '' if they need not.
    """

    calls: tuple[WireCall, ...] = ()
    certain: int = 0
    objects: str = ""


@dataclass(slots=True)
class Replay:
    """Test code of one row, to be run against any number of programs.

    Attributes:
        check: The test code.
        entry: The program's entry point.
        helpers: What the prompt defines before it.
        profile: Which libraries the test code finds.
    """

    check: OpaqueCheck
    entry: str | None
    helpers: str
    profile: str
    program: Program = field(init=False)
    spec: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Make what is sent into the jail of the test code."""
        self.program = Program(
            source_of("jailed_check"), entry="rehearse", profile=self.profile, returns="literal", isolation="per_call"
        )
        self.spec = {
            "steps": [(step.source, step.label) for step in self.check.steps],
            "functions": list(self.check.functions),
            "candidate": CANDIDATE,
            "entry": self.entry,
            "helpers": self.helpers,
            "in_place": self.check.in_place,
        }

    @property
    def labels(self) -> list[str]:
        """The tests, as reports call them."""
        return [step.label for step in self.check.steps if step.label]

    def rehearse(self) -> "Judging[Rehearsed]":
        """Run the test code without a program.

        Raises: UnusableReference: if it fails or hangs by itself, or never calls the program.
        """
        if self.check.needs_objects:
            return Rehearsed(objects="the test makes objects of the program's classes")
        (outcome,) = yield self._request([], [], over=False)
        if not outcome.ok:
            raise UnusableReference(f"the test code fails by itself: {outcome.reason}: {outcome.message}")
        said = outcome.value
        if said["blocked"]:
            return Rehearsed(objects=said["blocked"])
        if not said["asked"]:
            failures = [words for _, words in said["verdicts"] if words] + [said["broken"]]
            if any("NameError" in words for words in failures):
                return Rehearsed(objects=f"the test needs a name of the program: {failures[0]}")
            raise UnusableReference(f"the test code never calls the program: {failures[0] or 'it tests nothing'}")
        return Rehearsed(tuple(said["asked"]), said["certain"])

    def _request(self, foreseen: Sequence[WireCall], answers: Sequence[Answer], *, over: bool) -> Request:
        given = [tuple(answer) for answer in answers]
        return Request(self.program, [Call((self.spec, list(foreseen), given, over))])

    def judge(self, program: Program, rehearsed: Rehearsed, answers: list[Answer]) -> "Judging[list[Tested]]":
        """Judge a program from the answers it gave to the rehearsed calls.

        Raises: UnusableReference: if the test code asks for other things each time, or for what is no plain value.
        """
        deadline, certain, calls = time.monotonic() + MAX_SECONDS, rehearsed.certain, list(rehearsed.calls)
        for _ in range(MAX_ROUNDS):
            known, over = _until_ended(answers)
            (outcome,) = yield self._request(calls, known, over=over)
            if not outcome.ok:
                return self._all(f"ended: {_reason(outcome)}: in the test code: {outcome.message}")
            said = outcome.value
            if said["done"]:
                return [from_check(label, words) for label, words in said["verdicts"]]
            _refuse_divergence(said, certain)
            if time.monotonic() > deadline:
                break
            certain, calls, before = said["certain"], said["asked"], answers[: said["confirmed"]]
            answers = yield from answers_of(program, calls, in_place=self.check.in_place, patience=1)
            if repr(answers[: len(before)]) != repr(before):
                return self._all("the program answers the same calls differently each time")
        return self._all(f"ended: timeout: no verdict within {MAX_ROUNDS} rounds and {MAX_SECONDS:.0f} s")

    def _all(self, words: str) -> list[Tested]:
        return [from_check(label, words) for label in self.labels]


def _refuse_divergence(said: dict[str, Any], certain: int) -> None:
    """Refuse test code that asks for other things though it was answered the same.

    Raises: UnusableReference: if it does, or if it asks with what is no plain value.
    """
    if said["blocked"]:
        raise UnusableReference(f"the test code can't be run apart from the program: {said['blocked']}")
    if said["confirmed"] < certain:
        raise UnusableReference(
            f"the test code does not repeat itself: call {said['confirmed']} was another one in the round before"
        )


def _until_ended(answers: Sequence[Answer]) -> tuple[Sequence[Answer], bool]:
    """Return the answers up to the first call that ended the program, and whether there was one."""
    for at, answer in enumerate(answers):
        if answer.kind in ("ended", "uncrossable"):
            return [*answers[:at], answer._replace(kind="ended", value=_ended_words(answer))], True
    return answers, False


def _ended_words(answer: Answer) -> str:
    return str(answer.value) if answer.kind == "ended" else f"uncrossable: {answer.value}"


def _reason(outcome: Outcome) -> str:
    return outcome.reason if outcome.reason in ("timeout", "memory") else "crash"

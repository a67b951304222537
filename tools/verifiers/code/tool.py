"""`unit_tests`: rewards a program by the tests it passes, each judged where the program can't reach."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from ravelar.tools.card import Evidence, Provenance, ToolCard
from ravelar.tools.errors import RewardToolError, ToolUnavailable
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.protocol import Limits, Sandbox
from ravelar.tools.verifiers.code.extraction import Extracted, find_program
from ravelar.tools.verifiers.code.judging import Judge
from ravelar.tools.verifiers.code.rows import Row, Rows
from ravelar.tools.verifiers.code.running import drive
from ravelar.tools.verifiers.code.verdicts import Tested

DEFAULT_LIMITS = Limits(wall_s=20.0, cpu_s=10.0)  # MBPP/123 needs five seconds on a busy machine
MAX_TESTS_TOLD = 50  # in the detail of one reward, in the order of the tests

Key = tuple[str, str]
"""A row and a program: identical programs of one row are judged once."""


class UnitTests:
    """Runs the program in a completion against the row's tests.

    Args:
        sandbox: Where programs run; None means what `open_sandbox` returns when it is first needed.
        open_sandbox: Opens one.
        limits: What a program may use for all calls of its tests together, or for one run of a script.
        score: "all", 1.0 if every test passed and 0.0 otherwise; the first failure decides, and tests behind it may
            not run (the card is `unit_tests`). "fraction", the share of passed tests (`unit_tests_fraction`): a
            denser reward, of which a program that is right by chance earns its part.
        profile: Which libraries programs and test code find.
    """

    def __init__(
        self,
        sandbox: Sandbox | None = None,
        *,
        open_sandbox: Callable[[], Sandbox] | None = None,
        limits: Limits = DEFAULT_LIMITS,
        score: Literal["all", "fraction"] = "all",
        profile: str = "core",
    ) -> None:
        self._all = score == "all"
        self.card = _card(whole=self._all)
        self._sandbox, self._open, self._limits = sandbox, open_sandbox, limits
        self._rows = Rows(profile=profile, fail_fast=self._all)
        self._lock = threading.Lock()

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n raw scores in order, with each test's outcome in the detail.

        Raises: ToolUnavailable: if there is no sandbox, or it breaks.
        """
        rows = [self._rows.of(triple) for triple in triples]
        self._prepare(rows)
        programs = [_program(triple, row.judge) for triple, row in zip(triples, rows, strict=True)]
        results = self._judge(zip(rows, programs, strict=True))
        return [self._scored(row, program, results) for row, program in zip(rows, programs, strict=True)]

    def _prepare(self, rows: Iterable[Row]) -> None:
        """Rehearse test code that was not seen before."""
        new = {row.key: row for row in rows if row.judge is not None and not row.judge.ready}
        if not new:
            return
        ended = drive({key: row.judge.prepare() for key, row in new.items() if row.judge}, self._opened(), self._limits)
        for key, error in ended.items():
            if isinstance(error, RewardToolError):
                new[key].judge, new[key].error = None, error

    def _judge(self, asked: Iterable[tuple[Row, Extracted | None]]) -> Mapping[Key, list[Tested] | RewardToolError]:
        judgings = {
            (row.key, program.source): row.judge.judge(program.source)
            for row, program in asked
            if row.judge is not None and program is not None
        }
        return drive(judgings, self._opened(), self._limits) if judgings else {}

    def _scored(
        self, row: Row, program: Extracted | None, results: Mapping[Key, list[Tested] | RewardToolError]
    ) -> RawScore:
        if row.judge is None:
            return row.error or ToolUnavailable("the row was not read")
        if program is None:
            return Scored(self.card.worst, "no code in the completion", {"level": row.judge.level, "tests": []})
        tests = results[row.key, program.source]
        if isinstance(tests, RewardToolError):
            return tests
        passed = sum(test.passed for test in tests)
        share = passed / len(tests)
        raw = float(passed == len(tests)) if self._all else share
        return Scored(raw, _note(row.judge), self._detail(row.judge, program, tests, passed))

    def _detail(self, judge: Judge, program: Extracted, tests: Sequence[Tested], passed: int) -> dict[str, Any]:
        return {
            "level": judge.level,
            "sandbox": self._opened().name,
            "form": program.form,
            "passed": passed,
            "total": len(tests),
            "tests": [
                {"test": label, "outcome": outcome, **({"message": message} if message else {})}
                for label, outcome, message in tests[:MAX_TESTS_TOLD]
            ],
        }

    def _opened(self) -> Sandbox:
        """Return the sandbox, opening it if that was not done.

        Raises: ToolUnavailable: if it can't be opened.
        """
        with self._lock:
            if self._sandbox is None:
                if self._open is None:
                    raise ToolUnavailable("unit_tests has no sandbox to run programs in; pass one")
                try:
                    self._sandbox = self._open()
                except SandboxError as error:
                    raise ToolUnavailable(f"no sandbox: {type(error).__name__}: {error}") from error
            return self._sandbox


def _program(triple: Triple, judge: Judge | None) -> Extracted | None:
    if judge is None:
        return None
    plan = judge.plan
    return find_program(triple.answer, entry=plan.entry, prefix=plan.prefix)


def _note(judge: Judge) -> str | None:
    """Return the remark that a weaker level deserves."""
    return f"weaker level {judge.level}: {judge.why}" if judge.level == "shared_jail" else None


def _card(*, whole: bool) -> ToolCard:
    return ToolCard(
        name="unit_tests" if whole else "unit_tests_fraction",
        kind="verifier",
        task="writing a program that passes tests",
        summary=(
            "Runs the program in the completion in a sandbox and gives "
            f"{'1 if all tests pass, else 0' if whole else 'the share of tests passed'}. "
            "Reads HumanEval, MBPP, LeetCode, APPS, TACO and LiveCodeBench records, plain asserts and stdin/stdout "
            "cases. Values are compared outside the program's process, True is no 1. Says nothing of style or speed, "
            "nor of what the tests leave out."
        ),
        needs=("reference",),
        provenance=Provenance(
            note="test formats of the data sets named; the levels are ours, see docs/code-rewards.md"
        ),
        evidence=_EVIDENCE if whole else (),
    )


_EVIDENCE = (  # intervals by Wilson
    Evidence(
        data="CodeT: sampled programs for HumanEval (half)",
        measure="same verdict as plain Python in a process of its own, program by program",
        n=8_500,
        value=1.0,
        low=0.9995,
        high=1.0,
        made_by="python -m ravelar.benchmark.code_evidence ../shared/data --sandbox local --independent",
    ),
    Evidence(
        data="HumanEval and MBPP: the data sets' own solutions",
        measure="share that passes",
        n=1_138,
        value=1.0,
        low=0.9966,
        high=1.0,
        made_by="python -m ravelar.benchmark.code_evidence ../shared/data --sandbox local",
    ),
)

"""One program judged by one plan: what it is asked, at which level, and what its answers are worth.

Levels, from the strongest to the weakest; the test decides which applies, never the program:

- `outside`: only arguments enter the program's process, its values come back and are compared outside.
- `two_jails`: the test code runs in a jail of its own and is answered from what the program returned.
- `shared_jail`: program and test share a process, for the test needs objects that can't leave it.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from ravelar.tools.sandbox.protocol import Call, Outcome, Program
from ravelar.tools.verifiers.code.answers import PATIENCE, WireCall, answers_of, program_of, source_of
from ravelar.tools.verifiers.code.cases import Invocation
from ravelar.tools.verifiers.code.comparison import same_output
from ravelar.tools.verifiers.code.data_cases import StdinCase
from ravelar.tools.verifiers.code.extraction import entry_of, find_program
from ravelar.tools.verifiers.code.plans import Level, Plan
from ravelar.tools.verifiers.code.replay import Rehearsed, Replay
from ravelar.tools.verifiers.code.running import Judging, Request
from ravelar.tools.verifiers.code.verdicts import Tested, from_check, from_words, not_run, tested

_CHUNK_GROWTH = 4


@dataclass(slots=True)
class Judge:
    """Judges programs by one plan.

    Attributes:
        plan: What is tested.
        profile: Which libraries programs and test code find.
        fail_fast: Whether the first failure decides, so that no further one is looked for.
        rehearsed: What is known of the test code once `prepare` has run.
    """

    plan: Plan
    profile: str
    fail_fast: bool
    replay: Replay | None = field(init=False)
    rehearsed: Rehearsed | None = None

    def __post_init__(self) -> None:
        """Make what all programs share."""
        plan = self.plan
        check = plan.check
        self.replay = Replay(check, plan.entry, plan.prefix.header, self.profile) if check else None

    @property
    def level(self) -> Level:
        """The weakest level that the plan needs."""
        if self.replay is None:
            return "outside"
        return "shared_jail" if self.rehearsed and self.rehearsed.objects else "two_jails"

    @property
    def ready(self) -> bool:
        """Whether programs can be judged without `prepare`."""
        return self.replay is None or self.rehearsed is not None

    @property
    def why(self) -> str:
        """Why the level is the weakest there is; '' for the others."""
        return self.rehearsed.objects if self.rehearsed else ""

    def prepare(self) -> "Judging[None]":
        """Rehearse the test code, and see whether the row's own solution can be judged in two jails.

        Raises: UnusableReference: if the test code can't be run.
        """
        if self.replay is None or self.rehearsed is not None:
            return
        rehearsed = yield from self.replay.rehearse()
        if not rehearsed.objects and self.plan.solution:
            rehearsed = yield from self._tried(self.replay, rehearsed, self.plan.solution)
        self.rehearsed = rehearsed

    def _tried(self, replay: Replay, rehearsed: Rehearsed, solution: str) -> "Judging[Rehearsed]":
        """Fall to the weaker level if the known solution lacks plain values for two jails, and passes in one."""
        found = find_program(solution, entry=self.plan.entry, prefix=self.plan.prefix)
        if found is None:
            return rehearsed
        program = program_of(found.source, self.profile)
        answers = yield from answers_of(program, rehearsed.calls, in_place=replay.check.in_place, patience=1)
        apart = yield from replay.judge(program, rehearsed, answers)
        uncrossable = next((test.message for test in apart if test.outcome == "uncrossable"), "")
        if not uncrossable:
            return rehearsed
        together = yield from self._in_one_jail(found.source)
        return Rehearsed(objects=f"the known solution {uncrossable}") if all(t.passed for t in together) else rehearsed

    def judge(self, source: str) -> "Judging[list[Tested]]":
        """Judge one program; return what became of each test.

        Raises: UnusableReference: if the test code turns out to be unusable.
        """
        results: list[Tested] = []
        if self.plan.cases or self.level == "two_jails":
            results += yield from self._by_calls(source)
        if self.level == "shared_jail":
            results += yield from self._in_one_jail(source)
        if self.plan.scripts:
            results += yield from self._by_output(source)
        return results

    def _by_calls(self, source: str) -> "Judging[list[Tested]]":
        """Judge the cases outside, and the rest of the check, if there is any, in a second jail."""
        plan, apart = self.plan, self.replay if self.level == "two_jails" else None
        program = program_of(source, self.profile)
        rehearsed = self.rehearsed if apart and self.rehearsed else Rehearsed()
        calls = self._wire(plan.calls, source)
        patience = 0 if self.fail_fast and apart is None else 1 if apart else PATIENCE
        in_place = apart is not None and apart.check.in_place
        answers = yield from answers_of(program, [*calls, *rehearsed.calls], in_place=in_place, patience=patience)
        results, at = [], 0
        for case in plan.cases:
            results.append(tested(case, answers[at : at + len(case.calls)]))
            at += len(case.calls)
        if apart is None:
            return results
        if self.fail_fast and not all(result.passed for result in results):
            return results + [not_run(label) for label in apart.labels]
        return results + (yield from apart.judge(program, rehearsed, answers[at:]))

    def _wire(self, calls: Sequence[Invocation], source: str) -> list[WireCall]:
        """Return calls as they enter the jail; a nameless entry point is looked up in the program."""
        nameless = entry_of(source) if any(call.name is None for call in calls) else ""
        return [(call.name or nameless, call.args, dict(call.kwargs), call.listed) for call in calls]

    def _in_one_jail(self, source: str) -> "Judging[list[Tested]]":
        if self.replay is None:
            return []
        word = secrets.token_hex(16)
        whole = Program(
            source_of("jailed_whole"), entry="judge", profile=self.profile, returns="literal", isolation="per_call"
        )
        (outcome,) = yield Request(whole, [Call((source, self.replay.spec, word))])
        labels = self.replay.labels
        said = _sworn(outcome, word, labels)
        if said is None:
            words = f"{outcome.reason or 'protocol'}: {outcome.message or 'no verdict of the test'}"
            return [from_words(label, "ended", words) for label in labels]
        return [from_check(label, words) for label, words in zip(labels, said, strict=True)]

    def _by_output(self, source: str) -> "Judging[list[Tested]]":
        """Run the whole program per case: one first, then ever more at once, until its process has ended too often."""
        cases = self.plan.scripts
        script = Program(source, profile=self.profile, kind="script", returns="literal", isolation="per_call")
        results: list[Tested] = []
        size, patience = 1, 1 if self.fail_fast else PATIENCE
        while len(results) < len(cases) and patience > 0:
            chunk = cases[len(results) : len(results) + size]
            outcomes = yield Request(script, [Call(stdin=case.stdin) for case in chunk])
            results += [_printed(case, outcome) for case, outcome in zip(chunk, outcomes, strict=True)]
            patience -= sum(outcome.reason in ("timeout", "memory", "crash", "load") for outcome in outcomes)
            if self.fail_fast and not results[-1].passed:
                break
            size *= _CHUNK_GROWTH
        return results + [not_run(case.label) for case in cases[len(results) :]]


def _sworn(outcome: Outcome, word: str, labels: Sequence[str]) -> list[str] | None:
    """Return the verdicts that bear the word, or None: the program shares the process and may have written them."""
    given = outcome.value
    if not outcome.ok or type(given) is not list or len(given) != 2 or given[0] != word or type(given[1]) is not list:
        return None
    if [item[0] if type(item) is tuple and len(item) == 2 else None for item in given[1]] != list(labels):
        return None
    words = [item[1] for item in given[1]]
    return words if all(type(said) is str for said in words) else None


def _printed(case: StdinCase, outcome: Outcome) -> Tested:
    if outcome.reason is not None:
        return Tested(case.label, outcome.reason, outcome.message[:200])
    if outcome.truncated:
        return Tested(case.label, "fail", "printed more than is kept")
    if same_output(outcome.stdout, case.stdout):
        return Tested(case.label, "pass")
    return Tested(case.label, "fail", f"printed {outcome.stdout[:80]!r}")

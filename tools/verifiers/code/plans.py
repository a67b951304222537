"""From a row to what is to be done with every completion of it; made once per row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ravelar.tools.verifiers.code.cases import Case, Invocation, OpaqueCheck
from ravelar.tools.verifiers.code.data_cases import StdinCase
from ravelar.tools.verifiers.code.extraction import Prefix, prefix_of
from ravelar.tools.verifiers.code.records import read_record
from ravelar.tools.verifiers.code.reduction import reduce_tests

Level = Literal["outside", "two_jails", "shared_jail"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How the programs of one row are tested.

    Attributes:
        entry: The function that is tested; None where the program's own decides, or there are scripts only.
        prefix: The code that a completion may continue.
        cases: Tests that are judged outside.
        scripts: Tests of the whole program by what it prints.
        check: Test code that needs a process.
        solution: A solution known to be right.
    """

    entry: str | None
    prefix: Prefix
    cases: tuple[Case, ...]
    scripts: tuple[StdinCase, ...]
    check: OpaqueCheck | None
    solution: str | None

    @property
    def calls(self) -> Sequence[Invocation]:
        """All calls of all cases, in order."""
        return [call for case in self.cases for call in case.calls]

    @property
    def whole_programs(self) -> bool:
        """Whether scripts are tested and no function."""
        return bool(self.scripts) and not self.cases and self.check is None


def make_plan(question: str, reference: Any, columns: Mapping[str, Any]) -> Plan:
    """Make the plan of a row.

    Raises: UnusableReference: if its tests are missing or can't be read.
    """
    record = read_record(reference, columns)
    prefix = prefix_of(question, record.entry)
    if not prefix.source:
        prefix = prefix_of(record.prompt, record.entry)
    cases, check = record.data.functions, None
    if record.tests:
        code = "\n".join([record.setup, *record.tests])
        reduction = reduce_tests(code, entry=record.entry, foreign=prefix.helpers)
        cases, check = cases + reduction.cases, reduction.check
    entry = record.entry or next((call.name for case in cases for call in case.calls if call.name), None)
    if entry is None and check is not None:
        entry = next(iter(check.functions), None)
    return Plan(entry, prefix, cases, record.data.scripts, check, record.solution)

"""One normal form for the test records of code data sets.

    HumanEval      {prompt, entry_point, test, canonical_solution}
    MBPP           {text, code, test_list, test_setup_code, challenge_test_list}
    LeetCode       {entry_point, test}; [{"args": [...], "expected": ...}]; [{"input": "a = 1", "output": "2"}]
    APPS, TACO     {"inputs": [...], "outputs": [...], "fn_name": ...}, also as JSON text, also as `input_output`
    LiveCodeBench  [{"input": ..., "output": ..., "testtype": "stdin" | "functional"}], JSON text
    plain          the text of asserts, or a list of them

They are taken from the reference (a mapping, a list, a text) and, where that lacks a field, from the row's columns.
"""

import ast
import json
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.code.data_cases import TestData, read_data
from ravelar.tools.verifiers.code.syntax import parsed

CODE_FIELDS = ("test", "tests", "test_list", "asserts", "unit_tests", "test_cases")
DATA_FIELDS = ("input_output", "public_test_cases", "private_test_cases")
_ENTRY_FIELDS = ("entry_point", "fn_name", "function_name", "func_name")
_SOLUTION_FIELDS = ("canonical_solution", "code", "solution", "reference_solution")
COLUMNS = (
    *CODE_FIELDS, *DATA_FIELDS, *_ENTRY_FIELDS, *_SOLUTION_FIELDS, "challenge_test_list", "test_setup_code",
    "inputs", "outputs", "starter_code", "metadata",
)  # fmt: skip
"""Every column that is read."""

_ALLOWED = "test, tests, test_list, input_output, inputs with outputs, a list of {args, expected}, asserts as text"
MAX_CHARACTERS = 20_000_000  # of all test code of one record; TACO's largest are near 10 million


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """What one row says of how its programs are tested.

    Attributes:
        entry: The function that is tested, where the record names it.
        prompt: The code that a completion may continue; '' where there is none.
        tests: Test code, in pieces that stand for themselves.
        setup: Code that goes before each piece.
        data: Calls and outputs given as data.
        solution: A solution known to be right, where the record has one; it continues the prompt or stands alone.
    """

    entry: str | None = None
    prompt: str = ""
    tests: tuple[str, ...] = ()
    setup: str = ""
    data: TestData = field(default_factory=TestData)
    solution: str | None = None


def read_record(reference: Any, columns: Mapping[str, Any]) -> CodeRecord:
    """Read a record from a reference and the row's further columns.

    Raises: UnusableReference: if there is no test in it, or one that can't be read.
    """
    given = _parsed_text(reference)
    if isinstance(given, Mapping):
        fields: Mapping[str, Any] = ChainMap(dict(given), dict(columns))
    else:
        fields = columns if given is None else {**columns, "tests": given}
    if sum(len(value) for value in fields.values() if isinstance(value, str)) > MAX_CHARACTERS:
        raise UnusableReference(f"a test record of more than {MAX_CHARACTERS:,} characters")
    solution = next((fields[name] for name in _SOLUTION_FIELDS if isinstance(fields.get(name), str)), None)
    tests, setup = _test_code(fields), fields.get("test_setup_code") or ""
    entry = _entry(fields) or _entry_by_tests(solution, tests)
    data = _test_data(fields, entry)
    if not tests and not data.functions and not data.scripts:
        raise UnusableReference(f"no test in the reference or the columns {sorted(fields)[:12]}; allowed: {_ALLOWED}")
    prompt = fields.get("prompt") or fields.get("starter_code") or ""
    return CodeRecord(entry, prompt if isinstance(prompt, str) else "", tests, setup, data, solution or None)


def _parsed_text(reference: Any) -> Any:
    """Return what JSON text holds; any other value, and any other text, as it is."""
    if not isinstance(reference, str) or not reference.lstrip().startswith(("{", "[")):
        return reference
    try:
        return json.loads(reference)
    except (ValueError, RecursionError):
        return reference


def _entry(fields: Mapping[str, Any]) -> str | None:
    """Return the named entry point; LiveCodeBench keeps it in a `metadata` column of JSON text."""
    more = _parsed_text(fields.get("metadata"))
    nested = _parsed_text(fields.get("input_output"))
    for place in (fields, nested, more):
        if isinstance(place, Mapping):
            for name in _ENTRY_FIELDS:
                if isinstance(place.get(name), str) and place[name].strip():
                    return str(place[name]).strip()
    return None


def _entry_by_tests(solution: str | None, tests: Sequence[str]) -> str | None:
    """Return the function that the tests call, as MBPP needs: its tests name it and nothing else does.

    It is the one that the solution defines, or the only one that is called at all. It matters where its name is a
    builtin's: MBPP has a task whose function is called `sum`.
    """
    checks = parsed("\n".join(tests)) if tests else None
    if checks is None:
        return None
    calls = [node.func for node in ast.walk(checks) if isinstance(node, ast.Call)]
    called = [function.id for function in calls if isinstance(function, ast.Name)]
    module = parsed(solution) if solution else None
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)} if module else set()
    sole = called[0] if len({*called}) == 1 else None
    return next((name for name in called if name in defined), sole)


def _test_code(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return all test code: texts that are no JSON, and lists of such texts."""
    pieces: list[str] = []
    for name in (*CODE_FIELDS, "challenge_test_list"):
        value = _parsed_text(fields.get(name))
        if isinstance(value, str):
            pieces.append(value)
        elif isinstance(value, Sequence) and value and all(isinstance(item, str) for item in value):
            pieces += value
    return tuple(piece for piece in pieces if piece.strip())


def _test_data(fields: Mapping[str, Any], entry: str | None) -> TestData:
    """Return the tests that are given as data, from every column that may hold some."""
    found = TestData()
    for name in (*CODE_FIELDS, *DATA_FIELDS):
        value = _parsed_text(fields.get(name))
        if name in DATA_FIELDS and isinstance(value, str) and value.strip():
            if name == "private_test_cases":
                continue  # LiveCodeBench pickles and packs them; nothing is unpickled here
            raise UnusableReference(f"{name} is no JSON: {value[:100]!r}")
        if isinstance(value, Mapping) or (isinstance(value, Sequence) and any(isinstance(v, Mapping) for v in value)):
            found += read_data(value, entry)
    if "inputs" in fields and "outputs" in fields:
        found += read_data(fields, entry)
    return found

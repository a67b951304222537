"""Tests given as data: arguments with what is expected, or standard input with what is to be printed."""

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import UnusableReference
from ravelar.tools.sandbox.values import BadValue, encode
from ravelar.tools.verifiers.code.cases import Case, Equals, Invocation
from ravelar.tools.verifiers.code.evaluation import Evaluation, NotPlain

_LABEL_CHARACTERS = 80
_UNREADABLE = (NotPlain, SyntaxError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError, MemoryError)
_EXPECTED = ("expected", "output", "expected_output", "out")
_ARGUMENTS = ("args", "input", "inputs", "in")


@dataclass(frozen=True, slots=True)
class StdinCase:
    """One run of a script: what it reads and what it must print."""

    stdin: str
    stdout: str
    label: str


@dataclass(frozen=True, slots=True)
class TestData:
    """Tests of both kinds.

    Attributes:
        functions: Calls of the entry point.
        scripts: Runs of the whole program.
    """

    __test__ = False  # pytest takes the name for a test's

    functions: tuple[Case, ...] = ()
    scripts: tuple[StdinCase, ...] = ()

    def __add__(self, other: "TestData") -> "TestData":
        """Return the tests of both."""
        return TestData(self.functions + other.functions, self.scripts + other.scripts)


def read_data(given: Mapping[str, Any] | Sequence[Any], entry: str | None) -> TestData:
    """Read `{"inputs": [...], "outputs": [...]}`, or a list of tests.

    Raises: UnusableReference: if a test lacks its expected value, or the numbers of both differ.
    """
    if isinstance(given, Mapping):
        return _parallel(given, entry)
    functions: list[Case] = []
    scripts: list[StdinCase] = []
    for number, item in enumerate(given):
        if not isinstance(item, Mapping):
            raise UnusableReference(f"test {number} is {type(item).__name__}; a mapping is needed, as the others are")
        if "inputs" in item and "outputs" in item:
            part = _parallel(item, entry)
            functions += part.functions
            scripts += part.scripts
        elif _is_script(item, entry):
            scripts.append(_script(_field(item, _ARGUMENTS, number), _field(item, _EXPECTED, number)))
        else:
            functions.append(_function(item, entry, number))
    return TestData(tuple(functions), tuple(scripts))


def _field(item: Mapping[str, Any], names: Iterable[str], number: int) -> Any:
    for name in names:
        if name in item:
            return item[name]
    raise UnusableReference(f"test {number} has {sorted(map(str, item))[:8]}; one of {', '.join(names)} is needed")


def _is_script(item: Mapping[str, Any], entry: str | None) -> bool:
    if "testtype" in item:
        return bool(item["testtype"] == "stdin")
    return entry is None and "args" not in item and "kwargs" not in item and isinstance(item.get("input"), str)


def _parallel(given: Mapping[str, Any], entry: str | None) -> TestData:
    """Read APPS's form: as many outputs as inputs; a function's name makes them calls."""
    inputs, outputs = given.get("inputs"), given.get("outputs")
    if not isinstance(inputs, Sequence) or not isinstance(outputs, Sequence) or len(inputs) != len(outputs):
        raise UnusableReference("inputs and outputs must be two lists of one length")
    name = given.get("fn_name") or entry
    if not name:
        return TestData(scripts=tuple(_script(a, b) for a, b in zip(inputs, outputs, strict=True)))
    return TestData(
        functions=tuple(
            _case(str(name), _arguments(a), {}, _apps_accepted(b)) for a, b in zip(inputs, outputs, strict=True)
        )
    )


def _apps_accepted(output: Any) -> tuple[Any, ...]:
    """Return what APPS's own judge accepts: the output, or the only element of it where it is a list."""
    value = _literal(output) if isinstance(output, str) else output
    accepted = (output,) if value == output else (value, output)
    return (*accepted, value[0]) if isinstance(value, list) and len(value) == 1 else accepted


def _script(stdin: Any, stdout: Any) -> StdinCase:
    """Make a script's test; APPS gives some texts as lists of lines."""
    given, expected = _text(stdin), _text(stdout)
    return StdinCase(given, expected, f"stdin {given[:_LABEL_CHARACTERS]!r}")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    if isinstance(value, int | float):
        return str(value)
    raise UnusableReference(f"{type(value).__name__} is no input or output of a script; text or lines are needed")


def _function(item: Mapping[str, Any], entry: str | None, number: int) -> Case:
    expected = _field(item, _EXPECTED, number)
    kwargs = item.get("kwargs") or {}
    if not isinstance(kwargs, Mapping):
        raise UnusableReference(f"kwargs of test {number} is {type(kwargs).__name__}; a mapping is needed")
    given = _field(item, _ARGUMENTS, number) if not kwargs or any(name in item for name in _ARGUMENTS) else []
    if "args" in item:
        if not isinstance(given, list | tuple):
            raise UnusableReference(f"args of test {number} is {type(given).__name__}; a list is needed")
        return _case(entry, tuple(given), kwargs, (expected,), from_json=False)
    args, named = _named_arguments(given) if isinstance(given, str) else (_arguments(given), {})
    if isinstance(expected, str):
        expected = _literal(expected)
    return _case(entry, args, {**named, **kwargs}, (expected,), from_json=True)


def _arguments(given: Any) -> tuple[Any, ...]:
    """Return the arguments that an input is: the elements of a list, each line of a text, or the value itself."""
    if isinstance(given, str):
        return tuple(_literal(line) for line in given.splitlines() if line.strip())
    return tuple(given) if isinstance(given, list | tuple) else (given,)


def _named_arguments(text: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Read `nums = [3, 3], target = 6`; any other text holds one argument per line."""
    try:
        call = ast.parse(f"f({text.strip()})", mode="eval").body
        if isinstance(call, ast.Call) and call.keywords and all(keyword.arg for keyword in call.keywords):
            args = tuple(Evaluation({}).of(argument) for argument in call.args)
            return args, {str(keyword.arg): Evaluation({}).of(keyword.value) for keyword in call.keywords}
    except _UNREADABLE:
        pass  # it is of another form
    return _arguments(text), {}


def _literal(text: str) -> Any:
    """Return the JSON value or Python literal that a text is, or the text itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return Evaluation({}).of(ast.parse(text.strip(), mode="eval").body)
    except _UNREADABLE:
        return text


def _case(
    entry: str | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    accepted: tuple[Any, ...],
    *,
    from_json: bool = True,
) -> Case:
    """Make a call's case.

    Raises: UnusableReference: if an argument or an expected value is no plain value that can enter a jail.
    """
    try:
        encode([args, dict(kwargs), accepted])
    except BadValue as error:
        raise UnusableReference(f"a test holds a value that no sandbox takes: {error}") from error
    shown = ", ".join([*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())])
    label = f"{entry or 'the program'}({shown})"[:_LABEL_CHARACTERS]
    return Case(label, (Invocation(entry, args, kwargs),), Equals(accepted, from_json))

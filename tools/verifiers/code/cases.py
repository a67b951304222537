"""What a test asks of a program: calls of its functions, and a condition on what they return."""

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ravelar.tools.verifiers.code.comparison import TypeConfusion, lists_for_tuples, same
from ravelar.tools.verifiers.code.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of a function of the program. All that is said of it here enters the program's process.

    Attributes:
        name: The function; None where the record names none, and the program's own decides.
        args: Positional arguments, plain literals.
        kwargs: Named arguments, plain literals.
        listed: Whether a generator or another iterator that comes back may be made a list of.
    """

    name: str | None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    listed: bool = False


class Condition(Protocol):
    """Judges returned values, outside of every jail."""

    def __call__(self, values: Sequence[Any]) -> bool:
        """Say whether the values, one per invocation, pass."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """One test that is judged outside.

    Attributes:
        label: What reports call it.
        calls: What the program is asked.
        holds: What must hold of the values.
    """

    label: str
    calls: tuple[Invocation, ...]
    holds: Condition


@dataclass(frozen=True, slots=True)
class Equals:
    """The only value equals one of the accepted ones.

    Attributes:
        accepted: The accepted values.
        from_json: Whether they come from JSON, which has no tuples: then a tuple counts as a list.
        nan_is_nan: Whether NaN is NaN: data that expects NaN means it, an assert says what Python says.
    """

    accepted: tuple[Any, ...]
    from_json: bool = False
    nan_is_nan: bool = True

    def __call__(self, values: Sequence[Any]) -> bool:
        """Compare; a confusion of truth values with numbers is raised only if nothing else was accepted."""
        value = lists_for_tuples(values[0]) if self.from_json else values[0]
        confusion: TypeConfusion | None = None
        for expected in self.accepted:
            try:
                if same(value, expected) or (self.nan_is_nan and _is_nan(value) and _is_nan(expected)):
                    return True
            except TypeConfusion as error:
                confusion = error
        if confusion is not None:
            raise confusion
        return False


def _is_nan(value: Any) -> bool:
    return type(value) is float and math.isnan(value)


@dataclass(frozen=True, slots=True)
class Holds:
    """An expression over the values is true.

    Attributes:
        expression: Its tree; `%0`, `%1` ... are the values.
        names: What further names stand for.
    """

    expression: ast.expr
    names: Mapping[str, Any]

    def __call__(self, values: Sequence[Any]) -> bool:
        """Evaluate the expression within bounds."""
        named = {f"%{i}": value for i, value in enumerate(values)}
        return bool(Evaluation({**self.names, **named}).of(self.expression))


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of test code that runs in a process of its own.

    Attributes:
        source: Python source.
        label: What reports call it; None for code that only prepares.
    """

    source: str
    label: str | None = None


@dataclass(frozen=True, slots=True)
class OpaqueCheck:
    """Test code that can't be reduced to data.

    Attributes:
        steps: What is run, in order, in one namespace.
        functions: Names under which the steps call the program.
        in_place: Whether a test looks at arguments that the program was to change.
        needs_objects: Whether values of the program's own classes must pass between the two, by the look of it.
    """

    steps: tuple[Step, ...]
    functions: tuple[str, ...]
    in_place: bool = False
    needs_objects: bool = False

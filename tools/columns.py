"""From a row to a triple: which column is what."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.tools.reward import Triple

_MISSING = object()
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns that matter; all others travel along as metadata.

    A dotted name reaches into a mapping: `solution.text` is the `text` of the column `solution`. Prompt and
    completion must be there in each row; the rest may be missing.
    """

    prompt: str = "prompt"
    completion: str = "completion"
    reference: str = "reference"
    task: str = "task"
    tool: str = "tool"
    label: str = "label"

    @classmethod
    def renamed(cls, names: Mapping[str, str]) -> "Columns":
        """Return the default columns with some renamed, such as `{"prompt": "question"}`.

        Raises:
            InputError: if a key is none of the six.
        """
        for key in names:
            if key not in cls.__slots__:
                raise InputError(f"no column role {key!r}; allowed: {', '.join(cls.__slots__)}")
        return cls(**names)

    def triple(self, values: Mapping[str, Any]) -> Triple:
        """Make a row's triple.

        Raises:
            InputError: if the prompt or the completion is missing or is neither text nor chat messages.
        """
        prompt, completion = values.get(self.prompt), values.get(self.completion)
        if prompt is None:
            prompt = self._needed(values, "prompt", self.prompt)
        if completion is None:
            completion = self._needed(values, "completion", self.completion)
        metadata = dict(values)
        metadata.pop(self.prompt, None)
        metadata.pop(self.completion, None)
        for role, name in (("task", self.task), ("tool", self.tool)):
            if name != role:
                metadata.pop(role, None)
                metadata[role] = cell(values, name, None)
        return Triple(prompt, completion, cell(values, self.reference, None), metadata)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row under the default names, all that is of no role under `metadata`; what is null is left out.

        The column that a dotted name reaches into goes nowhere: where one role lies, others may, labels among them.
        """
        names = {role: getattr(self, role) for role in self.__slots__}
        found = {role: value for role, name in names.items() if (value := cell(values, name, None)) is not None}
        taken = {name if name in values else name.partition(".")[0] for name in names.values()}
        rest = {name: value for name, value in values.items() if name not in taken}
        return {**found, **({"metadata": rest} if rest else {})}

    def truth(self, values: Mapping[str, Any]) -> bool | None:
        """Return the row's label as a truth value; None where it has none, or none that is one."""
        label = cell(values, self.label)
        if isinstance(label, bool):
            return label
        text = str(label).strip().lower() if isinstance(label, str | int) else ""
        return True if text in _TRUE else False if text in _FALSE else None

    def _needed(self, values: Mapping[str, Any], role: str, name: str) -> Any:
        value = cell(values, name)
        if value is _MISSING:
            there = ", ".join(map(repr, list(values)[:12])) or "none"
            raise InputError(f"{role}: no column {name!r}; columns: {there}; name it with --column {role}=NAME")
        if value is None:
            raise InputError(f"{role}: column {name!r} is empty (null); text or chat messages are needed")
        return value


def cell(values: Mapping[str, Any], name: str, default: Any = _MISSING) -> Any:
    """Return a column's value, a dotted name reaching into mappings; the default where there is none."""
    if name in values or "." not in name:
        return values.get(name, default)
    value: Any = values
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value

"""Forms and checks of what a graph is given: both come from its type annotations and docstrings, so that they agree."""

import json
import re
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from ravelar.tools.errors import InputError, UnknownName

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from pydantic_core import ErrorDetails

_WORDS = {"llm": "LLM", "url": "URL", "gb": "GB", "hub": "Hub", "s": "(seconds)"}
_CALLED = {"approve": "thing to approve"}
_OUT_OF_BOUNDS = frozenset({"greater_than_equal", "less_than_equal", "greater_than", "less_than"})
_MOST_SHOWN = 200  # characters of a value in a message


def title_of(name: str, _field: object = None) -> str:
    """Return a field's title: its name in words, such as "Max LLM calls" of `max_llm_calls`."""
    words = [_WORDS.get(word, word) for word in name.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def form(title: str) -> ConfigDict:
    """Return what makes a class a form: its fields' titles are their names, their descriptions the docstrings below.

    Args:
        title: What stands above the form.
    """
    return ConfigDict(
        title=title, use_attribute_docstrings=True, field_title_generator=title_of, json_schema_extra=_on_one_line
    )


def _on_one_line(schema: dict[str, Any]) -> None:
    for shown in schema["properties"].values():
        shown["description"] = " ".join(shown["description"].split())


def check_settings(context: "DataclassInstance") -> None:
    """Check every setting against its type, its choices and its range.

    Raises:
        InputError: if one of them is none; names it, its value, and what is allowed.
    """
    given = json.dumps(asdict(context), default=str)
    try:
        _adapter(type(context)).validate_json(given, strict=True)
    except ValidationError as error:
        raise _explained(type(context), error.errors()[0]) from None


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _explained(kind: type, error: "ErrorDetails") -> InputError:
    value, name = error["input"], [str(part) for part in error["loc"] if isinstance(part, str)][-1]
    if error["type"] == "literal_error":
        known = re.findall("'([^']*)'", error["ctx"]["expected"])
        return UnknownName(_CALLED.get(name, name.replace("_", " ")), str(value), known)
    if error["type"] in _OUT_OF_BOUNDS:
        return InputError(f"{name} {value!r} is out of bounds; allowed: {_allowed(kind, str(error['loc'][0]))}")
    place = ".".join(map(str, error["loc"]))
    return InputError(f"{place} {value!r}"[:_MOST_SHOWN] + f" can't be used: {error['msg']}")


def _allowed(kind: type, name: str) -> str:
    """Return what a number's form allows."""
    shown = _adapter(kind).json_schema()["properties"][name]
    low, above, high = (_find(shown, word) for word in ("minimum", "exclusiveMinimum", "maximum"))
    if low is None:
        return f"more than {above:g}"
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"


def _find(schema: Any, word: str) -> Any:
    """Return what a schema says under a word, on the first level that says it; None where none does."""
    level = [schema]
    while level:
        for one in level:
            if isinstance(one, dict) and word in one:
                return one[word]
        level = [part for one in level for part in (one.values() if isinstance(one, dict) else one)]
        level = [part for part in level if isinstance(part, dict | list)]
    return None

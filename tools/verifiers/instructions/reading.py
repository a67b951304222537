"""From a triple to its instructions: parsed and checked once, at the door."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from ravelar.tools.errors import UnknownName, UnusableReference
from ravelar.tools.reward import JSON, Triple
from ravelar.tools.verifiers.instructions.arguments import Arguments
from ravelar.tools.verifiers.instructions.families import FAMILIES

IDS, KWARGS = "instruction_id_list", "kwargs"


class Instruction(NamedTuple):
    """One instruction that a completion is to follow."""

    id: str
    arguments: Arguments

    def followed_by(self, text: str) -> bool:
        """Say whether a text follows it; a blank one follows none."""
        return bool(text.strip()) and FAMILIES[self.id].follows(text, self.arguments)


def instructions_of(triple: Triple) -> list[Instruction]:
    """Return the instructions of a triple, from its reference or else from its columns.

    Raises:
        UnusableReference: if they are missing, not lists of equal length, or one can't be read; the
            message names the instruction, the argument, the value and what is allowed.
    """
    given = _source(triple)
    ids = _list(given.get(IDS), IDS)
    kwargs = given.get(KWARGS)
    arguments = [{}] * len(ids) if kwargs is None else _list(kwargs, KWARGS)
    if not ids:
        raise UnusableReference(f"{IDS} is empty; allowed: one or more instruction ids")
    if len(arguments) != len(ids):
        raise UnusableReference(
            f"{KWARGS} has {len(arguments)} entries for {len(ids)} instructions; one each, {{}} for none"
        )
    return [_instruction(i, *pair) for i, pair in enumerate(zip(ids, arguments, strict=True))]


def _source(triple: Triple) -> Mapping[str, Any]:
    reference = _parsed(triple.reference, "the reference") if _is_json_mapping(triple.reference) else triple.reference
    if isinstance(reference, Mapping) and IDS in reference:
        return reference
    if triple.metadata.get(IDS) is not None:
        return triple.metadata
    raise UnusableReference(f"no {IDS}: allowed are a reference {{{IDS!r}: [...], {KWARGS!r}: [...]}} or these columns")


def _is_json_mapping(reference: JSON) -> bool:
    return isinstance(reference, str) and reference.lstrip().startswith("{")


def _parsed(value: JSON, name: str) -> JSON:
    """Return a value, read from JSON where it is text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UnusableReference(f"{name} is {value!r:.80}, which is no JSON: {error}") from error


def _list(value: JSON, name: str) -> list[Any]:
    parsed = _parsed(value, name)
    if not isinstance(parsed, list | tuple):
        raise UnusableReference(f"{name} is {parsed!r:.80} ({type(parsed).__name__}); allowed: a list, or one as JSON")
    return list(parsed)


def _instruction(index: int, instruction_id: JSON, kwargs: JSON) -> Instruction:
    if not isinstance(instruction_id, str):
        raise UnusableReference(f"{IDS}[{index}] is {instruction_id!r:.80}; allowed: an instruction id")
    family = FAMILIES.get(instruction_id)
    if family is None:
        raise UnusableReference(str(UnknownName("instruction", instruction_id, FAMILIES)))
    given = {} if kwargs is None else _parsed(kwargs, f"{KWARGS}[{index}] of {instruction_id}")
    if not isinstance(given, Mapping):
        raise UnusableReference(
            f"{KWARGS}[{index}] of {instruction_id} is {given!r:.80}; allowed: a mapping, {{}} for none"
        )
    try:
        # The Hub's records hold every argument of every family, null where unused.
        return Instruction(instruction_id, family.arguments(**{k: v for k, v in given.items() if v is not None}))
    except ValidationError as error:
        raise UnusableReference(_refusal(instruction_id, family.arguments, error)) from None


def _refusal(instruction_id: str, arguments: type[Arguments], error: ValidationError) -> str:
    fields = arguments.model_fields
    told: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if name not in fields:
            told[name] = f"takes no argument {name!r}; it takes {', '.join(map(repr, fields)) or 'none'}"
        elif problem["type"] == "missing":
            told[name] = f"lacks the argument {name!r}; allowed: {fields[name].description}"
        else:
            told[name] = f"has {name}={problem['input']!r:.80}; allowed: {fields[name].description}"
    return f"{instruction_id} " + "; ".join(told.values())

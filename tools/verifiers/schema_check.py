"""Checking a value against a JSON schema within bounds: nothing fetched, no endless pattern, no endless check.

jsonschema does the work. Replaced are the keywords whose cost a completion could blow up (patterns through
Python's `re`, which has no time limit; `uniqueItems`, which compares all pairs), and every keyword first
looks at the clock.
"""

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any, cast

from ravelar.tools.errors import UnusableReference
from ravelar.tools.verifiers.json_text import depth_beyond
from ravelar.tools.verifiers.schema_formats import format_checker

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]

_MAX_SCHEMA_DEPTH = 64  # ours
_SHALLOW = 8  # levels; a check that recurses without end on so flat a value does so by the schema's fault
_MAX_UNEVALUATED = 1_000  # ours
_PATTERN_S = 0.2  # seconds for one pattern on one text
_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))  # processor time of this thread


class TooSlow(Exception):
    """A check ran past its time limit, or too deep."""


class SchemaCheck:
    """A schema ready to check values against.

    Args:
        schema: The schema, a JSON mapping.

    Raises:
        UnusableReference: if it is no valid schema of its draft, says nothing, or refers to what isn't in it.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        from jsonschema import FormatChecker  # noqa: PLC0415
        from jsonschema.exceptions import SchemaError  # noqa: PLC0415
        from referencing import Registry  # noqa: PLC0415

        draft = _draft(schema)
        try:
            draft.check_schema(schema, format_checker=FormatChecker(formats=()))  # patterns are tried below, by `regex`
        except SchemaError as error:
            raise UnusableReference(f"no valid JSON schema: {error.json_path}: {error.message}"[:300]) from None
        except RecursionError:
            raise UnusableReference("the JSON schema is nested too deeply") from None
        if not schema.keys() & (draft.VALIDATORS.keys() | {"$recursiveRef"}):
            raise UnusableReference(f"a schema with the keys {sorted(schema)[:8]} restricts nothing")
        _look_through(schema, draft)
        # An empty registry retrieves nothing: a reference outside the schema stays unresolved.
        self._validator = _bounded(draft)(schema, registry=Registry(), format_checker=format_checker())

    def misfit(self, value: Any, *, timeout_s: float) -> dict[str, Any] | None:
        """Return the path and the message of the first misfit, None if the value fits.

        Raises:
            TooSlow: if the value takes the check past its time, or too deep.
            UnusableReference: if the schema recurses without end.
        """
        token = _deadline.set(time.thread_time() + timeout_s)
        try:
            error = next(self._validator.iter_errors(value), None)
        except RecursionError:
            if depth_beyond(value, _SHALLOW):
                raise TooSlow("nested too deeply to be checked") from None
            raise UnusableReference("the JSON schema refers to itself without end") from None
        except ArithmeticError as error_:  # multipleOf of a number beyond all floats
            return {"path": "$", "error": f"a number is out of range: {error_}"}
        finally:
            _deadline.reset(token)
        return None if error is None else {"path": error.json_path[:200], "error": error.message[:200]}


def schema_check(schema: Mapping[str, Any]) -> SchemaCheck:
    """Return the check for a schema; the last 128 schemas are kept ready.

    Raises:
        UnusableReference: if it is no usable schema.
    """
    try:
        if depth_beyond(dict(schema), _MAX_SCHEMA_DEPTH):
            raise ValueError(f"nested more than {_MAX_SCHEMA_DEPTH} levels deep")
        return _ready(json.dumps(schema, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise UnusableReference(f"the schema is no JSON: {error}") from None


@lru_cache(maxsize=128)
def _ready(schema: str) -> SchemaCheck:
    return SchemaCheck(json.loads(schema))


def _draft(schema: Mapping[str, Any]) -> Any:
    """Return jsonschema's validator class for a schema's draft.

    Raises:
        UnusableReference: if `$schema` names a draft that jsonschema doesn't know.
    """
    from jsonschema import validators  # noqa: PLC0415

    named = schema.get("$schema")
    if named is None:
        return validators.Draft202012Validator
    if (
        not isinstance(named, str)
        or (found := validators.validator_for({"$schema": named}, default=cast("Any", None))) is None
    ):
        raise UnusableReference(f"$schema is {named!r:.80}, a draft unknown here; allowed: drafts 3 to 2020-12")
    return found


def _look_through(schema: Mapping[str, Any], draft: Any) -> None:
    """Visit every subschema, so that a schema is unusable for all completions or for none.

    Raises:
        UnusableReference: if a reference leads outside the schema or nowhere, a pattern is none, or
            patterns meet `unevaluatedProperties`, where jsonschema matches them without a time limit.
    """
    from referencing import Registry  # noqa: PLC0415
    from referencing.jsonschema import specification_with  # noqa: PLC0415

    resource = specification_with(draft.META_SCHEMA["$schema"]).create_resource(schema)
    open_: list[tuple[Any, Any]] = [(resource, Registry().resolver_with_root(resource))]
    keywords: set[str] = set()
    while open_:
        resource, resolver = open_.pop()
        if isinstance(resource.contents, Mapping):
            _resolve(resource.contents, resolver)
            _check_patterns(resource.contents)
            keywords |= resource.contents.keys()
        open_ += [(sub, resolver.in_subresource(sub)) for sub in resource.subresources()]
    if {"patternProperties", "unevaluatedProperties"} <= keywords:
        raise UnusableReference("patternProperties beside unevaluatedProperties can't be checked in bounded time")


def _resolve(schema: Mapping[str, Any], resolver: Any) -> None:
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    for keyword in ("$ref", "$dynamicRef"):
        target = schema.get(keyword)
        if isinstance(target, str):
            try:
                resolver.lookup(target)
            except (Unresolvable, ValueError):
                raise UnusableReference(f"{keyword} {target!r:.100} is not in the schema; nothing is fetched") from None


def _check_patterns(schema: Mapping[str, Any]) -> None:
    for pattern in (schema.get("pattern"), *schema.get("patternProperties", {})):
        if isinstance(pattern, str):
            _compiled(pattern)


@cache
def _bounded(draft: Any) -> Any:
    """Return a draft's validator class with every keyword watched and the costly ones replaced."""
    from jsonschema.validators import extend  # noqa: PLC0415

    replaced: dict[str, Keyword] = {"pattern": _pattern, "uniqueItems": _unique_items}
    replaced["patternProperties"] = _pattern_properties
    replaced["additionalProperties"] = _additional_properties
    for name in ("unevaluatedProperties", "unevaluatedItems"):
        if name in draft.VALIDATORS:
            replaced[name] = _of_few(draft.VALIDATORS[name])
    keywords = draft.VALIDATORS | {name: new for name, new in replaced.items() if name in draft.VALIDATORS}
    return extend(draft, {name: _watched(keyword) for name, keyword in keywords.items()})  # type: ignore[no-untyped-call]


def _watched(keyword: Keyword) -> Keyword:
    def watched(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if time.thread_time() > _deadline.get():
            raise TooSlow("the schema took too long to check on this answer")
        yield from keyword(validator, value, instance, schema) or ()

    return watched


def _of_few(keyword: Keyword) -> Keyword:
    """Bound a keyword that takes time quadratic in the number of entries."""

    def of_few(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict | list) and len(instance) > _MAX_UNEVALUATED:
            raise TooSlow(f"more than {_MAX_UNEVALUATED} entries where the schema has unevaluated ones checked")
        yield from keyword(validator, value, instance, schema) or ()

    return of_few


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    import regex  # noqa: PLC0415

    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, ValueError) as error:
        raise UnusableReference(f"pattern {pattern!r:.60} is no regular expression: {error}") from None


def _found(pattern: str, text: str) -> bool:
    left = min(_PATTERN_S, max(_deadline.get() - time.thread_time(), 0.001))
    try:
        return _compiled(pattern).search(text, timeout=left) is not None
    except (TimeoutError, MemoryError):
        raise TooSlow(f"the pattern {pattern!r:.60} took too long on this answer") from None


def _pattern(validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if validator.is_type(instance, "string") and not _found(pattern, instance):
        yield ValidationError(f"{instance!r:.100} does not match {pattern!r:.100}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
    if not validator.is_type(instance, "object"):
        return
    for pattern, subschema in patterns.items():
        for key, value in instance.items():
            if _found(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if not validator.is_type(instance, "object"):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in named or any(_found(pattern, key) for pattern in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"the property {key!r:.100} is not allowed")
        elif isinstance(allowed, Mapping):
            yield from validator.descend(value, allowed, path=key)


def _unique_items(validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if wanted and validator.is_type(instance, "array"):
        forms = {json.dumps(_numbers_alike(item), sort_keys=True) for item in instance}
        if len(forms) < len(instance):
            yield ValidationError("the items are not unique")


def _numbers_alike(value: Any) -> Any:
    """Write 1.0 as 1, since JSON schema holds them equal."""
    if isinstance(value, dict):
        return {key: _numbers_alike(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_alike(item) for item in value]
    with contextlib.suppress(OverflowError, ValueError):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    return value

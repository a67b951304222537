"""Values on the wire: JSON, and tags for the Python literals that JSON has no words for.

Both sides import this file: the worker encodes what a program returned, the caller decodes and judges it.
The worker's side is convenience, for it shares a process with the program; the caller's side is the check.
Standard library only: the worker has nothing else.
"""

import math
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 32  # a tag adds up to three brackets to each level: frames.MAX_BRACKET_DEPTH is four times this
MAX_INT_BITS = 13_000  # just below frames.MAX_INT_DIGITS
MAX_HASHED = 10_000  # ints can be chosen to collide: a set of them costs the reader quadratic time

_TAGS: dict[str, Any] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}


class BadValue(TypeError):
    """A value that the policy does not take."""


class OutOfRange(ValueError):
    """A number that is no reward."""


# A metaclass may answer for `__name__` and `__module__`; these ask the type itself.
name_of: Callable[[type], str] = type.__dict__["__name__"].__get__
_module_of: Callable[[type], object] = type.__dict__["__module__"].__get__


def as_reward(value: object) -> float:
    """Return the reward that `value` is: a finite number in [0, 1], a bool counting as 0.0 or 1.0.

    The type is asked, not the object: `__class__`, `__float__` and comparisons are the program's to forge.

    Raises: BadValue: if it is no finite number. OutOfRange: if it is one outside [0, 1].
    """
    kind = type(value)
    if not (kind is float or issubclass(kind, (int, float))):
        if _module_of(kind) != "numpy":
            raise BadValue(f"returned {name_of(kind)}, not a number")
        return as_reward(_numpy_scalar(value))
    number: int | float = float.__float__(value) if issubclass(kind, float) else int.__int__(value)  # type: ignore[arg-type]
    if issubclass(kind, float) and not math.isfinite(number):
        raise BadValue(f"returned {number}, not a finite number")
    if not 0 <= number <= 1:
        shown = repr(number) if isinstance(number, float) or number.bit_length() < 64 else "a huge integer"
        raise OutOfRange(f"returned {shown}, outside [0, 1]")
    return float(number)


def _numpy_scalar(value: Any) -> int | float:
    """Return a numpy scalar's plain number."""
    plain = value.item() if getattr(value, "ndim", None) == 0 else None
    if not isinstance(plain, (int, float)):
        raise BadValue(f"returned numpy.{name_of(type(value))}, not a number")
    return plain


def encode(value: Any, depth: int = 0) -> Any:
    """Return the JSON form of a Python literal; subclasses go as the builtin they extend.

    Raises: BadValue: if the value, or something in it, can't cross.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return _bounded(value)
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if depth >= MAX_DEPTH:
        raise BadValue(f"the value is nested more than {MAX_DEPTH} deep")
    return _encode_container(value, kind, depth + 1)


def _bounded(number: int) -> int:
    """Return an integer that the reader's bound on digits lets through."""
    if number.bit_length() > MAX_INT_BITS:
        raise BadValue(f"an integer of {number.bit_length()} bits can't cross")
    return number


def _encode_container(value: Any, kind: type, depth: int) -> Any:
    """Encode what is neither a plain scalar nor None; the base class's own methods are used throughout."""
    if issubclass(kind, list):
        return [encode(item, depth) for item in list.__iter__(value)]
    if issubclass(kind, dict):
        return _encode_dict(list(dict.items(value)), depth)
    for tag, base in _TAGS.items():
        if issubclass(kind, base):
            _refuse_crowd(tag, len(value))
            return {tag: [encode(item, depth) for item in base.__iter__(value)]}
    if issubclass(kind, (bytes, bytearray)):
        return {"$bytes": bytes(value).decode("latin-1")}
    if issubclass(kind, complex):
        return {"$complex": [encode(complex(value).real), encode(complex(value).imag)]}
    return _encode_scalar(value, kind)


def _encode_scalar(value: Any, kind: type) -> Any:
    """Encode a subclass of a scalar, or a numpy scalar, as the scalar it is."""
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, int):
        return _bounded(int.__int__(value))
    if issubclass(kind, float):
        return encode(float.__float__(value))
    if _module_of(kind) == "numpy" and getattr(value, "ndim", None) == 0:
        return encode(value.item(), MAX_DEPTH)
    raise BadValue(f"returned {name_of(kind)}, which can't cross")


def _encode_dict(items: list[tuple[Any, Any]], depth: int) -> Any:
    """Encode a dict plainly where JSON can carry it, as pairs where not."""
    if all(type(key) is str and not key.startswith("$") for key, _ in items):
        return {key: encode(item, depth) for key, item in items}
    _refuse_crowd("$dict", len(items))
    return {"$dict": [[encode(key, depth), encode(item, depth)] for key, item in items]}


def _refuse_crowd(tag: str, count: int) -> None:
    """Refuse hashed containers so large that chosen collisions would stall the reader."""
    if tag != "$tuple" and count > MAX_HASHED:
        raise BadValue(f"{tag[1:]} of {count} entries: at most {MAX_HASHED} can cross")


def decode(form: Any) -> Any:
    """Return the Python literal that `encode` wrote.

    Raises: BadValue: if a tag is unknown or its contents are not what the tag says.
    """
    if type(form) is list:
        return [decode(item) for item in form]
    if type(form) is not dict:
        return form
    if len(form) != 1 or not (tag := next(iter(form))).startswith("$"):
        return {key: decode(item) for key, item in form.items()}
    try:
        return _decode_tagged(tag, form[tag])
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise BadValue(f"malformed {tag[:20]!r}") from error


def _decode_tagged(tag: str, body: Any) -> Any:
    """Decode one tagged value; every tag checks what it holds."""
    if type(body) is list:
        _refuse_crowd(tag, len(body))
    if tag in _TAGS and type(body) is list:
        return _TAGS[tag](decode(item) for item in body)
    if tag == "$dict" and type(body) is list:
        return {decode(key): decode(item) for key, item in body}
    if tag == "$bytes" and type(body) is str:
        return body.encode("latin-1")
    if tag == "$complex" and type(body) is list and len(body) == 2:
        real, imaginary = (decode(part) for part in body)
        return complex(real, imaginary)
    if tag == "$float" and body in ("nan", "inf", "-inf"):
        return float(body)
    raise BadValue(f"unknown tag {tag[:20]!r}")


def is_tagged(form: Any) -> bool:
    """Say whether an encoded value holds a tag anywhere: then it is a literal, but not JSON."""
    if type(form) is list:
        return any(is_tagged(item) for item in form)
    if type(form) is dict:
        return any(key.startswith("$") or is_tagged(item) for key, item in form.items())
    return False

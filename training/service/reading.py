"""What comes in by HTTP, read strictly: a body within its limits, JSON without surprises, triples.

Everything that can be wrong with a request is found here, before anything is scored, and raised as `Refused` with
the status that says whose fault it is.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError, RavelarError
from ravelar.tools.reward import Triple
from ravelar.training.service.settings import ServiceSettings

_COLUMNS = Columns()
Receive = Callable[[], Awaitable[Any]]


class Refused(RavelarError):
    """A request that is not answered as it was meant.

    Args:
        status: The HTTP status.
        message: What is wrong, with the value and what is allowed.
        retry_after_s: When to ask again, where that may help.
        hang_up: Whether the connection is closed, because more of the body may be under way than should be read.
    """

    def __init__(self, status: int, message: str, *, retry_after_s: float | None = None, hang_up: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.hang_up = hang_up


class Bodies:
    """Request bodies in memory, each and together within limits.

    Args:
        settings: The limits.
    """

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self.held = 0

    def check_length(self, announced: str | None) -> None:
        """Refuse by what the header Content-Length says.

        Raises:
            Refused: 413 if it is beyond the limit, 400 if it is no length.
        """
        if announced is None:
            return
        if not (announced.isascii() and announced.isdigit()):
            raise Refused(400, f"Content-Length {announced[:40]!r} is no length")
        if len(announced) > 18 or int(announced) > self._settings.max_body_bytes:
            raise self._too_long(f"{announced[:20]} bytes")

    async def read(self, receive: Receive) -> bytes:
        """Read a body; whoever calls gives it back by `release` when it is done with.

        Raises:
            Refused: 413 if it is too long, 408 if it takes too long, 429 if too much is held already, 400 if the
                client goes away.
        """
        parts: list[bytes] = []
        try:
            async with asyncio.timeout(self._settings.read_limit_s):
                while self._take(await receive(), parts):
                    pass
        except TimeoutError:
            self._drop(parts)
            late = f"the body did not arrive within {self._settings.read_limit_s:g} s"
            raise Refused(408, late, hang_up=True) from None
        except BaseException:
            self._drop(parts)
            raise
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def release(self, body: bytes) -> None:
        """Say that a body is done with."""
        self.held -= len(body)

    def _take(self, message: Mapping[str, Any], parts: list[bytes]) -> bool:
        """Keep a part of a body; return whether more is to come."""
        if message["type"] == "http.disconnect":
            raise Refused(400, "the client went away before its body was complete")
        part = message.get("body", b"")
        size = len(part) + sum(map(len, parts))
        if size > self._settings.max_body_bytes:
            raise self._too_long(f"more than {size:,} bytes")
        if self.held + len(part) > self._settings.max_bytes_in_flight:
            raise Refused(429, f"{self.held:,} bytes of requests are held already", retry_after_s=1.0)
        self.held += len(part)
        parts.append(part)
        return bool(message.get("more_body"))

    def _drop(self, parts: list[bytes]) -> None:
        self.held -= sum(map(len, parts))

    def _too_long(self, size: str) -> Refused:
        most = self._settings.max_body_bytes
        return Refused(413, f"the body is too long: {size}, at most {most:,} are read", hang_up=True)


def parse_object(body: bytes, settings: ServiceSettings) -> dict[str, Any]:
    """Read a body as one JSON object.

    Refused are NaN and infinities, keys that occur twice, numbers that Python would not read, and deep nesting: each
    would mean something else to another reader.

    Raises:
        Refused: 400 if it is no such JSON, 422 if it is no object or nested too deeply.
    """
    try:
        value = _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Refused(422, f"the body is nested too deeply; at most {settings.max_depth} levels are read") from None
    except ValueError as error:  # ours below, or an integer of more digits than Python reads
        raise Refused(400, f"the body is not JSON that can be relied on: {str(error)[:300]}") from None
    if not isinstance(value, dict):
        raise Refused(422, f"the body is {json_type(value)}; an object is needed")
    _check_depth(value, settings.max_depth)
    return value


def triples_of(body: Mapping[str, Any], settings: ServiceSettings) -> tuple[list[Triple], str | None]:
    """Make the triples of a `/score` request; return them and the tool for all of them, if one is named.

    Raises:
        Refused: 422 if a field is missing, of a wrong type or unknown, or there are too many rows (413).
    """
    unknown = set(body) - {"triples", "tool"}
    if unknown:
        raise Refused(422, f"unknown field {min(unknown)!r}; allowed: triples, tool")
    tool = body.get("tool")
    if tool is not None and not isinstance(tool, str):
        raise Refused(422, f"tool is {json_type(tool)}; a tool's name, or null to route, is needed")
    rows = body.get("triples")
    if not isinstance(rows, list):
        raise Refused(422, f"triples is {json_type(rows) if 'triples' in body else 'missing'}; an array is needed")
    check_rows(len(rows), settings)
    return [_triple(i, row) for i, row in enumerate(rows)], tool


def check_rows(rows: int, settings: ServiceSettings) -> None:
    """Refuse a request with too many completions.

    Raises:
        Refused: 413.
    """
    if rows > settings.max_rows:
        raise Refused(413, f"{rows:,} completions in one request; at most {settings.max_rows:,} are allowed")


def json_type(value: object) -> str:
    """Name a JSON value's type, with its article."""
    names = {dict: "an object", list: "an array", str: "a text", bool: "a truth value", int: "a number"}
    return "null" if value is None else names.get(type(value), "a number")


def _triple(i: int, row: object) -> Triple:
    if not isinstance(row, dict):
        raise Refused(422, f"triples[{i}] is {json_type(row)}; an object with prompt and completion is needed")
    for name in ("prompt", "completion"):
        if not isinstance(row.get(name), str | list):
            said = json_type(row[name]) if name in row else "missing"
            raise Refused(422, f"triples[{i}].{name} is {said}; text or chat messages are needed")
    try:
        return _COLUMNS.triple(row)
    except InputError as error:
        raise Refused(422, f"triples[{i}]: {error}") from None


def _check_depth(value: object, most: int) -> None:
    """Refuse nesting that readers further on may not survive.

    Raises:
        Refused: 422.
    """
    level = [value]
    for _ in range(most):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return
    raise Refused(422, f"the body is nested too deeply; at most {most} levels are read")


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} occurs twice in one object")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_finite)

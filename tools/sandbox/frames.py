"""Frames: a length in four bytes, then that much strict JSON. Nothing is ever unpickled.

Text is UTF-8 with lone surrogates passed through, so that every Python string survives, NULs too. A reader
refuses a frame by its length before it holds it, and by its depth before it parses it; NaN, infinities and
integers of thousands of digits are refused as well. Standard library only: the jailed worker imports it.
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

HEADER_BYTES = 4
MAX_BRACKET_DEPTH = 128
MAX_INT_DIGITS = 4_000  # Python refuses to read 4,300 and more, but a caller may have lifted that

_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)

# One encoder for the life of the process: json.dumps would build one per call, and a program may replace it.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode


class BadFrame(ValueError):
    """Bytes on the channel that are no frame of ours."""


def dump(message: Any) -> bytes:
    """Return a JSON message as bytes; datagrams carry it as it is."""
    return _encode(message).encode("utf-8", "surrogatepass")


def pack(message: Any) -> bytes:
    """Return the frame that holds a JSON message."""
    return frame_of(_encode(message).encode("utf-8", "surrogatepass"))


def frame_of(body: bytes) -> bytes:
    """Return the frame of a body that is JSON already."""
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def parse(body: bytes | bytearray) -> Any:
    """Return the message of one frame's body.

    Raises: BadFrame: if it is not strict JSON, is too deep, or holds a number out of bounds.
    """
    if _too_deep(body):
        raise BadFrame("the frame is nested too deep")
    try:
        text = body.decode("utf-8", "surrogatepass")
        message, end = _scan(text, 0)
    except BadFrame:
        raise
    except (ValueError, StopIteration, RecursionError) as error:
        raise BadFrame(f"the frame is not JSON: {str(error)[:80]}") from error
    if end != len(text):
        raise BadFrame("the frame holds more than one message")
    return message


def _too_deep(body: bytes | bytearray) -> bool:
    """Say whether JSON text nests so deep that a recursive parser must not meet it."""
    if body.count(b"[") + body.count(b"{") <= MAX_BRACKET_DEPTH:
        return False
    depth = 0
    for match in _BRACKETS.finditer(body):
        bracket = match.group()
        depth += 1 if bracket in (b"[", b"{") else -1 if bracket in (b"]", b"}") else 0
        if depth > MAX_BRACKET_DEPTH:
            return True
    return False


def _bounded_int(digits: str) -> int:
    """Read an integer whose digits are few enough to be cheap."""
    if len(digits) > MAX_INT_DIGITS:
        raise BadFrame(f"an integer of {len(digits)} digits")
    return int(digits)


def _finite_float(text: str) -> float:
    """Read a float that JSON's grammar allows and a double holds: 1e999 is no number."""
    number = float(text)
    if not math.isfinite(number):
        raise BadFrame("a number beyond a double's range")
    return number


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python's JSON would let through."""
    raise BadFrame(f"{name} is no JSON")


_decoder = json.JSONDecoder(parse_int=_bounded_int, parse_float=_finite_float, parse_constant=_refuse_constant)
_scan: Callable[[str, int], tuple[Any, int]] = _decoder.scan_once  # type: ignore[attr-defined]


class FrameBuffer:
    """Bytes as they arrive, handed out frame by frame.

    Args:
        max_bytes: The longest body that is taken.
    """

    __slots__ = ("_buffer", "_start", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._buffer = bytearray()
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Take what the channel gave."""
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        self._buffer += data

    def next_body(self) -> bytearray | None:
        """Return the next frame's body, or None while it is not all here.

        Raises: BadFrame: if its length is zero or over the bound; nothing of it is read then.
        """
        body_at = self._start + HEADER_BYTES
        if len(self._buffer) < body_at:
            return None
        length = int.from_bytes(self._buffer[self._start : body_at], "big")
        if not 0 < length <= self.max_bytes:
            raise BadFrame(f"a frame of {length} bytes: 1 to {self.max_bytes} are taken")
        end = body_at + length
        if len(self._buffer) < end:
            return None
        self._start = end
        return self._buffer[body_at:end]

    @property
    def empty(self) -> bool:
        """Whether every byte that arrived was handed out."""
        return self._start == len(self._buffer)

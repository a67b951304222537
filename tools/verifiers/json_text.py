"""Strict JSON from a completion: one document, no NaN, no key twice, no endless nesting."""

import json
import math
import re
from typing import Any, NoReturn

MAX_DEPTH = 32  # ours: deeper data is no answer to a prompt, and recursion over it must end
_FENCE = re.compile(r"```[ \t]*(?:json)?[ \t]*\n(.*?)\n?[ \t]*```", re.IGNORECASE | re.DOTALL)


class NotJson(ValueError):
    """A text that is no single JSON document within the bounds."""


def read_json(text: str) -> Any:
    """Read one JSON document that is the whole text.

    Raises:
        NotJson: if it is not: also for NaN and infinities (1e999 too), a key given twice, more than
            `MAX_DEPTH` levels, or an integer of more digits than Python reads.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"no JSON: {error or 'nested too deeply'}"[:200]) from None
    if depth_beyond(value, MAX_DEPTH):
        raise NotJson(f"no JSON of at most {MAX_DEPTH} levels")
    return value


def read_json_answer(answer: str) -> Any:
    """Read the JSON of an answer: the whole of it, or its only fenced block (```json, or unnamed).

    Raises:
        NotJson: if there is none, or there are several blocks of any kind.
    """
    text = answer.strip()
    if "```" not in text or text[:1] in ('"', "{", "["):
        return read_json(text)
    block = _FENCE.search(text) if text.count("```") == 2 else None  # counted first: the search stays linear
    if block is None:
        raise NotJson("not exactly one fenced block of JSON")
    return read_json(block[1])


def depth_beyond(value: Any, limit: int) -> bool:
    """Say whether lists and mappings are nested more than `limit` deep, without recursion."""
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for node in level
            if isinstance(node, dict | list | tuple)
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return False
    return True


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is out of range")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        raise ValueError("a key is given twice")
    return mapping

"""Read what language models write: JSON within prose, code within fences, as they really come.

Tolerated: prose before and after, fences of any kind or none, a language tag or none, reasoning blocks, raw line
breaks within strings, trailing commas. Not tolerated, because a guess would be needed: text that is cut off, and two
objects that both fit but differ.
"""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from ravelar.tools.completion import without_reasoning

_MOST_STARTS = 300  # ours: how many opening braces are tried; real replies hold a handful
_MOST_ERRORS = 8
_OPENING = re.compile(r"\{\s*\"")
_FENCE = re.compile(r"^[ \t]{0,3}(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_HARMONY = ("<|channel|>", "<|start|>")
_OPENS = re.compile(r"<(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_CLOSES = re.compile(r"</(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_CODE_START = re.compile(r"^(?:import\s|from\s+\S+\s+import\s|def\s|class\s|@\w|[A-Z_][A-Z0-9_]*\s*(?::.*)?=)")

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Attributes:
        language: The word after the fence, in lower case; "" if there is none.
        text: What stands in it.
        closed: Whether its closing fence is there.
        outside: Start and end of the block in the text, fences included.
    """

    language: str
    text: str
    closed: bool
    outside: tuple[int, int]


def visible(text: str) -> str:
    """Return a reply without the reasoning block that it begins with; tags further on are part of the reply.

    Raises:
        ValueError: if the block never ends.
    """
    begun = text.lstrip()
    if begun.startswith(_HARMONY):
        shown = without_reasoning(begun)
    elif _OPENS.match(begun):
        found = _CLOSES.search(begun)
        shown = None if found is None else begun[found.end() :]
    else:  # chat templates may have opened the block in the prompt
        found = _CLOSES.search(text)
        alone = found is not None and not _OPENS.search(text, 0, found.start()) and text[found.end() :][:1] in "\r\n"
        shown = text[found.end() :] if found is not None and alone else text
    if shown is None:
        raise ValueError("the reply was cut off within its reasoning; think less, and answer")
    return shown


def read_object(text: str, model: type[M]) -> M:
    """Return the one JSON object in a text that fits the model.

    Raises:
        ValueError: if none fits, or if several do and differ; says why in words that a model can act on.
    """
    found: list[M] = []
    problem: ValidationError | None = None
    for value in _objects(text):
        try:
            instance = model.model_validate(value)
        except ValidationError as error:
            problem = problem or error
        else:
            if instance not in found:
                found.append(instance)
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"the reply holds {len(found)} different JSON objects that fit; give exactly one")
    # Where the outermost object is cut off, its inner ones are read, and misfit: that is not what is wrong.
    if problem is not None and not _cut_off(text):
        raise ValueError(f"the JSON object does not fit:\n{explain(problem)}")
    raise ValueError(_what_is_broken(text))


def explain(error: ValidationError) -> str:
    """List a validation's complaints, one a line, without quoting more than the places and the rules."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    lines = [f"- {'.'.join(map(str, e['loc'])) or 'the object'}: {e['msg']}" for e in errors[:_MOST_ERRORS]]
    if len(errors) > _MOST_ERRORS:
        lines.append(f"- and {len(errors) - _MOST_ERRORS} more")
    return "\n".join(lines)


def fenced_blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a text in order; a fence is closed by one of its own kind, else by any other."""
    lines = text.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    blocks, row = [], 0
    while row < len(lines):
        opening = _FENCE.match(lines[row].rstrip("\r\n"))
        if opening is None:
            row += 1
            continue
        stop, closed = _end(lines, row + 1, opening["fence"])
        after = stop + closed
        language = (opening["info"].split() or [""])[0].strip("{}.").lower()
        blocks.append(Block(language, "".join(lines[row + 1 : stop]), closed, (starts[row], starts[after])))
        row = after
    return blocks


def read_code(text: str, function: str) -> tuple[str, str]:
    """Return the Python source in a reply that defines `function`, and the reply without it.

    Of several fenced blocks that define it, the last counts: models revise themselves. Without fences, the
    longest run of lines that parses and defines it.

    Raises:
        ValueError: if there is none, if it is cut off, or if it does not parse; says where.
    """
    defines = re.compile(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(function)}\b", re.MULTILINE)
    blocks = [block for block in fenced_blocks(text) if defines.search(block.text)]
    if not blocks:
        return _unfenced(text, defines, function)
    block = blocks[-1]
    if not block.closed:
        raise ValueError("the code block is never closed: the code seems to be cut off; write it whole, and shorter")
    try:
        ast.parse(block.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the code does not parse: {error}") from None
    rest = text
    for other in reversed(blocks):
        rest = rest[: other.outside[0]] + rest[other.outside[1] :]
    return block.text.strip("\n") + "\n", rest


def _end(lines: list[str], start: int, fence: str) -> tuple[int, bool]:
    """Return the row at which a block ends, and whether a closing fence stands there."""
    other: int | None = None
    for row in range(start, len(lines)):
        match = _FENCE.match(lines[row].rstrip("\r\n"))
        if match is None:
            continue
        if match["info"].strip():  # the next block opens: this one's closing fence is of another kind, or forgotten
            return (row, False) if other is None else (other, True)
        if match["fence"][0] == fence[0] and len(match["fence"]) >= len(fence):
            return row, True
        other = row if other is None else other
    return (len(lines), False) if other is None else (other, True)


def _unfenced(text: str, defines: re.Pattern[str], function: str) -> tuple[str, str]:
    found = defines.search(text)
    if found is None:
        raise ValueError(f"there is no Python code block that defines {function}(...)")
    lines = text.splitlines(keepends=True)
    row = text[: found.start()].count("\n")
    first = next((i for i, line in enumerate(lines[: row + 1]) if _CODE_START.match(line)), row)
    for start in sorted({first, row}):
        for stop in range(len(lines), row, -1):
            source = "".join(lines[start:stop])
            if _parses(source):
                return source.strip("\n") + "\n", "".join([*lines[:start], *lines[stop:]])
    raise ValueError(
        f"the code that defines {function}(...) does not parse, or is cut off; put it in a ```python block"
    )


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _objects(text: str) -> Iterator[Any]:
    at = text.find("{")
    for _ in range(_MOST_STARTS):
        if at < 0:
            return
        try:
            value, at = _decode(text, at)
            yield value
        except (ValueError, RecursionError):
            at += 1
        at = text.find("{", at)


def _decode(text: str, start: int) -> tuple[Any, int]:
    decoder = json.JSONDecoder(strict=False, parse_constant=_no_constant)
    try:
        return decoder.raw_decode(text, start)
    except ValueError:
        stop, commas = _balanced(text, start)
        if not commas:
            raise
        whole = "".join(char for i, char in enumerate(text[start:stop], start) if i not in commas)
        return decoder.decode(whole), stop


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _balanced(text: str, start: int) -> tuple[int, set[int]]:
    """Return where the object that opens at `start` ends, and where trailing commas stand in it.

    Raises: ValueError: if it never ends.
    """
    depth, at, in_string = 0, start, False
    comma: int | None = None
    commas: set[int] = set()
    while at < len(text):
        char = text[at]
        if in_string:
            at += char == "\\"
            in_string = char != '"'
        elif char in "}]":
            if comma is not None:
                commas.add(comma)
            depth -= 1
            if depth == 0:
                return at + 1, commas
        elif not char.isspace():
            depth += char in "{["
            in_string = char == '"'
        if not char.isspace():
            comma = at if char == "," and not in_string else None
        at += 1
    raise ValueError("the JSON object is cut off: it never ends")


def _first_object(text: str) -> int:
    opening = _OPENING.search(text)
    return text.find("{") if opening is None else opening.start()


def _cut_off(text: str) -> bool:
    try:
        _balanced(text, _first_object(text))
    except ValueError:
        return True
    return False


def _what_is_broken(text: str) -> str:
    start = _first_object(text)
    if start < 0:
        return "there is no JSON object in the reply"
    try:
        _balanced(text, start)
        _decode(text, start)
    except json.JSONDecodeError as error:
        return f"the JSON object is malformed: {error.msg} at line {error.lineno} of the reply"
    except ValueError as error:
        return str(error)
    except RecursionError:
        return "the JSON object is nested too deeply"
    return "there is no JSON object in the reply that fits"

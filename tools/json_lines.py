"""JSON lines that survive a kill: each line is written with one system call, and a last line cut short is found."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ravelar.tools.errors import InputError


class Line(NamedTuple):
    """A finished line.

    Attributes:
        number: Its place, from 0.
        end: Bytes of the file up to its end.
        row: What stands on it.
    """

    number: int
    end: int
    row: Mapping[str, Any]


def append_row(descriptor: int, row: Mapping[str, Any]) -> None:
    """Append one row with one system call, so that a kill leaves whole lines behind; the file is open for appending."""
    data = (json.dumps(row) + "\n").encode()
    while data:
        data = data[os.write(descriptor, data) :]


def finished_lines(path: Path, what: str) -> Iterator[Line]:
    """Yield a file's finished lines; a last line that was cut short is left out.

    Args:
        path: The file.
        what: What a line should be, for the message, such as "a row of rewards".

    Raises:
        InputError: if a line that is not the last, or that has its end, is no JSON object.
    """
    end = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines):
            row = _row(line)
            if row is None:
                if line.endswith(b"\n") or lines.read(1):
                    raise InputError(f"{path}:{number + 1}: not {what}; can't resume this file")
                return
            end += len(line)
            yield Line(number, end, row)


def _row(line: bytes) -> Mapping[str, Any] | None:
    if not line.endswith(b"\n"):
        return None
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None

"""Records of a benchmark's files: JSON lines, Parquet, or one JSON array, packed or not."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ravelar.tools.errors import InputError
from ravelar.tools.rows import BadRow, read_rows


class Record(NamedTuple):
    """A record and where it stands."""

    place: str
    values: Mapping[str, Any]
    file: Path


def read_records(paths: Sequence[Path]) -> Iterator[Record]:
    """Read the records of files, in order.

    Raises:
        InputError: if a file is missing, of an unknown format, or a record can't be read.
    """
    for path in paths:
        if not path.is_file():
            raise InputError(f"{path}: {'is a folder, not a file' if path.is_dir() else 'no such file'}")
        if (array := _array(path)) is not None:
            yield from _of_array(path, array)
            continue
        for row in read_rows(str(path)):
            if isinstance(row, BadRow):
                raise InputError(f"{row.place}: {row.reason}")
            yield Record(row.place, row.values, path)


def field(record: Record, name: str, kind: type | tuple[type, ...]) -> Any:
    """Return a field of a record.

    Raises:
        InputError: if it is missing or of another type; names file and line.
    """
    value = record.values.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise InputError(f"{record.place}: {name} is {type(value).__name__} {value!r:.60}; allowed: {names}")
    return value


def texts(record: Record, name: str) -> list[str]:
    """Return a field that is a list of texts; a single text is a list of one.

    Raises:
        InputError: if it is anything else, or empty.
    """
    value = record.values.get(name)
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise InputError(f"{record.place}: {name} is {type(value).__name__} {value!r:.60}; allowed: a list of texts")
    return found


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


def _array(path: Path) -> list[Any] | None:
    """Return the records of a file that is one JSON value: an array, or an object of columns; None if it is not one."""
    if ".json" not in path.suffixes:
        return None
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as text:
            begins = text.read(1024).lstrip()[:1]
            text.seek(0)
            found = json.load(text) if begins in {"[", "{"} else None
    except json.JSONDecodeError as error:
        if begins == "{":
            return None  # JSON lines under the name of JSON
        raise InputError(f"{path}: not a readable JSON array: {error}") from None
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON: {error}") from None
    return _of_columns(found) if isinstance(found, dict) else found


def _of_columns(found: Mapping[str, Any]) -> list[Any] | None:
    """Turn an object of equally long lists into records, other values being the same in all; None if it is no such."""
    lists = {name: value for name, value in found.items() if isinstance(value, list)}
    lengths = {len(value) for value in lists.values()}
    if len(lists) < 2 or len(lengths) != 1:
        return None
    rest = {name: value for name, value in found.items() if name not in lists}
    return [{**rest, **dict(zip(lists, cells, strict=True))} for cells in zip(*lists.values(), strict=True)]


def _of_array(path: Path, array: list[Any]) -> Iterator[Record]:
    for number, values in enumerate(array):
        if not isinstance(values, dict):
            raise InputError(f"{path}[{number}]: a record is a JSON object, got {type(values).__name__}")
        yield Record(f"{path}[{number}]", values, path)

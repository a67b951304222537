"""Reading rows from JSON lines, CSV and Parquet, one at a time, whatever the file's size.

A row that can't be read is a `BadRow` in its place: it names file and line, and the rows after it go on.
"""

import csv
import gzip
import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ravelar.tools.errors import InputError

RowFormat = Literal["jsonl", "csv", "parquet"]
_SUFFIXES: Mapping[str, RowFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
}
_PARQUET_BATCH = 512  # rows fetched at once


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read.

    Attributes:
        place: Where it stands, as "file:line" (Parquet: "file:row n", counted from 1).
        values: Column name to value, JSON-plain.
        offset: Bytes of the file read so far, for progress.
    """

    place: str
    values: Mapping[str, Any]
    offset: int


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be read, where it stands, and why."""

    place: str
    reason: str
    offset: int


def read_rows(path: str, row_format: RowFormat | None = None) -> Iterator[Row | BadRow]:
    """Read a file's rows in order; `-` is standard input, and `.gz` is unpacked.

    Args:
        path: The file.
        row_format: Its format; None means by its suffix (standard input: JSON lines).

    Raises:
        InputError: at once, if the file is missing, of an unknown format, or its header can't be read.
    """
    chosen = row_format or _format_of(path)
    if path != "-" and not Path(path).is_file():
        raise InputError(f"{path}: {'is a folder, not a file' if Path(path).is_dir() else 'no such file'}")
    if chosen == "parquet":
        return _parquet_rows(path)
    return _jsonl_rows(path) if chosen == "jsonl" else _csv_rows(path)


def size_of(path: str) -> int | None:
    """Return a file's size in bytes, the unit of `Row.offset`; None for standard input."""
    return None if path == "-" else Path(path).stat().st_size


def _format_of(path: str) -> RowFormat:
    if path == "-":
        return "jsonl"
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    last = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else (suffixes or [""])[-1]
    if last not in _SUFFIXES:
        suffix = f"the suffix {last!r} tells no format" if last else "it has no suffix to tell its format by"
        raise InputError(f"{path}: {suffix}; known: {', '.join(_SUFFIXES)} (.gz too), or give --format")
    return _SUFFIXES[last]


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a file for reading; yield the unpacked stream and the one whose position shows progress."""
    if path == "-":
        yield sys.stdin.buffer, sys.stdin.buffer
        return
    with Path(path).open("rb") as packed:
        if not path.endswith(".gz"):
            yield packed, packed
            return
        with gzip.GzipFile(fileobj=packed) as unpacked:
            yield io.BufferedReader(unpacked), packed


def _position(stream: BinaryIO) -> int:
    return stream.tell() if stream.seekable() else 0


def _jsonl_rows(path: str) -> Iterator[Row | BadRow]:
    with _opened(path) as (lines, packed):
        number = 0
        try:
            for line in lines:
                number += 1
                if line.strip():
                    yield _jsonl_row(line, f"{path}:{number}", _position(packed))
        except (gzip.BadGzipFile, EOFError, OSError) as error:
            yield BadRow(f"{path}:{number + 1}", f"can't be read further: {error}", _position(packed))


def _jsonl_row(line: bytes, place: str, offset: int) -> Row | BadRow:
    try:
        values = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return BadRow(place, f"not UTF-8: {error.reason} at byte {error.start}", offset)
    except json.JSONDecodeError as error:
        return BadRow(place, f"not JSON: {error.msg} at column {error.colno}", offset)
    except RecursionError:
        return BadRow(place, "nested too deeply", offset)
    except ValueError as error:  # an integer of more digits than Python reads
        return BadRow(place, f"not usable JSON: {error}", offset)
    if not isinstance(values, dict):
        hint = "; a file that is one JSON array becomes rows by: jq -c '.[]' FILE" if isinstance(values, list) else ""
        return BadRow(place, f"a row is a JSON object, got {_json_type(values)}{hint}", offset)
    return Row(place, values, offset)


def _json_type(value: object) -> str:
    names = {list: "an array", str: "a text", bool: "a truth value", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def _csv_rows(path: str) -> Iterator[Row | BadRow]:
    csv.field_size_limit(1 << 30)  # a completion of 10 MB is one cell
    with _opened(path) as (stream, packed):
        # Bytes that are no UTF-8 become lone surrogates, which every tool must survive, and are not lost.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        reader = csv.reader(text, strict=True)
        header = next(reader, None)
        if not header:
            yield BadRow(f"{path}:1", "empty: a CSV file starts with a header line", 0)
            return
        yield from _csv_body(path, reader, header, packed)


def _csv_body(path: str, reader: Any, header: list[str], packed: BinaryIO) -> Iterator[Row | BadRow]:
    while True:
        place = f"{path}:{reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(place, f"not CSV: {error}", _position(packed))
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield BadRow(place, f"{len(cells)} cells, but the header names {len(header)} columns", _position(packed))
            continue
        yield Row(place, {name: _csv_value(cell) for name, cell in zip(header, cells, strict=True)}, _position(packed))


def _csv_value(cell: str) -> Any:
    """Read a cell: a JSON object or a list of JSON objects is what it says, all else is text."""
    if cell.startswith(("{", "[{")):
        try:
            return json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return cell


def _parquet_rows(path: str) -> Iterator[Row | BadRow]:
    if path == "-":
        raise InputError("Parquet can't be read from standard input; name a file")
    import duckdb  # noqa: PLC0415  50 ms that JSON lines need not pay

    # No extension is ever fetched, and one thread keeps the rows in the file's order at a small, flat memory.
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "threads": 1,
    }
    connection = duckdb.connect(config=settings)
    try:
        total = connection.execute("SELECT sum(num_rows) FROM parquet_file_metadata(?)", [path]).fetchone()
        result = connection.execute("SELECT * FROM read_parquet(?)", [path])
    except duckdb.Error as error:
        raise InputError(f"{path}: not a readable Parquet file: {str(error).splitlines()[0]}") from None
    bytes_per_row = (size_of(path) or 0) / max(1, total[0] or 0) if total else 0.0
    return _parquet_body(path, result, bytes_per_row)


def _parquet_body(path: str, result: Any, bytes_per_row: float) -> Iterator[Row | BadRow]:
    names = [column[0] for column in result.description]
    number = 0
    while batch := result.fetchmany(_PARQUET_BATCH):
        for cells in batch:
            number += 1
            values = {name: _plain(cell) for name, cell in zip(names, cells, strict=True)}
            yield Row(f"{path}:row {number}", values, int(number * bytes_per_row))


def _plain(cell: Any) -> Any:
    """Return a Parquet value as JSON has it: decimals as numbers, dates as ISO text, bytes as text."""
    if cell is None or isinstance(cell, str | int | float):
        return cell
    if isinstance(cell, list | tuple):
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(value) for key, value in cell.items()}
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    return cell.isoformat() if isinstance(cell, date | time) else str(cell)

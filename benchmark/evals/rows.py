"""Rows of a stage: append-only JSON lines, one row per key; what a kill leaves behind is still a file of whole rows.

A row is a mapping with a `key`. A row with an `error` has failed: it is kept and counted, and made again only on
request. Of several rows with one key the last counts.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from ravelar.tools.errors import InputError

Row = dict[str, Any]


def read_rows_by_key(path: Path) -> dict[str, Row]:
    """Return the last row of each key, in the order in which the keys first came; {} if there is no file.

    A broken last line, which a kill leaves behind, is passed over.

    Raises:
        InputError: if another line is broken, or is no row with a text `key`.
    """
    found: dict[str, Row] = {}
    for row in _whole_rows(path):
        found[row["key"]] = row
    return found


class RowFile:
    """A file of rows that is being written, by one process at a time.

    Args:
        path: The file; made if need be, and its broken end cut off.

    Raises:
        InputError: if another process is writing it, it can't be opened, or a line is broken.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(f"{path}.lock", timeout=0)
            self._lock.acquire()
        except Timeout:
            raise InputError(f"{path} is being written by another process") from None
        except OSError as error:
            raise InputError(f"{path} can't be written: {error.strerror}") from None
        try:
            self._failed = {row["key"]: row.get("error") is not None for row in _whole_rows(path)}
            _cut_broken_end(path)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row, whole.

        Raises:
            InputError: if the disk is full or the file can't be written; what was written before stays whole.
        """
        line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogatepass") + b"\n"
        before = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(28, "no space left for the whole row")
        except OSError as error:
            os.ftruncate(self._file, before)
            raise InputError(f"{self.path} can't be written: {error.strerror}") from None
        self._failed[row["key"]] = row.get("error") is not None

    def wanted(self, keys: Iterable[str], *, retry_failed: bool) -> list[str]:
        """Return the keys that have no row yet, and on request those whose row has failed, in the given order."""
        return [key for key in keys if key not in self._failed or (retry_failed and self._failed[key])]

    def close(self) -> None:
        """Close the file and let others write it."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
            self._lock.release()


def _whole_rows(path: Path) -> Iterator[Row]:
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return  # a kill came while it was written
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{path}, line {number} is no JSON: {error}") from None
            if not isinstance(row, dict) or not isinstance(row.get("key"), str):
                raise InputError(f"{path}, line {number} is no row: a mapping with a text 'key' is needed")
            yield row


def _cut_broken_end(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as file:
        data_end = file.seek(0, os.SEEK_END)
        while data_end:
            start = max(0, data_end - 65_536)
            file.seek(start)
            at = file.read(data_end - start).rfind(b"\n")
            if at >= 0:
                file.truncate(start + at + 1)
                return
            data_end = start
        file.truncate(0)

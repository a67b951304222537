"""Rows of a stage: append-only JSON lines, one row per key; what a kill leaves behind is still a file of whole rows.

A row is a mapping with a `key`. A row with an `error` has failed: it is kept and counted, and made again only on
request. Of several rows with one key the last counts.
"""

import errno
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from filelock import FileLock, Timeout

from ravelar.benchmark.evals.row_file import every_row
from ravelar.tools.errors import InputError
from ravelar.tools.json_lines import append_row, finished_lines

Row = dict[str, Any]


def read_rows_by_key(path: Path) -> dict[str, Row]:
    """Return the last row of each key, in the order in which the keys first came; {} if there is no file.

    A broken last line, which a kill leaves behind, is passed over.

    Raises:
        InputError: if another line is broken, or is no row with a text `key`.
    """
    return {row["key"]: dict(row) for row in every_row(path)} if path.exists() else {}


class StageRows:
    """The rows of a stage while it runs: several stages may add to one file, one process at a time.

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
            there = every_row(path) if path.exists() else ()
            self._failed = {row["key"]: row.get("error") is not None for row in there}
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.ftruncate(self._file, max((line.end for line in finished_lines(path, "a row of a run")), default=0))
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
        before = os.fstat(self._file).st_size
        try:
            append_row(self._file, row)
        except OSError as error:
            os.ftruncate(self._file, before)
            why = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
            raise InputError(f"{self.path} can't be written: {why}") from None
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

"""The file of rewards: one JSON object a row, appended whole, so that any interruption leaves valid lines."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from ravelar.tools.errors import InputError
from ravelar.tools.json_lines import append_row, finished_lines


class RewardFile:
    """Rewards on disk, or on standard output where no path is given.

    Args:
        path: The file; None for standard output.
        resume: Keep what an earlier run wrote; a last line that it did not finish is cut off.
        overwrite: Replace what an earlier run wrote.

    Raises:
        InputError: if the file exists and neither flag is given, if its folder does not exist, or if a
            file to be resumed holds anything but rows 0, 1, 2 ...
    """

    def __init__(self, path: Path | None, *, resume: bool = False, overwrite: bool = False) -> None:
        if resume and overwrite:
            raise InputError("--resume keeps the file and --overwrite replaces it; give one of them")
        if path is None and resume:
            raise InputError("--resume needs --out FILE: standard output can't be continued")
        self.path = path
        self._resume = resume
        if path is not None:
            self._check(path, may_exist=resume or overwrite)
        self._truncate = overwrite
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        if self.path is None:
            sys.stdout.flush()
            self._descriptor = os.dup(sys.stdout.fileno())
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if self._truncate else 0)
            self._descriptor = os.open(self.path, flags, 0o644)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def written(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows that an earlier run finished, and cut off what it did not."""
        if self.path is None or not self._resume or not self.path.exists():
            return
        whole = 0
        for line in finished_lines(self.path, "a row of rewards"):
            if line.row.get("row") != line.number:
                found = line.row.get("row")
                raise InputError(f"{self.path}:{line.number + 1}: row {found!r} where {line.number} was expected")
            whole = line.end
            yield line.row
        os.truncate(self.path, whole)

    def append(self, row: Mapping[str, Any]) -> None:
        """Write one row with one system call, so that a kill leaves whole lines behind."""
        if self._descriptor is None:
            raise RuntimeError("RewardFile is used as a context manager")
        append_row(self._descriptor, row)

    @staticmethod
    def _check(path: Path, *, may_exist: bool) -> None:
        if not path.parent.is_dir():
            raise InputError(f"--out {path}: there is no folder {path.parent}")
        if path.exists() and not may_exist and path.stat().st_size:
            raise InputError(f"--out {path} exists; --resume continues it, --overwrite replaces it")

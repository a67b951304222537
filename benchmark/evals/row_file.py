"""A file of rows by key: append-only, safe under kill, resumable; the last row of a key is the one that counts.

file.jsonl            one JSON object a line, each with a "key"; a failed row has an "error"
file.jsonl.manifest   what the rows were made from; a run with another manifest does not continue them
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from ravelar.tools.errors import InputError
from ravelar.tools.json_lines import append_row, finished_lines

Row = Mapping[str, Any]


def read_rows_by_key(path: Path) -> dict[str, Row]:
    """Read a file of rows; return the last row of each key, in the order in which keys first came.

    Raises:
        InputError: if it is not there, or a line is no row with a key.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    return {row["key"]: row for row in every_row(path)}


def every_row(path: Path) -> Iterator[Row]:
    """Yield all rows of a file, those that later ones of their key replaced as well: what was paid for, say.

    Raises:
        InputError: if a line is no row with a key.
    """
    for line in finished_lines(path, "a row of a run"):
        if not isinstance(line.row.get("key"), str):
            raise InputError(f"{path}:{line.number + 1}: a row has no key; this is no file of rows")
        yield line.row


class RowFile:
    """Rows on disk while a run writes them. Used as a context manager; one run at a time.

    Args:
        path: The file.
        manifest: What the rows are made from, as plain JSON.
        resume: Keep what an earlier run wrote; a last line that it did not finish is cut off.
        overwrite: Replace what an earlier run wrote.

    Attributes:
        rows: The rows that count, by key.

    Raises:
        InputError: if the file exists and neither flag is given, both are, its folder does not exist, it holds
            anything but rows, or another manifest.
    """

    def __init__(
        self, path: Path, manifest: Mapping[str, Any], *, resume: bool = False, overwrite: bool = False
    ) -> None:
        if resume and overwrite:
            raise InputError("--resume keeps the file and --overwrite replaces it; give one of them")
        if not path.parent.is_dir():
            raise InputError(f"--out {path}: there is no folder {path.parent}")
        if path.is_dir():
            raise InputError(f"--out {path} is a folder")
        exists = path.exists() and path.stat().st_size > 0
        if exists and not (resume or overwrite):
            raise InputError(f"--out {path} exists; --resume continues it, --overwrite replaces it")
        self.path, self.manifest = path, dict(manifest)
        self._overwrite = overwrite
        self._descriptor: int | None = None
        self.rows: dict[str, Row] = {}
        if exists and resume:
            self._check_manifest()

    @property
    def manifest_path(self) -> Path:
        """Where the manifest stands."""
        return manifest_path(self.path)

    def __enter__(self) -> Self:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise InputError(f"--out {self.path}: another run is writing this file") from None
        try:
            self._start(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return self

    def __exit__(self, *_error: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, row: Row) -> None:
        """Write one row with one system call; from now on it is the one of its key."""
        if self._descriptor is None:
            raise RuntimeError("RowFile is used as a context manager")
        append_row(self._descriptor, row)
        self.rows[row["key"]] = row

    def _start(self, descriptor: int) -> None:
        if self._overwrite:
            os.ftruncate(descriptor, 0)
        self.rows = read_rows_by_key(self.path)
        whole = 0
        for line in finished_lines(self.path, "a row of a run"):
            whole = line.end
        os.ftruncate(descriptor, whole)
        part = self.manifest_path.with_name(self.manifest_path.name + ".part")
        part.write_text(json.dumps(self.manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(self.manifest_path)

    def _check_manifest(self) -> None:
        before = read_manifest(self.path)
        now = json.loads(json.dumps(self.manifest))
        for name in sorted({*before, *now}):
            if name not in _MAY_DIFFER and before.get(name) != now.get(name):
                raise InputError(
                    f"--resume {self.path}: {name} is {now.get(name)!r:.200} now and was {before.get(name)!r:.200}; "
                    "rows of both in one file could not be compared"
                )


_MAY_DIFFER = frozenset({"ravelar", "python"})


def manifest_path(path: Path) -> Path:
    """Return where the manifest of a file of rows stands."""
    return path.with_name(path.name + ".manifest")


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a file of rows.

    Raises:
        InputError: if there is none, or it can't be read.
    """
    try:
        found = json.loads(manifest_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{manifest_path(path)}: no readable manifest of {path.name}: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{manifest_path(path)}: a manifest is a JSON object")
    return found

"""The published files of C3EBench: fetched, rebuilt from their parts, and proved by their git blob ids.

English is, byte for byte, four files one after the other. Chinese is four files joined to one list, without the
longest texts, of which 200 items a task are drawn; how is told in the published repository, and done here without
pandas. A file whose hash is not the published one is never used in silence: the error names both.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ravelar.tools.errors import InputError

SOURCE = "https://raw.githubusercontent.com/ZhuoerFeng/RAVEL-Reasoning-Agents-Text-Eval/main"
BLOBS: Mapping[str, str] = {  # source: the published repository, as of August 2026
    "english_dataset.jsonl": "9a0fa22e702eb863ab9fae6efc086940f16d8a11",
    "chinese_dataset_v2.jsonl": "9ab577bdda096573ea0a9778ed469dd41f9b898e",
}
ENGLISH_PARTS = (
    "english_dataset/cloze/step_4_cloze_benchmark.jsonl",
    "english_dataset/condition/step_4_condition_benchmark.jsonl",
    "english_dataset/edit/step_7_edit_revised_instruction.jsonl",
    "english_dataset/end2end/step_4_end2end_benchmark.jsonl",
)
CHINESE_PARTS: Mapping[str, str] = {
    "cloze": "chinese_dataset/cloze/prompts_cloze.jsonl",
    "condition": "chinese_dataset/condition/prompts_condition.jsonl",
    "edit": "chinese_dataset/edit/prompts_edit_subtask.jsonl",
    "end2end": "chinese_dataset/end2end/prompts_end2end.jsonl",
}
_LONGEST_REFERENCE, _LONGEST_INPUT = 4_000, 5_000  # characters
_PER_TASK, _SEED = 200, 42
_LARGEST_PART = 64 * 2**20  # bytes

Read = Callable[[str], bytes]
"""From a path in the published repository to the file's bytes."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A rebuilt file.

    Attributes:
        name: Its published name.
        data: Its bytes.
        blob: The git blob id of these bytes.
    """

    name: str
    data: bytes
    blob: str

    @property
    def proved(self) -> bool:
        """Whether it is the published file, byte for byte."""
        return self.blob == BLOBS[self.name]


def blob_id(data: bytes) -> str:
    """Return the git blob id of a file: SHA-1 over its length and its bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def rebuild(read: Read) -> list[Rebuilt]:
    """Rebuild both files from their parts.

    Raises:
        InputError: if a part can't be had, or can't be read; names it.
    """
    english = b"".join(read(part) for part in ENGLISH_PARTS)
    chinese = _chinese({task: read(path) for task, path in CHINESE_PARTS.items()})
    files = {"english_dataset.jsonl": english, "chinese_dataset_v2.jsonl": chinese}
    return [Rebuilt(name, data, blob_id(data)) for name, data in files.items()]


def fetch(folder: Path, *, source: str = SOURCE, accept_changed: bool = False) -> list[Rebuilt]:
    """Fetch the parts, rebuild both files, prove them, and write them to a folder.

    Args:
        folder: Where the files go; made if need be.
        source: A web address, or a folder: a copy of the published repository.
        accept_changed: Whether a file with another hash than the published one is written all the same.

    Raises:
        InputError: if a part can't be had, or a rebuilt file is not the published one; nothing is written then.
    """
    read = over_http(source) if source.startswith(("http://", "https://")) else _from_folder(Path(source))
    files = rebuild(read)
    if not accept_changed and (changed := [file for file in files if not file.proved]):
        found = "; ".join(f"{file.name} is {file.blob}, published {BLOBS[file.name]}" for file in changed)
        raise InputError(f"{source}: not the published files by their git blob ids: {found}")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        beside = folder / f".{file.name}.new"
        beside.write_bytes(file.data)
        beside.replace(folder / file.name)
    return files


def over_http(source: str) -> Read:
    """Return a reader over HTTP; answers are bounded in size and time.

    Raises:
        InputError: (the reader) if the server does not give the file; names the address.
    """
    import httpx  # noqa: PLC0415  only where something is fetched

    def read(path: str) -> bytes:
        address = f"{source.rstrip('/')}/{path}"
        try:
            with httpx.stream("GET", address, timeout=60, follow_redirects=True) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise InputError(f"{address} answers {answer.status_code} {answer.reason_phrase}")
                return _bounded(answer.iter_bytes(), address)
        except httpx.HTTPError as error:
            raise InputError(f"{address} can't be fetched: {type(error).__name__}: {error}") from None

    return read


def _from_folder(folder: Path) -> Read:
    def read(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise InputError(f"{folder / path} can't be read: {error.strerror}") from None

    return read


def _bounded(chunks: Iterable[bytes], address: str) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > _LARGEST_PART:
            raise InputError(f"{address} is larger than {_LARGEST_PART:,} bytes, which no published part is")
    return bytes(data)


def _chinese(parts: Mapping[str, bytes]) -> bytes:
    rows = _joined(parts)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    kept = [row for row in rows if _short_enough(row)]
    lines = []
    for task in sorted(CHINESE_PARTS):
        group = [row for row in kept if row["task_type"] == task]
        drawn = np.random.RandomState(_SEED).choice(len(group), size=min(len(group), _PER_TASK), replace=False)
        lines += [_as_pandas_writes({name: group[i].get(name) for name in columns}) for i in drawn]
    return "".join(f"{line}\n" for line in lines).encode()


def _joined(parts: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Return all rows, renamed in order over all tasks, their old name kept under `meta`."""
    rows: list[dict[str, Any]] = []
    for task, data in parts.items():
        for line in data.decode("utf-8").splitlines():
            try:
                row = json.loads(line)
                old = row["id" if task == "edit" else "infer_id"]
            except (ValueError, KeyError) as error:
                raise InputError(f"{CHINESE_PARTS[task]}: a row can't be read: {error!r}") from None
            rows.append({**row, "meta": {"old_id": old}, "infer_id": f"{task}_cn_{len(rows)}"})
    return rows


def _short_enough(row: Mapping[str, Any]) -> bool:
    asked = len(row["instruction"]) + sum(len(str(value)) for value in row["input"].values())
    return len(row["reference"]) <= _LONGEST_REFERENCE and asked <= _LONGEST_INPUT


def _as_pandas_writes(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")

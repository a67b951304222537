"""Adopted tools as a folder that can be shared: written out, and read back with suspicion.

    FOLDER/
      ravelar-library.json     which tools, and the SHA-256 of each file
      README.md                what the Hub shows
      NAME/
        verifier.py            a written verifier's source
        recipe.json            how the tool is built, the source apart
        card.json task.json evidence.json
        probes.jsonl           labelled triples, where whoever exported gave them
        README.md

A folder comes from anybody: only the files above are read, they must be plain files of bounded size with the
hashes of the index, and the version must follow from them. Hashes show damage, not honesty, since whoever changes
a file can change the index: what is read is never in use before it has been checked again (`tools.adopted.importing`).
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ravelar.tools.adopted.entry import Entry, Recipe, WrittenRecipe
from ravelar.tools.adopted.model_card import folder_readme, tool_readme
from ravelar.tools.adopted.shelf import to_text
from ravelar.tools.errors import InputError, RavelarError
from ravelar.tools.evidence.probes import Origin, Probe, ProbeSet
from ravelar.tools.reward import Triple

INDEX = "ravelar-library.json"
NEEDED = ("recipe.json", "card.json", "task.json", "evidence.json")
OPTIONAL = ("verifier.py", "probes.jsonl", "README.md")
_MEGABYTE = 1_000_000
_SIZE_LIMITS = {"probes.jsonl": 100 * _MEGABYTE, INDEX: 10 * _MEGABYTE}
_SIZE_LIMIT = _MEGABYTE
_PROBE_TEXTS = tuple(field.name for field in fields(Probe) if field.name not in ("triple", "good"))
_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Recipe)


class _Listed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{1,47}$")
    version: str = Field(pattern=r"^[0-9a-f]{16}$")
    files: Mapping[str, str]


class _Index(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    tools: tuple[_Listed, ...]


# Writing


def export_folder(
    entries: Iterable[Entry], folder: str | Path, *, probes: Mapping[str, ProbeSet] | None = None
) -> list[Path]:
    """Write tools to a folder, beside those that an earlier export left there; return the tools' folders.

    Args:
        entries: One version of each tool.
        folder: A new or empty folder, or one with an earlier export.
        probes: Probes to go with a tool, by its name.

    Raises:
        InputError: if the folder holds something else, or can't be written.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        if not (root / INDEX).exists() and any(not path.name.startswith(".") for path in root.iterdir()):
            raise InputError(f"{root} is not empty and holds no {INDEX}; name a new folder")
        listed = {tool.name: tool for tool in _index(root).tools} if (root / INDEX).exists() else {}
        written = []
        for entry in entries:
            name = entry.task.label
            files = _files(entry, (probes or {}).get(name))
            _write_tool(root / name, files)
            written.append(root / name)
            listed[name] = _Listed(
                name=name, version=entry.version, files={file: _sha256(data) for file, data in files.items()}
            )
        index = _Index(format=1, tools=tuple(listed[name] for name in sorted(listed)))
        (root / "README.md").write_text(folder_readme([tool.name for tool in index.tools]), encoding="utf-8")
        (root / INDEX).write_text(index.model_dump_json(indent=1) + "\n", encoding="utf-8")  # last: it vouches
    except (OSError, UnicodeError) as error:
        raise InputError(f"tools can't be written to {root}: {error}") from error
    return written


def _write_tool(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for stale in {*NEEDED, *OPTIONAL} - files.keys():
        (folder / stale).unlink(missing_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def _files(entry: Entry, probes: ProbeSet | None) -> dict[str, bytes]:
    recipe = entry.recipe.model_dump(mode="json")
    files = {}
    if isinstance(entry.recipe, WrittenRecipe):
        files["verifier.py"] = str(recipe.pop("source")).encode()
    files["recipe.json"] = _pretty(recipe)
    files["card.json"] = _pretty(entry.card.model_dump(mode="json"))
    files["task.json"] = _pretty(entry.task.model_dump(mode="json"))
    files["evidence.json"] = _pretty(entry.trial.model_dump(mode="json"))
    if probes is not None:
        files["probes.jsonl"] = "".join(f"{to_text(_probe_row(probe))}\n" for probe in probes).encode()
    files["README.md"] = tool_readme(entry).encode()
    return files


def _pretty(value: object) -> bytes:
    return (json.dumps(json.loads(to_text(value)), indent=1, ensure_ascii=True) + "\n").encode()


def _probe_row(probe: Probe) -> dict[str, Any]:
    triple = probe.triple
    row = {"prompt": triple.prompt, "completion": triple.completion, "reference": triple.reference}
    rest = {name: getattr(probe, name) for name in _PROBE_TEXTS}
    return {**row, "metadata": dict(triple.metadata), "label": probe.good, **rest}


# Reading


def read_folder(folder: str | Path) -> list[tuple[Entry, ProbeSet | None]]:
    """Read a folder's tools, and the probes that came with each; nothing of it is run.

    Raises:
        InputError: if a file is missing, too large, no plain file, not what the index says, or unreadable.
    """
    root = Path(folder)
    tools = _index(root).tools
    names = [tool.name for tool in tools]
    if len(set(names)) < len(names):
        raise InputError(f"{root / INDEX} lists a tool twice")
    return [_read_tool(root, tool) for tool in tools]


def _index(root: Path) -> _Index:
    try:
        return _Index.model_validate_json(_bytes(root, INDEX))
    except ValidationError as error:
        raise InputError(f"{root / INDEX} is no index of tools: {_first(error)}") from error


def _read_tool(root: Path, listed: _Listed) -> tuple[Entry, ProbeSet | None]:
    here = root / listed.name
    if strange := listed.files.keys() - {*NEEDED, *OPTIONAL}:
        raise InputError(f"{root / INDEX} lists {sorted(strange)[0]!r} of {listed.name}; allowed: {_allowed()}")
    if missing := set(NEEDED) - listed.files.keys():
        raise InputError(f"{root / INDEX} lists no {sorted(missing)[0]} of {listed.name}")
    if here.is_symlink() or not here.is_dir():
        raise InputError(f"{here} is no folder")
    data = {name: _hashed(here, name, sha256) for name, sha256 in listed.files.items()}
    try:
        entry = _entry(data)
        probes = _probes(data["probes.jsonl"]) if "probes.jsonl" in data else None
    except (ValidationError, ValueError, KeyError, TypeError, RecursionError, RavelarError) as error:
        said = _first(error) if isinstance(error, ValidationError) else str(error)
        raise InputError(f"the tool in {here} can't be read: {said}") from error
    if (entry.task.label, entry.card.name, entry.version) != (listed.name, listed.name, listed.version):
        raise InputError(
            f"{here} holds {entry.card.name} for {entry.task.label}, version {entry.version}; "
            f"the index says {listed.name}, version {listed.version}"
        )
    return entry, probes


def _entry(data: Mapping[str, bytes]) -> Entry:
    recipe = json.loads(data["recipe.json"])
    if "verifier.py" in data:
        recipe["source"] = data["verifier.py"].decode()
    return Entry(
        task=json.loads(data["task.json"]),
        card=json.loads(data["card.json"]),
        recipe=_RECIPE.validate_python(recipe),
        trial=json.loads(data["evidence.json"]),
    )


def _probes(data: bytes) -> ProbeSet:
    return ProbeSet(_probe(json.loads(line)) for line in data.decode().split("\n") if line.strip())


def _probe(row: Mapping[str, Any]) -> Probe:
    triple = Triple(row["prompt"], row["completion"], row.get("reference"), dict(row.get("metadata") or {}))
    texts = {name: row[name] for name in _PROBE_TEXTS if row.get(name) is not None}
    if not isinstance(row["label"], bool) or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f"a probe's label is true or false, and {', '.join(_PROBE_TEXTS)} are texts")
    if texts.get("origin", "user") not in get_args(Origin):
        raise ValueError(f"no origin of probes {texts['origin']!r:.40}; known: {', '.join(get_args(Origin))}")
    return Probe(triple, row["label"], **texts)


def _hashed(folder: Path, name: str, sha256: str) -> bytes:
    data = _bytes(folder, name)
    if _sha256(data) != sha256:
        raise InputError(f"{folder / name} has the hash {_sha256(data)[:12]}..., the index says {sha256[:12]}...")
    return data


def _bytes(folder: Path, name: str) -> bytes:
    """Read a plain file of bounded size; a link in its place is refused, and nothing else can be named."""
    path, limit = folder / name, _SIZE_LIMITS.get(name, _SIZE_LIMIT)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise InputError(f"{path} can't be read as a plain file: {error.strerror}") from error
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no plain file")
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"{path} is larger than the {limit:,} bytes that are read of it")
    return data


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _allowed() -> str:
    return ", ".join([*NEEDED, *OPTIONAL])


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"

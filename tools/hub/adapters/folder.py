"""What lies in the folder of a downloaded model, read without loading a weight or running a line of it."""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from ravelar.tools.errors import RepositoryLied, RepositoryRefused

MAX_HEADER_BYTES = 100_000_000  # the format's own limit
MAX_JSON_BYTES = 50_000_000  # ours; a tokenizer_config.json with many added tokens has a few megabytes
_BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True)
class ModelFolder:
    """A folder as `snapshot_download` leaves it.

    Attributes:
        path: Where it is.
        repo: The repository it was taken from, for messages.
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`; empty if there is none.
        files: Names of the files in it, without its subfolders.
    """

    path: Path
    repo: str
    config: Mapping[str, Any]
    tokenizer_config: Mapping[str, Any]
    files: tuple[str, ...]

    @property
    def architecture(self) -> str:
        """The class that the config names first; '' if none."""
        named = self.config.get("architectures") or []
        return str(named[0]) if isinstance(named, list) and named else ""

    @property
    def auto_map(self) -> Mapping[str, Any]:
        """Which classes of the repository's own code the config and the tokenizer ask for."""
        maps = [self.config.get("auto_map"), self.tokenizer_config.get("auto_map")]
        return {key: value for given in maps if isinstance(given, Mapping) for key, value in given.items()}

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the head's outputs, in order of their index."""
        named = self.config.get("id2label")
        if isinstance(named, Mapping) and named:
            return tuple(str(label) for _, label in sorted(named.items(), key=lambda pair: _index(pair[0])))
        count = self.config.get("num_labels", 2)  # transformers' own default is two
        return tuple(f"LABEL_{i}" for i in range(count if isinstance(count, int) else 2))

    @cached_property
    def has_chat_template(self) -> bool:
        """Whether the repository says how messages become text."""
        names = ("chat_template.jinja", "chat_template.json")
        return bool(self.tokenizer_config.get("chat_template")) or any(name in self.files for name in names)

    @property
    def licence(self) -> str | None:
        """The licence that the model card names in its front matter."""
        if "README.md" not in self.files:
            return None
        with (self.path / "README.md").open(encoding="utf-8", errors="replace") as file:
            head = file.read(10_000)
        found = re.search(r"^license:\s*['\"]?([\w.+-]+)", head, re.MULTILINE) if head.startswith("---") else None
        return found[1] if found else None

    @cached_property
    def tensors(self) -> Mapping[str, tuple[str, tuple[int, ...]]]:
        """Every tensor's dtype and shape, from the safetensors headers.

        Raises:
            RepositoryLied: if a header can't be read, or does not fit the size of its file.
        """
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        for name in self.weight_files:
            for key, entry in _header(self.path / name, self.repo).items():
                found[key] = (str(entry["dtype"]), tuple(entry["shape"]))
        return found

    @property
    def weight_files(self) -> tuple[str, ...]:
        """The safetensors files."""
        return tuple(name for name in self.files if name.endswith(".safetensors"))

    @property
    def pickled_files(self) -> tuple[str, ...]:
        """Files that may run code when they are loaded."""
        return tuple(name for name in self.files if name.endswith(_PICKLED) and not name.startswith("training_args"))

    @property
    def half_precision(self) -> bool:
        """Whether most weights are stored in 16 bits."""
        sizes = {True: 0, False: 0}
        for dtype, shape in self.tensors.values():
            sizes[dtype in ("BF16", "F16")] += prod(shape)
        return sizes[True] > sizes[False]

    def weight_bytes(self, *, element_bytes: int | None = None) -> int:
        """Say how large the weights are, as stored or at so many bytes an element."""
        return sum(prod(shape) * (element_bytes or _BYTES.get(dtype, 1)) for dtype, shape in self.tensors.values())


def read_folder(path: Path, repo: str) -> ModelFolder:
    """Read what a folder says of itself.

    Raises:
        RepositoryRefused: if it is no folder, or its config is missing or can't be read.
    """
    if not path.is_dir():
        raise RepositoryRefused(f"{repo}: there is no folder {path}")
    files = tuple(sorted(entry.name for entry in path.iterdir() if entry.is_file()))
    if "config.json" not in files:
        raise RepositoryRefused(f"{repo} has no config.json; files: {', '.join(files[:10]) or 'none'}")
    tokenizer_config = _json(path / "tokenizer_config.json", repo) if "tokenizer_config.json" in files else {}
    return ModelFolder(path, repo, _json(path / "config.json", repo), tokenizer_config, files)


def _json(path: Path, repo: str) -> Mapping[str, Any]:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise RepositoryRefused(f"{repo}: {path.name} has {path.stat().st_size:,} bytes; at most {MAX_JSON_BYTES:,}")
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RepositoryRefused(f"{repo}: {path.name} is no JSON: {error}") from error
    if not isinstance(read, dict):
        raise RepositoryRefused(f"{repo}: {path.name} holds a {type(read).__name__}, not an object")
    return read


def _header(path: Path, repo: str) -> Mapping[str, Any]:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise RepositoryLied(f"{repo}: {path.name} is no safetensors file: its header would have {length:,} bytes")
        text = file.read(length)
    try:
        header = json.loads(text)
        tensors = {key: value for key, value in header.items() if key != "__metadata__"}
        end = max((int(value["data_offsets"][1]) for value in tensors.values()), default=0)
        well_formed = all(isinstance(value["shape"], list) and value["dtype"] for value in tensors.values())
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise RepositoryLied(f"{repo}: the header of {path.name} can't be read: {error!r:.200}") from error
    if not well_formed or 8 + length + end != size:
        raise RepositoryLied(f"{repo}: {path.name} has {size:,} bytes, its header speaks of {8 + length + end:,}")
    return tensors


def _index(key: object) -> int:
    try:
        return int(str(key))
    except ValueError:
        return 1_000_000

"""Safetensors headers, read from the Hub by ranges: which tensors there are, without any of their bytes."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import RepositoryLied
from ravelar.tools.hub.client import HubClient, mapping
from ravelar.tools.hub.facts import HeadTensor, HubFile

FIRST_READ = 100_000  # nine headers of ten fit; another request fetches the rest of the tenth
MOST_HEADER = 25_000_000  # huggingface_hub's own limit
BYTES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2}
HEAD = re.compile(
    r"(?:^|\.)(?:score|score_head|classifier|classification_head|regression_(?:layer|head)|v_head|value_head"
    r"|reward_head|rm_head|rank_head|logits_proj)(?:\.|$)"
)
LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?)\.\d+\.")
LM_HEAD = re.compile(r"(?:^|\.)(?:lm_head|embed_out)\.")


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor's name, element type and shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


def read_header(client: HubClient, repo: str, revision: str, file: HubFile) -> list[Tensor]:
    """Read the header of one file, and check that it describes a file of that length.

    Raises:
        RepositoryLied: if it does not, or is no safetensors header.
        RepositoryRefused: if the repository is gated.
        HubUnreachable: if there is no answer.
    """
    about = f"{repo}: {file.path}"
    if file.size < 10:
        raise RepositoryLied(f"{about} has {file.size} bytes; a safetensors file has 10 or more")
    start = client.part(repo, revision, file, 0, min(FIRST_READ, file.size) - 1)
    length = int.from_bytes(start[:8], "little")
    if not 2 <= length <= min(MOST_HEADER, file.size - 8):
        most = min(MOST_HEADER, file.size - 8)
        raise RepositoryLied(f"{about} names a header of {length:,} bytes; allowed: 2 to {most:,}")
    text = start[8 : 8 + length]
    if len(text) < length:
        text += client.part(repo, revision, file, len(start), 7 + length)
    try:
        tensors = mapping(text)
    except ValueError as error:
        raise RepositoryLied(f"{about} has no safetensors header: {error}") from error
    return _checked(about, tensors, file.size - 8 - length)


def _checked(about: str, header: Any, room: int) -> list[Tensor]:
    found, used = [], 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        try:
            dtype, shape = str(entry["dtype"]), tuple(entry["shape"])
            first, last = entry["data_offsets"]
            if not all(isinstance(n, int) and 0 <= n < 2**60 for n in (*shape, first, last)) or not first <= last:
                raise ValueError(f"offsets {first}, {last}, shape {shape}")
        except (KeyError, TypeError, ValueError) as error:
            raise RepositoryLied(f"{about}: the header's entry {name[:100]!r} can't be read: {error}") from error
        tensor = Tensor(name, dtype, shape)
        needed = tensor.parameters * BYTES.get(dtype, 0)
        if last > room or (dtype in BYTES and last - first != needed):
            raise RepositoryLied(
                f"{about}: the header gives {name[:100]!r} the bytes {first:,} to {last:,} of {room:,}; its shape "
                f"{list(shape)} in {dtype} needs {needed:,}"
            )
        used += last - first
        found.append(tensor)
    if used != room:
        raise RepositoryLied(f"{about}: the header describes {used:,} bytes of tensors, the file holds {room:,}")
    return found


def score_head(tensors: Sequence[Tensor]) -> tuple[HeadTensor, ...]:
    """Return the tensors of a score head, those of one head in the order in which they are applied."""
    heads = [t for t in tensors if HEAD.search(t.name) and not LAYER.search(t.name)]
    heads.sort(key=lambda t: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", t.name)])
    return tuple(HeadTensor(name=t.name[:200], shape=t.shape, dtype=t.dtype[:20]) for t in heads)


def outputs(head: Sequence[HeadTensor]) -> int | None:
    """Return how many numbers a head gives: the rows of its last matrix."""
    matrices = [tensor for tensor in head if len(tensor.shape) == 2]
    return matrices[-1].shape[0] if matrices else None

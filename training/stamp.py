"""What a checkpoint was trained with: the tools' versions, Ravelar's, and which prompts were routed where.

    checkpoint-30/ravelar.json   written last, when everything else of the checkpoint is there

So the stamp also tells a finished checkpoint from one that a kill or a full disk left half-written.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import RewardTool

STAMP = "ravelar.json"


class LibraryStamp(BaseModel):
    """What decides the rewards of a run.

    Attributes:
        ravelar: Ravelar's version.
        tools: Each tool's version: of adopted ones their entry's, of built-in ones a hash of the card.
        routes: A hash of the prompts, their references and the tools that they are routed to.
        rows: How many rows that were.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    ravelar: str
    tools: Mapping[str, str]
    routes: str
    rows: int

    @classmethod
    def of(cls, library: Library, routes: Iterable[tuple[str, str | None]]) -> "LibraryStamp":
        """Make the stamp of a library and routed queries, each given as its content and its tool."""
        lines = sorted(f"{tool}\0{query}" for query, tool in routes)
        digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        tools = {tool.card.name: version_of(tool) for tool in library}
        return cls(ravelar=version("ravelar"), tools=tools, routes=digest, rows=len(lines))

    def differences(self, now: "LibraryStamp") -> list[str]:
        """Say, in words, in what another stamp differs from this one; nothing if it does not."""
        said = []
        if self.ravelar != now.ravelar:
            said.append(f"Ravelar was {self.ravelar}, is {now.ravelar}")
        for name in sorted({*self.tools, *now.tools}):
            was, now_is = self.tools.get(name), now.tools.get(name)
            if was is None:
                said.append(f"{name!r} is new")
            elif now_is is None:
                said.append(f"{name!r} is gone")
            elif was != now_is:
                said.append(f"{name!r} was {was}, is {now_is}")
        if not said and self.routes != now.routes:
            said.append(f"the {self.rows} rows, or the tools that they are routed to, are not the {now.rows} of now")
        return said


def version_of(tool: RewardTool) -> str:
    """Return an adopted tool's version, or a hash of a built-in one's card, its evidence left out."""
    entry = getattr(tool, "entry", None)
    if entry is not None:
        return str(entry.version)
    card = tool.card.model_dump(mode="json", exclude={"evidence"})
    return hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:16]


def write_stamp(checkpoint: Path, stamp: LibraryStamp, further: Mapping[str, Any]) -> None:
    """Write a finished checkpoint's stamp, whole or not at all; `further` is kept beside it."""
    beside = checkpoint / f".{STAMP}"
    with beside.open("w", encoding="utf-8") as file:
        json.dump({**stamp.model_dump(mode="json"), **further}, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(checkpoint / STAMP)


def read_stamp(checkpoint: Path) -> tuple[LibraryStamp, dict[str, Any]]:
    """Read a checkpoint's stamp and what was kept beside it.

    Raises:
        InputError: if there is none (the checkpoint is not finished, or not ours), or it can't be read.
    """
    path = checkpoint / STAMP
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return LibraryStamp.model_validate(kept), kept
    except FileNotFoundError:
        raise InputError(f"{checkpoint} has no {STAMP}: it was never finished, or not made by ravelar") from None
    except (OSError, ValueError, ValidationError) as error:
        raise InputError(f"{path} can't be read: {error}") from error

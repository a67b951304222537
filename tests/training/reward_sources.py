"""Libraries, routers and acquirers that other processes can open: what is pickled is a name or a path, never a tool."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ravelar.tools.card import ToolCard
from ravelar.tools.library import Library
from ravelar.tools.reward import Triple
from ravelar.tools.routing import Route
from ravelar.training.acquisition import AcquisitionOutcome


class Constant:
    """A tool that gives everything one score."""

    def __init__(self, name: str, value: float) -> None:
        self.card = ToolCard(name=name, kind="verifier", task="tests", summary=f"Always {value}.")
        self._value = value

    def score(self, triples: Sequence[Triple]) -> list[float]:
        return [self._value] * len(triples)


def two_tools() -> Library:
    """Open a library that is always the same one within a process."""
    return _TWO


_TWO = Library([Constant("low", 0.25), Constant("high", 0.75)])


def by_task(prompt: Any, reference: Any, metadata: Any) -> Route:
    task = metadata.get("task")
    return Route(task, "column task") if task in ("low", "high") else Route(None, "no such task")


def put(folder: Path, name: str, text: str) -> None:
    """Write a tool's file, whole at every moment: several processes may write and read the same one."""
    written = folder / f".{name}-{os.getpid()}"
    written.write_text(text)
    written.rename(folder / name)


@dataclass(frozen=True)
class FolderLibrary:
    """A library of a folder: each file NAME holds the score that the tool NAME gives."""

    folder: str

    def __call__(self) -> Library:
        found = tuple(sorted((path.name, float(path.read_text())) for path in Path(self.folder).glob("[a-z]*")))
        if found not in _OPENED:
            _OPENED[found] = Library(Constant(name, value) for name, value in found)
        return _OPENED[found]


_OPENED: dict[Any, Library] = {}


@dataclass(frozen=True)
class FolderAcquirer:
    """Adopts a tool for a task by writing its file, after some seconds; notes each call in `calls.log`."""

    folder: str
    seconds: float = 0.0
    value: float = 0.5

    def __call__(self, label: str, triples: Sequence[Triple]) -> AcquisitionOutcome:
        time.sleep(self.seconds)
        with Path(self.folder, "CALLS").open("a", encoding="utf-8") as file:
            file.write(f"{label} {len(triples)}\n")
        put(Path(self.folder), label, str(self.value))
        return AcquisitionOutcome(label, "adopted", "it wrote a file", label)

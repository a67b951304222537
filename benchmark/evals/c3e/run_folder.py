"""A run's folder: where its items come from, its rows, its manifest.

RUN/manifest.json      what it was made with
RUN/outputs.jsonl      a row per text
RUN/judgements.jsonl   a row per text, judge and repeat
RUN/comparisons.jsonl  a row per pair of texts and order
RUN/replies.sqlite     what was paid for
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.c3e.clusters import clusters_of
from ravelar.benchmark.evals.c3e.items import Item, choose_items, read_items
from ravelar.benchmark.evals.c3e.published import blob_id
from ravelar.benchmark.evals.c3e.stages import OUTPUTS
from ravelar.benchmark.evals.manifest import open_manifest, read_manifest
from ravelar.benchmark.evals.rows import Row, read_rows_by_key
from ravelar.tools.errors import InputError

REPLIES = "replies.sqlite"
_STAGE = "items"


@dataclass(frozen=True, slots=True)
class Run:
    """A run of C3EBench.

    Attributes:
        folder: Where it is.
        items: Its items, with their clusters.
    """

    folder: Path
    items: Sequence[Item]

    @property
    def outputs(self) -> dict[str, Row]:
        """The rows of texts, by key."""
        return read_rows_by_key(self.folder / OUTPUTS)


def begin_run(
    folder: Path,
    files: Sequence[Path],
    *,
    language: str | None = None,
    tasks: Sequence[str] = (),
    limit: int | None = None,
) -> Run:
    """Begin a run, or go on with the one that is there if it is over the same items.

    Raises:
        InputError: if the items can't be read, none is left, or the folder holds a run over others.
    """
    items = read_chosen(files, language=language, tasks=tasks, limit=limit)
    settings: Mapping[str, Any] = {
        "files": {str(path.resolve()): blob_id(path.read_bytes()) for path in files},
        "language": language,
        "tasks": sorted(tasks),
        "limit": limit,
        "items": len(items),
    }
    open_manifest(folder, _STAGE, settings)
    return Run(folder, items)


def open_run(folder: Path) -> Run:
    """Open a run that is there.

    Raises:
        InputError: if there is none, or its items have gone or changed.
    """
    stages = read_manifest(folder)["stages"]
    if _STAGE not in stages:
        raise InputError(f"{folder} holds no run of C3EBench")
    settings = stages[_STAGE]["settings"]
    files = [Path(path) for path in settings["files"]]
    for path in files:
        if not path.is_file():
            raise InputError(f"the items of {folder} are gone: no such file: {path}")
        if (blob := blob_id(path.read_bytes())) != settings["files"][str(path)]:
            raise InputError(f"the items of {folder} have changed: {path} is now {blob}")
    return Run(
        folder, read_chosen(files, language=settings["language"], tasks=settings["tasks"], limit=settings["limit"])
    )


def read_chosen(
    files: Sequence[Path], *, language: str | None = None, tasks: Sequence[str] = (), limit: int | None = None
) -> list[Item]:
    """Read the items of a language and of some tasks, with their clusters.

    Raises:
        InputError: if they can't be read, or none is left.
    """
    items = [item for path in files for item in read_items(path)]
    items = choose_items(items, language=language, tasks=tasks, limit=limit)
    clusters = clusters_of(items)
    return [Item(item.brief, item.reference, clusters[item.key]) for item in items]

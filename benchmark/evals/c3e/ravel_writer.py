"""RAVEL under evaluation: end-to-end items written in steps, each run kept in a folder of its own.

A run that is killed goes on from its event log; nothing that was paid for is paid for again. A run that ends without
a whole article fails its row, and its trajectory is kept all the same: it counts for S.
"""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ravelar.benchmark.evals.c3e.items import Brief
from ravelar.benchmark.evals.c3e.messages import WriterMessage
from ravelar.benchmark.evals.c3e.writers import Written
from ravelar.tools.errors import InputError

Write = Callable[..., Mapping[str, Any]]
"""`ravelar.write`: handed in, since benchmarks stand below it."""

FOLDER = "ravel"


class RavelWriter:
    """RAVEL, in any protocol.

    Args:
        write: What runs it.
        folder: The evaluation's folder; each run gets one below it.
        name: How it is called in rows and reports.
        settings: Of the runs: models by role, protocol, bounds; see `RavelContext`.
    """

    def __init__(self, write: Write, folder: Path, *, name: str, settings: Mapping[str, Any]) -> None:
        self.name = name
        self._write, self._folder, self._settings = write, folder / FOLDER / name, dict(settings)

    async def write(self, brief: Brief, message: WriterMessage, sample: int) -> Written:
        """Write one article; in a thread, so that several are written side by side.

        Raises:
            InputError: if the item is no end-to-end item.
        """
        if brief.task != "end2end":
            raise InputError(f"{brief.key} is of the task {brief.task}; RAVEL writes end-to-end items only")
        out = self._folder / f"{brief.key}-{sample}"
        result = await asyncio.to_thread(self._run, brief, out)
        spent = result["spent"]
        used = {name: spent.get(name, 0) for name in ("calls", "tokens_in", "tokens_out", "cached")}
        article = result.get("article")
        failed = "" if article else f"{result['end'] or 'unfinished'}: {result['because'] or 'no article'}"
        return Written(article or "", spent=used, trajectory=result["measures"], failed=failed)

    async def close(self) -> None:
        """Do nothing: a run closes what it opened."""

    def _run(self, brief: Brief, out: Path) -> Mapping[str, Any]:
        if out.exists():
            return self._write(out=out, resume=True)
        words = max((bound for bound in brief.asked or () if bound), default=None)
        asked = {"audience": brief.given.get("audience"), "style": brief.genre, "words": words}
        given = {name: value for name, value in asked.items() if value}
        return self._write(brief.instruction, out=out, language=brief.language, **given, **self._settings)

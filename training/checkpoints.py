"""Checkpoints of a run: which are finished, which to go on from, and what a failed save leaves behind."""

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ravelar.tools.errors import CheckpointFailed, InputError
from ravelar.tools.scoring import describe
from ravelar.training.stamp import STAMP, LibraryStamp, read_stamp

_NAME = re.compile(r"checkpoint-(\d+)")


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, by step, finished or not."""
    if not folder.is_dir():
        return []
    found = [(int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def finished(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder that were written to their end, by step."""
    return [path for path in checkpoints(folder) if (path / STAMP).is_file()]


def where_to_begin(output: Path, *, resume: bool | str, now: LibraryStamp, accept_changes: bool) -> Path | None:
    """Return the checkpoint to go on from; None to begin.

    Args:
        output: The run's folder.
        resume: Whether to go on from the latest finished checkpoint there, or which one.
        now: What would decide the rewards from now on.
        accept_changes: Go on also where this differs from what the checkpoint was trained with.

    Raises:
        InputError: if there is nothing to go on from, something that would be mixed up with a new run, or the
            library has changed.
    """
    if not resume:
        there = checkpoints(output)
        if there:
            raise InputError(
                f"{output} holds {there[-1].name} of an earlier run; --resume continues it, or name another"
            )
        return None
    checkpoint = Path(resume) if isinstance(resume, str) else _latest(output)
    before, _ = read_stamp(checkpoint)
    differences = before.differences(now)
    if differences and not accept_changes:
        raise InputError(
            f"the rewards would not be those that {checkpoint} was trained with: {'; '.join(differences)}; "
            f"--accept_changed_library goes on all the same"
        )
    return checkpoint


def _latest(output: Path) -> Path:
    done = finished(output)
    if not done:
        unfinished = ", ".join(path.name for path in checkpoints(output)) or "none"
        raise InputError(f"{output} has no finished checkpoint to resume from; unfinished: {unfinished}")
    return done[-1]


@contextmanager
def saving_may_fail(output: Path, *, main_rank: bool = True) -> Iterator[None]:
    """Let a save that fails in the middle of a run end it with a clear error, and remove the half-written checkpoint.

    A checkpoint without a stamp that this run wrote to is one whose writing was under way. What fails elsewhere stays
    as it is.

    Raises:
        CheckpointFailed: if a checkpoint could not be written.
    """
    began = time.time()
    try:
        yield
    except Exception as error:
        broken = [path for path in checkpoints(output) if not (path / STAMP).is_file() and _written_since(path, began)]
        if not broken:
            raise
        if main_rank:
            for path in broken:
                shutil.rmtree(path, ignore_errors=True)
        done = finished(output)
        kept = f"{done[-1]} is intact, --resume continues from it" if done else "there is no earlier one"
        said = f"{broken[-1]} could not be written ({describe(error)}); it is removed, and {kept}"
        raise CheckpointFailed(said) from error


def _written_since(checkpoint: Path, began: float) -> bool:
    """Say whether any file of a checkpoint was written since then; clocks of file systems are coarse."""
    return any(path.stat().st_mtime >= began - 1 for path in (checkpoint, *checkpoint.iterdir()))

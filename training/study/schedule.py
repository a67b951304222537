"""Which runs there are, and running those that have no row yet, two side by side.

seeds -> kits -> tuning runs -> best rate per arm -> runs -> rows.jsonl (append-only; what is there is not done again)
"""

import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ravelar.tools.errors import InputError
from ravelar.training.study.arms import ARMS, TRUE_READER
from ravelar.training.study.guarding import GUARDED_COMPLETIONS, GUARDED_RATE, GUARDED_STEPS, HACKED, guarded_run
from ravelar.training.study.kit import Kit, KitSize, prepare
from ravelar.training.study.quiet import quieten
from ravelar.training.study.runs import RunSpec, run

RATES = (3e-4, 6e-4)
TUNING_SEEDS = (100,)
SEEDS = (1, 2, 3, 4, 5)
STEPS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """What a study runs.

    Attributes:
        arms: Names of the arms.
        seeds: Seeds of the runs that are reported.
        tuning_seeds: Other seeds, on which each arm's learning rate is chosen.
        rates: The learning rates it is chosen from.
        steps: Steps of GRPO of every run.
        size: How much the kits are taught.
    """

    arms: tuple[str, ...] = tuple(arm.name for arm in ARMS)
    seeds: tuple[int, ...] = SEEDS
    tuning_seeds: tuple[int, ...] = TUNING_SEEDS
    rates: tuple[float, ...] = RATES
    steps: int = STEPS
    size: KitSize = field(default_factory=KitSize)

    def __post_init__(self) -> None:
        if shared := set(self.seeds) & set(self.tuning_seeds):
            raise InputError(f"the seeds {sorted(shared)} would be tuned on and reported; they must be others")

    def tuning(self) -> list[RunSpec]:
        """Return the runs that choose learning rates."""
        return [
            RunSpec("tune", arm, seed, rate, self.steps)
            for seed in self.tuning_seeds
            for arm in self.arms
            for rate in self.rates
        ]

    def runs(self, best: Mapping[str, float]) -> list[RunSpec]:
        """Return the runs that are reported, seed by seed, each arm at its best rate."""
        return [RunSpec("run", arm, seed, best[arm], self.steps) for seed in self.seeds for arm in self.arms]

    def explaining(self, best: Mapping[str, float]) -> list[RunSpec]:
        """Return the runs that were added when the others were known: routed, the true reader judging notes."""
        if "routed" not in self.arms:
            return []
        return [RunSpec("run", TRUE_READER.name, seed, best["routed"], self.steps) for seed in self.seeds]

    def guarded(self) -> list[RunSpec]:
        """Return the runs in which a guard watches the policy that is rewarded for length."""
        if HACKED not in self.arms:
            return []
        steps = min(self.steps, GUARDED_STEPS)
        return [RunSpec(kind, HACKED, seed, GUARDED_RATE, steps) for kind in GUARDED_COMPLETIONS for seed in self.seeds]


class Rows:
    """The rows of a study: JSON lines, each written at once, never changed.

    Args:
        path: The file; a last line that was cut short is left out and written anew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for number, line in enumerate(self.path.read_bytes().split(b"\n"), start=1):
            if not line:
                continue
            try:
                yield json.loads(line)
            except ValueError as error:
                if not self._cut(line):
                    raise InputError(f"{self.path}, line {number}: no row of a study ({error})") from error

    def add(self, row: Mapping[str, Any]) -> None:
        """Append a row, with one write; a cut last line is closed first, and read by nobody."""
        data = (json.dumps(row, allow_nan=False) + "\n").encode()
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                os.truncate(file, self.path.read_bytes().rfind(b"\n") + 1)
            os.write(file, data)
        finally:
            os.close(file)

    def _cut(self, line: bytes) -> bool:
        return self.path.read_bytes().endswith(line)


def best_rates(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Return each arm's learning rate: the one with the greatest true accuracy, mean over families, when tuned."""
    found: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        if row["kind"] == "tune":
            found.setdefault(row["arm"], {}).setdefault(row["rate"], []).append(mean_accuracy(row))
    return {
        arm: max(sorted(rates), key=lambda rate, rates=rates: sum(rates[rate]) / len(rates[rate]))  # type: ignore[misc]
        for arm, rates in found.items()
    }


def study(plan: Plan, folder: Path, *, jobs: int, tell: Callable[[str], object]) -> None:
    """Do what of a plan has no row in `folder/rows.jsonl` yet.

    Args:
        plan: What to run.
        folder: Where rows and kits are.
        jobs: Processes side by side, one thread each.
        tell: Told what was done, a line at a time.

    Raises:
        InputError: if the folder can't be written, or its rows can't be read.
    """
    rows = _opened(folder)
    with _workers(jobs) as pool:
        kits = [(seed, folder / f"seed-{seed}", plan.size) for seed in (*plan.tuning_seeds, *plan.seeds)]
        for seed, facts in _side_by_side(pool, _prepared, kits):
            tell(f"seed {seed[0]} is prepared ({facts['prepared_s']} s)")
            if not any(row["kind"] == "kit" and row["seed"] == seed[0] for row in rows):
                rows.add({"kind": "kit", **facts})
        _do(pool, plan.tuning(), rows, folder, tell)
        best = best_rates(rows)
        tell("learning rates: " + ", ".join(f"{arm} {rate:g}" for arm, rate in best.items()))
        _do(pool, plan.runs(best), rows, folder, tell)
        _do(pool, plan.explaining(best), rows, folder, tell)
        _do(pool, plan.guarded(), rows, folder, tell)


def guards(plan: Plan, folder: Path, *, jobs: int, tell: Callable[[str], object]) -> None:
    """Do the guarded runs that have no row yet, and nothing else: all that they need taught is a warm policy each.

    Args:
        plan: Which seeds.
        folder: Where rows and kits are; kits that `study` left there are used.
        jobs: Processes side by side, one thread each.
        tell: Told what was done, a line at a time.

    Raises:
        InputError: if the watched arm is not in the plan, the folder can't be written, or its rows can't be read.
    """
    if not plan.guarded():
        raise InputError(f"the guard watches the arm {HACKED!r}, which is not among {', '.join(plan.arms)}")
    rows = _opened(folder)
    size = replace(plan.size, notes_steps=0, all_steps=0)
    kits = [(seed, _kit_folder(seed, folder), size) for seed in plan.seeds]
    with _workers(jobs) as pool:
        for seed, facts in _side_by_side(pool, _prepared, kits):
            tell(f"seed {seed[0]} is prepared ({facts['prepared_s']} s)")
        _do(pool, plan.guarded(), rows, folder, tell)


def _opened(folder: Path) -> Rows:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the study's folder {folder} can't be made: {error.strerror}") from error
    return Rows(folder / "rows.jsonl")


def _kit_folder(seed: int, folder: Path) -> Path:
    """Return where a seed's whole kit is, or its warm policy alone."""
    whole = folder / f"seed-{seed}"
    return whole if (whole / "facts.json").exists() else folder / f"warm-{seed}"


def _do(
    pool: ProcessPoolExecutor, specs: Sequence[RunSpec], rows: Rows, folder: Path, tell: Callable[[str], object]
) -> None:
    done = {key_of(row) for row in rows if "arm" in row}
    waiting = [spec for spec in specs if spec.key not in done]
    for number, ((spec, _), row) in enumerate(_side_by_side(pool, _ran, [(spec, folder) for spec in waiting]), start=1):
        rows.add(row)
        tell(f"{number} of {len(waiting)}: {spec.key}: {_told(row)}")


def _told(row: Mapping[str, Any]) -> str:
    if row["kind"] in GUARDED_COMPLETIONS:
        return f"first alerts {row['first']}"
    return f"accuracy {mean_accuracy(row):.3f}, {row['train_s']} s"


def mean_accuracy(row: Mapping[str, Any]) -> float:
    """Return a run's true accuracy at its end, the mean over families."""
    accuracies = row["after"]["accuracy"].values()
    return float(sum(accuracies) / len(accuracies))


def key_of(row: Mapping[str, Any]) -> str:
    """Return the key of a run's row."""
    return RunSpec(row["kind"], row["arm"], row["seed"], row["rate"], row["steps"]).key


def _workers(jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_settle)


def _settle() -> None:
    """Make a worker quiet, one thread wide, and deaf to Ctrl-C; it ends when its parent ends it, or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    quieten()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _side_by_side(
    pool: ProcessPoolExecutor, work: Callable[..., Any], given: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield what each piece of work gives, as it is done; whatever ends the loop ends the workers too."""
    waiting: dict[Future[Any], tuple[Any, ...]] = {pool.submit(work, *one): one for one in given}
    try:
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _prepared(seed: int, folder: Path, size: KitSize) -> dict[str, Any]:
    kit = Kit(seed, folder)
    prepare(kit, size)
    return kit.facts


_kits: dict[Path, Kit] = {}  # of this worker: a kit's tools are opened once


def _ran(spec: RunSpec, folder: Path) -> dict[str, Any]:
    where = _kit_folder(spec.seed, folder)
    if where not in _kits:
        _kits.clear()
        _kits[where] = Kit(spec.seed, where)
    return guarded_run(spec, _kits[where]) if spec.kind in GUARDED_COMPLETIONS else run(spec, _kits[where])

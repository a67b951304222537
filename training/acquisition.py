"""Getting a reward tool for a task that training meets and no tool fits.

unknown triples -> one pool per task -> enough of them: the acquirer, once, in a thread of its own -> the library

`training` knows no graph: who acquires is a value, an `Acquirer`; `ravelar.acquirer` supplies the RLAR graph as one.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ravelar.tools.errors import InputError
from ravelar.tools.recognition.grouping import Query, group_alike
from ravelar.tools.recognition.recogniser import column_label
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import describe
from ravelar.training.route_cache import query_key

_log = logging.getLogger(__name__)

_MOST_KEPT = 512  # ours: prompts of one task that are kept for its acquisition
_MOST_POOLS = 64  # ours: labels for which prompts are gathered at once
_SHOWN = 8  # ours: prompts of a task without a label by which more of it are recognised as tried


@dataclass(frozen=True, slots=True)
class AcquisitionOutcome:
    """How an acquisition ended.

    Attributes:
        adopted: The name of the tool that the task has now; None if it got none.
        end: In one word: an end state of the RLAR graph (`adopted`, `insufficient_probes` ...), or `failed`, `gave_up`.
        because: Why, in a sentence.
        task: The task's label, as the acquirer named it; "" if it did not.
    """

    adopted: str | None
    end: str
    because: str = ""
    task: str = ""


Acquirer = Callable[[str, Sequence[Triple]], AcquisitionOutcome]
"""Gets a tool for one task: given its label ("" if nobody named it) and triples that no tool fits, prompts distinct.

It is called on the main rank alone, once per task, in a thread of its own, may take minutes, and must be picklable.
What it adopts reaches the score path through the library. Whatever it raises counts as a failed acquisition.
"""


@dataclass(frozen=True, slots=True)
class AcquisitionLimits:
    """When an acquisition begins, and how long it may take.

    Attributes:
        least_prompts: Distinct prompts of a task that must have been met before. Evidence needs some hundred unless
            the acquirer brings probes of its own.
        time_limit_s: After so many seconds an acquisition is given up; a tool adopted later is used all the same.
        wait_s: How long training waits for one acquisition, all batches together; 0 trains on without the tool.
        most_tasks: Most acquisitions of a run.

    Raises:
        InputError: if a limit is negative, or no prompt would do.
    """

    least_prompts: int = 128
    time_limit_s: float = 1_800.0
    wait_s: float = 0.0
    most_tasks: int = 16

    def __post_init__(self) -> None:
        for name, least in (("least_prompts", 1), ("time_limit_s", 0.001), ("wait_s", 0), ("most_tasks", 1)):
            value = getattr(self, name)
            if not value >= least:
                raise InputError(f"{name} is {value!r}; at least {least} is needed")
        if self.least_prompts > _MOST_KEPT:
            raise InputError(f"least_prompts is {self.least_prompts}; at most {_MOST_KEPT} prompts are kept")


@dataclass(frozen=True, slots=True)
class Acquisition:
    """One acquisition that ended: of which task, from how many prompts, how, and after how many seconds."""

    label: str
    prompts: int
    outcome: AcquisitionOutcome
    seconds: float


class _Run:
    """An acquisition under way."""

    def __init__(self, acquirer: Acquirer, label: str, triples: Sequence[Triple]) -> None:
        self.label, self.triples = label, triples
        self.done = threading.Event()
        self.outcome = AcquisitionOutcome(None, "failed", "it has not ended")
        self.waited_s = 0.0
        self.began = time.monotonic()
        threading.Thread(target=self._work, args=(acquirer,), name=f"acquire {label}", daemon=True).start()

    def _work(self, acquirer: Acquirer) -> None:
        try:
            outcome = acquirer(self.label, self.triples)
            if not isinstance(outcome, AcquisitionOutcome):
                raise TypeError(f"the acquirer returned {type(outcome).__name__}; AcquisitionOutcome is needed")
            self.outcome = outcome
        except BaseException as error:  # noqa: BLE001  an acquirer of anyone's must not end a training run
            said = describe(error) if isinstance(error, Exception) else type(error).__name__
            self.outcome = AcquisitionOutcome(None, "failed", said)
        self.done.set()


class Acquisitions:
    """Gathers what no tool fits, by task, and acquires for each task once, one task after another.

    Attributes:
        ended: The acquisitions that ended, in order.
    """

    def __init__(self, acquirer: Acquirer, limits: AcquisitionLimits) -> None:
        self.ended: list[Acquisition] = []
        self._acquirer, self._limits = acquirer, limits
        self._pools: dict[str, dict[bytes, Triple]] = {}
        self._tried: set[str] = set()
        self._shown: list[Triple] = []
        self._next_look = limits.least_prompts
        self._run: _Run | None = None
        self._abandoned: _Run | None = None
        self._begun = 0
        self._lock = threading.RLock()

    def offer(self, triples: Iterable[Triple]) -> None:
        """Keep triples that no tool fits, each prompt once, as far as their task was not tried yet."""
        with self._lock:
            for triple in triples:
                label, key = column_label(triple.metadata) or "", query_key(triple)
                if key is None or label in self._tried:
                    continue
                if label in self._pools or len(self._pools) < _MOST_POOLS:
                    pool = self._pools.setdefault(label, {})
                    if len(pool) < _MOST_KEPT:
                        pool[key] = triple

    def go_on(self) -> None:
        """Note what has ended, give up what takes too long, and begin the next acquisition if there is one."""
        with self._lock:
            self._settle()
            if self._run is not None or (self._abandoned is not None and not self._abandoned.done.is_set()):
                return
            if self._begun < self._limits.most_tasks and (ready := self._ready()):
                label, triples = ready
                _log.info("no tool fits %d prompts of the task %r; getting one", len(triples), label or "(no name)")
                self._begun += 1
                self._run = _Run(self._acquirer, label, triples)

    def wait(self) -> None:
        """Wait for the acquisition under way as long as the limits allow, and note its end."""
        run = self._run
        if run is None:
            return
        started = time.monotonic()
        run.done.wait(max(0.0, self._limits.wait_s - run.waited_s))
        run.waited_s += time.monotonic() - started
        with self._lock:
            self._settle()

    @property
    def under_way(self) -> str | None:
        """The label of the task that a tool is being acquired for ("" without a name); None if there is none."""
        return None if self._run is None else self._run.label

    def _settle(self) -> None:
        run = self._run
        if run is None:
            return
        seconds, outcome = time.monotonic() - run.began, run.outcome
        if not run.done.is_set():
            if seconds <= self._limits.time_limit_s:
                return
            outcome = AcquisitionOutcome(None, "gave_up", f"no end after {self._limits.time_limit_s:g} s")
            self._abandoned = run
        self.ended.append(Acquisition(run.label, len(run.triples), outcome, seconds))
        _log.info("the acquisition for %r ended: %s: %s", run.label or "(no name)", outcome.end, outcome.because)
        self._run = None

    def _ready(self) -> tuple[str, list[Triple]] | None:
        """Return a task of which enough prompts were met, and take it out of the pools."""
        for label, pool in self._pools.items():
            if label and len(pool) >= self._limits.least_prompts:
                self._tried.add(label)
                return label, list(self._pools.pop(label).values())
        group = self._ready_group()
        return ("", group) if group else None

    def _ready_group(self) -> list[Triple]:
        """Return the most prompts alike among those without a label, if they are enough and of no task tried before."""
        pool = self._pools.get("", {})
        if len(pool) < self._next_look:
            return []
        members = list(pool.items())
        queries = [Query(triple.prompt, triple.reference) for triple in [*self._shown, *pool.values()]]
        groups = group_alike(queries)
        n = len(self._shown)
        untried = [[members[i - n] for i in group] for group in groups if group[0] >= n]
        largest = max(untried, key=len, default=[])
        if len(largest) >= self._limits.least_prompts:
            self._shown += [triple for _, triple in largest[:_SHOWN]]
            untried.remove(largest)
        else:
            largest = []
        kept = {key: triple for group in untried for key, triple in group}
        self._pools[""] = kept if len(kept) < _MOST_KEPT else {}
        self._next_look = min(_MOST_KEPT, max(2 * len(self._pools[""]), self._limits.least_prompts))
        return [triple for _, triple in largest]

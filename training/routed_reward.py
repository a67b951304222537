"""Rewards from a library of tools as one TRL reward function: each query gets the tool that fits it.

    prompts, completions, columns -> triples -> one route per query -> one batch per tool, side by side
        -> [float | None, ...] to the trainer, figures to its log, the batch to whoever watches

    reward = RoutedReward(library=default_library, router=default_router)
    GRPOTrainer(model, reward_funcs=reward, args=..., train_dataset=...)

It never raises into training: what a tool, the router, a column, a watch or the trainer's log function does costs at
most the rewards it stands for, which are `None` with a reason. What is wrong with its own settings is raised at once.
"""

import os
import threading
import time
from collections.abc import Collection, Sequence
from typing import Any

from ravelar.tools.columns import Columns
from ravelar.tools.errors import RavelarError, UnknownName
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.routing import Held, Route, Router
from ravelar.tools.scoring import describe, invoke
from ravelar.tools.side_by_side import SideBySide
from ravelar.tools.tally import Tally
from ravelar.tools.tracing.batches import figures_of
from ravelar.tools.tracing.runs import traced, watch_traces
from ravelar.training.acquisition import Acquirer, Acquisition, AcquisitionLimits
from ravelar.training.acquisition_ranks import SharedAcquisitions
from ravelar.training.complaints import Complaints
from ravelar.training.library_in_step import LibraryInStep, LibrarySource, RouterSource
from ravelar.training.ranks import Ranks, ranks_now
from ravelar.training.reward_log import LogExtra, LogMetric, RewardLog
from ravelar.training.reward_settings import RewardSettings
from ravelar.training.trainer_rows import check_columns, read_triples
from ravelar.training.watching import RewardWatch, ScoredBatch, see_all


class RoutedReward:
    """A reward function for TRL's `GRPOTrainer`, `RLOOTrainer` and AsyncGRPO.

    It is pickled without tools: library and router are opened again where it arrives, so that they must be given as
    picklable callables there. Under torch.distributed all ranks score a call with the library that rank 0 has.

    Args:
        library: The tools, or a callable that opens them as they are now.
        router: Who chooses, a callable that opens who does, or None for the built-in rules.
        columns: Which data set column is reference, task and tool.
        on_unknown: What becomes of a query that no tool fits: "abstain" leaves it unscored; "acquire" as well, and
            gets a tool for its task meanwhile; "fallback:<tool>" scores it with that tool.
        acquirer: Gets tools, for "acquire"; see `training.acquisition`.
        acquisition: When and for how long it does.
        time_limit_s: Most seconds per batch and tool; a slower tool leaves its batch unscored.
        watches: Who looks on.
        name: What the trainer logs it under.

    Attributes:
        calls: How often it was called.
        wall_s: Seconds that all calls took together.
        tally: Figures per tool over all calls.
        last: The last batch.
        figures: What was logged of it, by metric name.

    Raises:
        InputError: if a setting can't be used, or the library can't be opened.
    """

    def __init__(  # noqa: PLR0913  all but the library have defaults
        self,
        *,
        library: Library | LibrarySource,
        router: Router | RouterSource | None = None,
        columns: Columns | None = None,
        on_unknown: str = "abstain",
        acquirer: Acquirer | None = None,
        acquisition: AcquisitionLimits | None = None,
        time_limit_s: float = 120.0,
        watches: Sequence[RewardWatch] = (),
        name: str = "routed_reward",
    ) -> None:
        self._settings = RewardSettings(
            library=library,
            router=router,
            columns=columns or Columns(),
            on_unknown=on_unknown,
            acquirer=acquirer,
            acquisition=acquisition or AcquisitionLimits(),
            time_limit_s=time_limit_s,
            watches=tuple(watches),
            name=name,
        )
        self._set_up()
        watch_traces()
        fallback, names = self._settings.fallback, self._in_step.open().library.names
        if fallback is not None and fallback not in names:
            raise UnknownName("reward tool to fall back to", fallback, names)

    def __call__(  # noqa: PLR0913  TRL's signature
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Any] | None = None,
        *,
        trainer_state: Any = None,
        log_extra: LogExtra | None = None,
        log_metric: LogMetric | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """Score a batch; return one reward in [0, 1] per completion, in order, None where it is unscored."""
        del completion_ids
        step = _step_of(trainer_state)
        with traced(self.__name__, given={"n": len(completions)}, step=step, call=self.calls + 1, rank=_rank()) as run:
            rewards = self._rewards(prompts, completions, columns, step, (log_extra, log_metric))
            run.ended_with(lambda: figures_of(rewards))
        return [None if reward.value is None else float(reward.value) for reward in rewards]

    def _rewards(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        columns: dict[str, Any],
        step: int,
        told: tuple[LogExtra | None, LogMetric | None],
    ) -> list[Reward]:
        """Score a batch, and tell whoever logs and watches; return one reward per completion, in order."""
        started, tally = time.perf_counter(), Tally()
        try:
            rows = read_triples(prompts, completions, columns, self._settings.columns)
            triples = [row for row in rows if isinstance(row, Triple)]
            scored, unknown = self._score(step, triples, tally)
        except Exception as error:  # noqa: BLE001  a defect of ours must not end a training run either
            self._complain(f"a batch could not be scored: {describe(error)}")
            rows = [f"the batch could not be scored: {describe(error)}"] * len(completions)
            triples, scored, unknown = [], [], 0
        rewards = _in_rows(rows, scored)
        figures = self._note(ScoredBatch(step, triples, scored), rewards, tally, unknown, started)
        log_extra, log_metric = told
        self._log.tell(figures, self._log.columns(rewards), log_metric, log_extra)
        return rewards

    @property
    def library(self) -> Library:
        """The library in use.

        Raises:
            RavelarError: if none can be opened.
        """
        return self._in_step.current.library

    @property
    def library_versions(self) -> str:
        """A hash of the names, versions and cards of the tools in use; errors are those of `library`."""
        return self._in_step.current.versions

    @property
    def acquisitions(self) -> list[Acquisition]:
        """The acquisitions that ended, on this rank; only rank 0 acquires."""
        return list(self._acquisitions.ended) if self._acquisitions else []

    @property
    def stuck(self) -> list[str]:
        """The tools that are over their time limit just now, by name."""
        return self._side_by_side.stuck

    def check_columns(self, names: Collection[str]) -> None:
        """Check a data set's columns before training begins; see `training.trainer_rows.check_columns`.

        Raises:
            InputError: if a column that is needed is not there.
        """
        check_columns(self._settings.columns, names)

    def __getstate__(self) -> RewardSettings:
        return self._settings

    def __setstate__(self, settings: RewardSettings) -> None:
        self._settings = settings
        self._set_up()

    def _set_up(self) -> None:
        """Make everything that follows from the settings; the library is opened later."""
        given = self._settings
        self.__name__ = given.name
        self._complain = Complaints(__name__)
        self._side_by_side = SideBySide(given.time_limit_s)
        self._in_step = LibraryInStep(given.library, given.router, self._complain)
        self._log = RewardLog(given.name, self._complain)
        self._acquisitions: SharedAcquisitions | None = None
        if given.acquirer is not None and given.acquires:
            self._acquisitions = SharedAcquisitions(given.acquirer, given.acquisition)
        self._ranks: Ranks | None = None
        self._calls_at: tuple[int, int] = (-1, 0)
        self._lock = threading.Lock()
        self.calls, self.wall_s, self.tally = 0, 0.0, Tally()
        self.last: ScoredBatch | None = None
        self.figures: dict[str, float] = {}

    def _score(self, step: int, triples: Sequence[Triple], tally: Tally) -> tuple[list[Reward], int]:
        """Score triples; return their rewards, in order, and how many no tool fits."""
        try:
            library, routes = self._route(step, triples)
        except RavelarError as error:  # no library can be opened, or not the one that rank 0 has
            self._complain(f"a batch is unscored: {describe(error)}")
            return [Reward(None, None, describe(error))] * len(triples), 0
        unknown = sum(route.tool is None for route in routes)
        if self._settings.fallback is not None:
            routes = [_or_fallback(route, self._settings.fallback) for route in routes]
        return invoke(triples, routes, library=library, run=self._side_by_side, on_batch=tally.add_time), unknown

    def _route(self, step: int, triples: Sequence[Triple]) -> tuple[Library, list[Route]]:
        """Get in step with the other ranks; return the tools there are, and the route chosen for each triple.

        Raises:
            RavelarError: if there is no library to choose from.
        """
        with self._lock:
            self._ranks = ranks_now(self._ranks)
            key = self._call_key(step)
            current = self._in_step.at(key, self._ranks)
            routes = [current.routes.route(triple) for triple in triples]
            if self._acquisitions is None:
                return current.library, routes
            unknown = [i for i, route in enumerate(routes) if route.tool is None and not isinstance(route, Held)]
            renewed = self._acquisitions.go_on(
                [triples[i] for i in unknown], key=key, ranks=self._ranks, in_step=self._in_step
            )
        if renewed is None or renewed is current:
            return current.library, routes
        for i in unknown:
            routes[i] = renewed.routes.route(triples[i])
        return _with_needed(current.library, renewed.library, [routes[i] for i in unknown]), routes

    def _call_key(self, step: int) -> str:
        """Name this call as all ranks do: by the step, and which call of this step it is."""
        before, times = self._calls_at
        self._calls_at = (step, times + 1 if before == step else 0)
        return f"call/{step}/{self._calls_at[1]}"

    def _note(
        self, batch: ScoredBatch, rewards: Sequence[Reward], tally: Tally, unknown: int, started: float
    ) -> dict[str, float]:
        """Count a batch, show it to whoever watches, and return its figures by metric name."""
        for reward in rewards:
            tally.add(reward)
        seen = see_all(self._settings.watches, batch, complain=self._complain)
        wall_s = time.perf_counter() - started
        with self._lock:
            for reward in rewards:
                self.tally.add(reward)
            for tool, counted in tally.tools.items():
                if tool is not None:
                    self.tally.add_time(tool, counted.n, counted.seconds)
            self.calls += 1
            self.wall_s += wall_s
            self.last = batch
            self.figures = {**seen, **self._log.figures(rewards, tally, unknown=unknown, wall_s=wall_s)}
            return self.figures


def _step_of(trainer_state: Any) -> int:
    step = getattr(trainer_state, "global_step", -1)
    return step if isinstance(step, int) else -1


def _rank() -> str | None:
    """Return which rank of a run of several this is, as launchers say it."""
    return os.environ.get("RANK")


def _or_fallback(route: Route, tool: str) -> Route:
    """Return a route, or one to the fallback tool where no tool fits and none was meant."""
    if route.tool is not None or isinstance(route, Held):
        return route
    return Route(tool, f"fallback; {route.reason}")


def _with_needed(library: Library, newer: Library, routes: Sequence[Route]) -> Library:
    """Return a library that also holds the newer one's tools that routes lead to and it lacks.

    What was routed before the switch keeps its tool: other ranks, which did not wait, score it with that one too.
    """
    lacking = {route.tool for route in routes if route.tool is not None and route.tool not in library}
    return library.plus(*(newer[name] for name in sorted(lacking)))


def _in_rows(rows: Sequence[Triple | str], scored: Sequence[Reward]) -> list[Reward]:
    """Return one reward per row: that of its triple, or none and why the row is none."""
    rewards = iter(scored)
    return [next(rewards) if isinstance(row, Triple) else Reward(None, None, row) for row in rows]

"""What the tests of training share: tiny libraries, and what a trainer hands to a reward function."""

from collections.abc import Callable
from typing import Any

import pytest

from ravelar.tools.library import Library
from ravelar.tools.routing import Route
from ravelar.training.routed_reward import RoutedReward


class State:
    """A trainer's state, as far as reward functions look at it."""

    def __init__(self, step: int) -> None:
        self.global_step = step


class Log:
    """A trainer's two log functions, and what was said to them, call by call."""

    def __init__(self) -> None:
        self.metrics: list[dict[str, float]] = [{}]
        self.columns: list[dict[str, list[str]]] = [{}]

    def log_metric(self, name: str, value: float) -> None:
        assert name not in self.metrics[-1], f"{name} is logged twice in one call"
        self.metrics[-1][name] = value

    def log_extra(self, column: str, values: list[str]) -> None:
        self.columns[-1][column] = values

    def next(self) -> None:
        self.metrics.append({})
        self.columns.append({})


def by_task(prompt: Any, reference: Any, metadata: Any) -> Route:
    """Route to the tool that the column `task` names."""
    task = metadata.get("task")
    return Route(task, "column task") if task else Route(None, "no task")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def make() -> Callable[..., RoutedReward]:
    """Make a RoutedReward over tools, routed by the column `task`."""

    def made(*tools: Any, **settings: Any) -> RoutedReward:
        return RoutedReward(**{"library": Library(tools), "router": by_task, "time_limit_s": 30.0} | settings)

    return made


def call(reward: RoutedReward, tasks: list[Any], completions: list[Any] | None = None, **more: Any) -> Any:
    """Call as TRL does, with a column `task`."""
    n = len(tasks)
    given = completions if completions is not None else [f"completion {i}" for i in range(n)]
    prompts = more.pop("prompts", ["a prompt"] * n)
    return reward(prompts=prompts, completions=given, completion_ids=[[1]] * n, task=tasks, **more)


@pytest.fixture
def rewards_of() -> Callable[..., Any]:
    return call


@pytest.fixture
def state() -> type[State]:
    return State

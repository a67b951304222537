"""Reward functions that a trainer's command line can name, configured by the environment.

    trl grpo --reward_funcs ravelar.rewards.routed_reward ...

`routed_reward` is made when it is first asked for; what is wrong with the environment is told then, before training
begins. docs/training.md lists the variables.
"""

import difflib
import json
import math
import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from ravelar.tools.errors import InputError, UnknownName

if TYPE_CHECKING:
    from ravelar.training.acquisition import AcquisitionLimits
    from ravelar.training.routed_reward import RoutedReward

    routed_reward: RoutedReward

__all__ = ["VARIABLES", "reward_from_environment", "routed_reward"]

VARIABLES: Mapping[str, str] = {
    "RAVELAR_LIBRARY": "where adopted tools are kept: a path or a URL",
    "RAVELAR_SANDBOX": "where untrusted code runs: local, e2b or unsafe",
    "RAVELAR_REFERENCE_COLUMN": "the data set column that holds references",
    "RAVELAR_TASK_COLUMN": "the data set column that names tasks",
    "RAVELAR_TOOL_COLUMN": "the data set column that names tools",
    "RAVELAR_ON_UNKNOWN": "what becomes of a query that no tool fits: abstain, acquire or fallback:<tool>",
    "RAVELAR_TOOL_TIME_LIMIT_S": "most seconds per batch and tool",
    "RAVELAR_ACQUIRE_PROBES": "a file of labelled completions, for acquire",
    "RAVELAR_ACQUIRE_SETTINGS": 'settings of the RLAR graph as JSON, such as {"model": "openai:gpt-5-mini"}',
    "RAVELAR_ACQUIRE_LEAST_PROMPTS": "distinct prompts of a task before it is acquired",
    "RAVELAR_ACQUIRE_WAIT_S": "how many seconds training waits for one acquisition",
    "RAVELAR_ACQUIRE_TIME_LIMIT_S": "after how many seconds an acquisition is given up",
}
"""The variables that are read, and what each says."""

_LIKE_ONE = 0.9  # how like one of these another RAVELAR_... must be to be taken for a slip


def reward_from_environment(environment: Mapping[str, str] | None = None) -> "RoutedReward":
    """Make a `RoutedReward` over the built-in and the adopted tools, as the environment says.

    Args:
        environment: Variables by name; None means this process's.

    Raises:
        InputError: if a value can't be used, or a variable looks like a slip of one that is read.
    """
    from ravelar.calls import default_library, default_router  # noqa: PLC0415
    from ravelar.tools.columns import Columns  # noqa: PLC0415
    from ravelar.tools.sandbox.backends import BACKENDS  # noqa: PLC0415
    from ravelar.training.routed_reward import RoutedReward  # noqa: PLC0415

    given = dict(os.environ if environment is None else environment)
    _refuse_slips(given)
    sandbox = given.get("RAVELAR_SANDBOX", "local")
    if sandbox not in BACKENDS:
        raise UnknownName("sandbox (RAVELAR_SANDBOX)", sandbox, BACKENDS)
    on_unknown = given.get("RAVELAR_ON_UNKNOWN", "abstain")
    columns = {role: given.get(f"RAVELAR_{role.upper()}_COLUMN", role) for role in ("reference", "task", "tool")}
    try:
        return RoutedReward(
            library=partial(default_library, sandbox),
            router=partial(default_router, sandbox),
            columns=Columns.renamed(columns),
            on_unknown=on_unknown,
            acquirer=_acquirer(given) if on_unknown == "acquire" else None,
            acquisition=_limits(given),
            time_limit_s=_number(given, "RAVELAR_TOOL_TIME_LIMIT_S", 120.0),
        )
    except InputError as error:
        there = ", ".join(sorted(VARIABLES.keys() & given.keys())) or "none"
        raise InputError(f"{error} (ravelar.rewards.routed_reward; variables that are set: {there})") from error


if not TYPE_CHECKING:  # a type checker takes every name for there where it sees a module's `__getattr__`

    def __getattr__(name: str) -> Any:
        """Make `routed_reward` when it is first asked for (PEP 562)."""
        if name != "routed_reward":
            raise AttributeError(f"module 'ravelar.rewards' has no attribute {name!r}")
        globals()[name] = made = reward_from_environment()
        return made


def _refuse_slips(given: Mapping[str, str]) -> None:
    for name in given:
        if name.startswith("RAVELAR_") and name not in VARIABLES:
            close = difflib.get_close_matches(name, VARIABLES, n=1, cutoff=_LIKE_ONE)
            if close:
                raise InputError(f"the variable {name} is not read; did you mean {close[0]}?")


def _acquirer(given: Mapping[str, str]) -> Any:
    from ravelar.acquirer import RlarAcquirer  # noqa: PLC0415  langgraph takes 0.5 s

    text = given.get("RAVELAR_ACQUIRE_SETTINGS", "{}")
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise InputError(f"RAVELAR_ACQUIRE_SETTINGS is no JSON: {error}: {text[:100]!r}") from error
    if not isinstance(settings, dict):
        raise InputError(f"RAVELAR_ACQUIRE_SETTINGS is no JSON object: {text[:100]!r}")
    return RlarAcquirer(given.get("RAVELAR_ACQUIRE_PROBES") or None, settings)


def _limits(given: Mapping[str, str]) -> "AcquisitionLimits":
    from ravelar.training.acquisition import AcquisitionLimits  # noqa: PLC0415

    usual = AcquisitionLimits()
    least = 1 if given.get("RAVELAR_ACQUIRE_PROBES") else usual.least_prompts
    return AcquisitionLimits(
        least_prompts=int(_number(given, "RAVELAR_ACQUIRE_LEAST_PROMPTS", least)),
        wait_s=_number(given, "RAVELAR_ACQUIRE_WAIT_S", usual.wait_s),
        time_limit_s=_number(given, "RAVELAR_ACQUIRE_TIME_LIMIT_S", usual.time_limit_s),
    )


def _number(given: Mapping[str, str], name: str, usual: float) -> float:
    text = given.get(name, "")
    if not text:
        return usual
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} is {text!r}; a finite number is needed: {VARIABLES[name]}")
    return number

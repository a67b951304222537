"""Many judgings side by side: each asks for runs and waits, and all that is asked goes to the sandbox at once."""

import os
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

from ravelar.tools.errors import RewardToolError, ToolUnavailable
from ravelar.tools.sandbox.errors import SandboxError
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Program, Sandbox
from ravelar.tools.tracing.batches import traced_programs

Verdict = TypeVar("Verdict")
Key = TypeVar("Key")


class Request(NamedTuple):
    """One run that a judging waits for."""

    program: Program
    calls: Sequence[Call]


Judging = Generator[Request, list[Outcome], Verdict]
"""Yields runs, is sent their outcomes, and returns a verdict or raises a `RewardToolError`."""


@runtime_checkable
class RunsMany(Protocol):
    """A sandbox that spreads several programs over its cores by itself."""

    def run_many(
        self, jobs: Sequence[tuple[Program, Sequence[Call]]], limits: Limits | None = None
    ) -> list[list[Outcome]]:
        """Run several programs; return the outcomes of each."""
        ...


def drive(
    judgings: Mapping[Key, "Judging[Verdict]"], sandbox: Sandbox, limits: Limits
) -> dict[Key, Verdict | RewardToolError]:
    """Drive judgings to their ends, all their runs of one round together; return what each came to.

    Raises: ToolUnavailable: if the sandbox is not there, or breaks.
    """
    verdicts: dict[Key, Verdict | RewardToolError] = {}
    waiting: dict[Key, Request] = {}
    for key in judgings:
        _advance(key, judgings, None, waiting, verdicts)
    while waiting:
        asked, waiting = waiting, {}
        for key, outcomes in zip(asked, _run_all(sandbox, list(asked.values()), limits), strict=True):
            _advance(key, judgings, outcomes, waiting, verdicts)
    return verdicts


def _advance(
    key: Key,
    judgings: Mapping[Key, "Judging[Verdict]"],
    outcomes: list[Outcome] | None,
    waiting: dict[Key, Request],
    verdicts: dict[Key, Verdict | RewardToolError],
) -> None:
    """Let one judging go on to its next request or its end."""
    try:
        waiting[key] = next(judgings[key]) if outcomes is None else judgings[key].send(outcomes)
    except StopIteration as end:
        verdicts[key] = end.value
    except RewardToolError as error:
        verdicts[key] = error


def _run_all(sandbox: Sandbox, requests: Sequence[Request], limits: Limits) -> list[list[Outcome]]:
    def run_all() -> list[list[Outcome]]:
        if isinstance(sandbox, RunsMany):
            return sandbox.run_many(requests, limits)
        if len(requests) == 1:
            return [sandbox.run(requests[0].program, requests[0].calls, limits)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
            return list(threads.map(lambda request: sandbox.run(request.program, request.calls, limits), requests))

    try:
        return traced_programs(sandbox.name, requests, run_all)
    except SandboxError as error:
        raise ToolUnavailable(f"sandbox {sandbox.name}: {type(error).__name__}: {error}") from error


def plain(value: Any) -> Any:
    """Return a value as a sandbox takes it: mappings as dicts."""
    return dict(value) if isinstance(value, Mapping) else value

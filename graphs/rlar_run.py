"""One node's run: what it reads from state and context, what it may spend, and what it returns."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from langgraph.runtime import Runtime
from pydantic import ValidationError

from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext, RlarState
from ravelar.tools.acquiring import Attempt, Candidate
from ravelar.tools.chat.meter import Meter
from ravelar.tools.columns import Columns
from ravelar.tools.errors import (
    BrokenReply,
    BudgetExhausted,
    HubError,
    InputError,
    ModelUnavailable,
    RavelarError,
    ToolTimeout,
    ToolUnavailable,
)
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.task import TaskSpec

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Trouble = Literal[
    "disabled", "no_model", "hub", "web_search", "unreachable", "budget", "broken_reply", "probes", "failed"
]
"""Why a step was left out."""

_SCOUT_CALLS = 4  # two questions, each with its repair turn
_KINDS: tuple[tuple[type[RavelarError], Trouble], ...] = (
    (BudgetExhausted, "budget"),
    (BrokenReply, "broken_reply"),
    (ModelUnavailable, "no_model"),
    (HubError, "hub"),
    (ToolUnavailable, "unreachable"),
    (ToolTimeout, "unreachable"),
    (RavelarError, "failed"),
)


@dataclass(slots=True)
class Run:
    """One node at work. What it finds it puts into `update`, `candidates` and `left`; `result()` is its return.

    Attributes:
        parts: What the graph stands on.
        state: The state as the node found it.
        context: The settings.
        step: The node's name.
        meter: What counts this node's calls of the language model.
        update: Other keys of the state that the node changes.
        candidates: Candidates that it dealt with.
        left: What it could not do.
    """

    parts: Parts
    state: RlarState
    context: RlarContext
    step: str
    meter: Meter
    stream: Any
    update: dict[str, Any] = field(default_factory=dict)
    candidates: list[dict[str, Any]] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    _spent: dict[str, float] = field(default_factory=dict)
    _started: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        parts: Parts,
        state: RlarState,
        runtime: Runtime[RlarContext],
        step: str,
        *,
        share: Literal["all", "scout", "writer"] = "all",
    ) -> Self:
        """Begin a node.

        `share` divides what is left of the calls between branches that run side by side: the scout may ask
        twice, with a repair turn each, but takes no more than half; the rest is the writer's. So the limit holds
        whichever branch is quicker, and a resumed run divides alike.
        """
        context = runtime.context or RlarContext()
        spent = state.get("spent") or {}
        calls = max(0, context.max_llm_calls - int(spent.get("llm_calls", 0)))
        tokens = max(0, context.max_tokens - int(spent.get("tokens", 0)))
        scouts = min(_SCOUT_CALLS, calls // 2) if context.search_hub else 0
        if share == "scout":
            calls, tokens = scouts, tokens // 2
        elif share == "writer" and step == "write_verifier":
            calls, tokens = calls - scouts, tokens - tokens // 2 if scouts else tokens
        seconds = max(0.0, context.max_seconds - float(spent.get("seconds", 0.0)))
        meter = Meter(calls=calls, tokens=tokens, seconds=seconds)
        run = cls(parts, state, context, step, meter, runtime.stream_writer)
        run.say("started")
        return run

    @property
    def spec(self) -> TaskSpec:
        """The task."""
        return TaskSpec.model_validate(self.state["task"])

    @property
    def probes(self) -> ProbeSet:
        """The task's probes: a pure function of the state."""
        return self.parts.kept_probes.of(self.state)

    def attempt(self) -> Attempt:
        """Return what candidates are tried on."""
        return Attempt(self.spec, self.probes, thresholds_of(self.context))

    def chat(self) -> "BaseChatModel":
        """Return the language model.

        Raises: ModelUnavailable: if there is none.
        """
        return self.parts.chat_of(self.context)

    def say(self, event: str, **what: Any) -> None:
        """Stream a progress event."""
        self.stream({"step": self.step, "event": event, **what})

    def add(self, candidate: Candidate) -> None:
        """Keep what became of a candidate, and stream it."""
        self.candidates.append(candidate.as_row())
        self.say("candidate", name=candidate.name, passed=candidate.passed, reasons=list(candidate.reasons))

    def leave(self, kind: Trouble, said: str) -> None:
        """Note that something was left out, and stream it."""
        self.left.append({"step": self.step, "kind": kind, "said": said})
        self.say("left_out", kind=kind, said=said)

    def left_out(self, kind: Trouble, said: str) -> dict[str, Any]:
        """Leave the whole step out."""
        self.leave(kind, said)
        return self.result()

    def spend(self, **amounts: float) -> None:
        """Count what was used besides calls and time: `bytes`, `candidates`, `repairs`."""
        for name, amount in amounts.items():
            self._spent[name] = self._spent.get(name, 0) + amount

    def check_time(self) -> None:
        """Raise if the run's time is over.

        Raises: BudgetExhausted: if it is.
        """
        before = float((self.state.get("spent") or {}).get("seconds", 0.0))
        if before + time.monotonic() - self._started >= self.context.max_seconds:
            raise BudgetExhausted("seconds", self.context.max_seconds)

    def bytes_left(self) -> int:
        """Return how many bytes may still be downloaded.

        Raises: BudgetExhausted: if none.
        """
        before = int((self.state.get("spent") or {}).get("bytes", 0)) + int(self._spent.get("bytes", 0))
        left = int(self.context.max_download_gb * 1e9) - before
        if left <= 0:
            raise BudgetExhausted("bytes", self.context.max_download_gb * 1e9)
        return left

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Let a failure of ours end this step alone, with its message in `left_out`; a caller's mistake goes on up."""
        try:
            yield
        except InputError:
            raise
        except RavelarError as error:
            kind = next(kind for cls, kind in _KINDS if isinstance(error, cls))
            self.leave(kind, f"{type(error).__name__}: {error}")

    def result(self) -> dict[str, Any]:
        """Return what the node changes."""
        used = self.meter.spent()
        spent = {
            **self._spent,
            "llm_calls": int(used["calls"]),
            "tokens": int(used["tokens_in"] + used["tokens_out"]),
            "seconds": round(time.monotonic() - self._started, 3),
        }
        more: dict[str, Any] = {"candidates": self.candidates, "left_out": self.left}
        return {**self.update, **{key: value for key, value in more.items() if value}, "spent": spent}


def triples_of(state: RlarState) -> list[Triple]:
    """Return the state's triples."""
    columns = Columns()
    return [columns.triple({**row.get("metadata", {}), **row}) for row in state.get("triples") or []]


def thresholds_of(context: RlarContext) -> Thresholds:
    """Return the thresholds, with those that the context sets.

    Raises: InputError: if a name or a value is none.
    """
    try:
        return Thresholds.model_validate(dict(context.thresholds))
    except ValidationError as error:
        wrong = "; ".join(f"{one['loc'][0]} = {one['input']!r}: {one['msg']}" for one in error.errors())
        raise InputError(f"thresholds: {wrong}; known: {', '.join(Thresholds.model_fields)}") from error
    except TypeError as error:
        raise InputError(f"thresholds {dict(context.thresholds)}: {error}") from error

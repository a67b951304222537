"""What the RAVEL graph stands on: language models by role, retries, open runs; never state."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ravelar.graphs.ravel_open import OpenRun
from ravelar.graphs.ravel_state import RavelContext, RavelState, Role
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.retrying import Retries
from ravelar.tools.errors import ModelUnavailable
from ravelar.tools.writing.events import EventLog

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_MOST_OPEN = 256  # runs that this process holds on to, waiting ones included; one that was let go is opened again


@dataclass(frozen=True)
class Parts:
    """The real parts by default; give others to embed the graph in an application, or to test it.

    Attributes:
        chat: A language model for every role, whatever the context says.
        chats: Language models by role ("planner", "drafter" ...), whatever the context says.
        retries: How often a call that a provider's trouble ended is tried again.
        log: The event log of the only run, if the caller has it open; else each run opens its own.
    """

    chat: "BaseChatModel | None" = None
    chats: "Mapping[str, BaseChatModel]" = field(default_factory=dict)
    retries: Retries = field(default_factory=Retries)
    log: EventLog | None = None

    @cached_property
    def _chats(self) -> "dict[tuple[object, ...], BaseChatModel]":
        return {}

    @cached_property
    def _runs(self) -> "OrderedDict[str, OpenRun]":
        return OrderedDict()

    @cached_property
    def _lock(self) -> threading.RLock:
        return threading.RLock()

    def chat_of(self, context: RavelContext, role: Role) -> "BaseChatModel":
        """Return the language model of a role; the same one for the same name.

        Raises: ModelUnavailable: if none is set, or it can't be opened.
        """
        given = self.chats.get(role, self.chat)
        if given is not None:
            return given
        name: str | None = getattr(context, f"{role}_model") or context.model
        if name is None:
            raise ModelUnavailable(f"no language model is set for the {role}; name one: model='openai:gpt-5-mini'")
        key = (name, context.base_url, context.temperature, context.timeout_s)
        with self._lock:
            if key not in self._chats:
                self._chats[key] = open_chat(
                    name,
                    base_url=context.base_url,
                    temperature=context.temperature,
                    timeout_s=context.timeout_s,
                    max_retries=0,  # tried again by us, where it is seen and counted
                )
            return self._chats[key]

    def run_of(self, state: RavelState, context: RavelContext) -> OpenRun:
        """Return the open run of a state; it is opened if this process does not have it.

        Raises: InputError: if its log can't be opened.
        """
        with self._lock:
            name = state["run"]
            if name not in self._runs:
                self._runs[name] = OpenRun.of(state, context, self.log)
                while len(self._runs) > _MOST_OPEN:
                    self._close(next(iter(self._runs)))
            return self._runs[name]

    def rename(self, name: str, to: str) -> None:
        """Let an open run bear the name that its log says it has."""
        with self._lock:
            self._runs[to] = self._runs.pop(name)

    def close(self, name: str) -> None:
        """Let go of a run that has ended."""
        with self._lock:
            if name in self._runs:
                self._close(name)

    def _close(self, name: str) -> None:
        run = self._runs.pop(name)
        if run.log is not self.log:
            run.log.close()

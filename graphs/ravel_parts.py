"""What the RAVEL graph stands on: language models by role, an event log, prices; never state."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ravelar.graphs.ravel_open import OpenRun
from ravelar.graphs.ravel_state import RavelContext, Role
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.retrying import Retries
from ravelar.tools.errors import ModelUnavailable

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

_MOST_OPEN = 256  # runs whose open log this process holds on to; one that was let go is opened again


@dataclass(frozen=True)
class Parts:
    """The real parts by default; give others to embed the graph in an application, or to test it.

    Attributes:
        chat: A language model for every role, whatever the context says.
        chats: Language models by role ("planner", "drafter" ...), whatever the context says.
        retries: How often a call that a provider's trouble ended is tried again.
    """

    chat: "BaseChatModel | None" = None
    chats: "Mapping[str, BaseChatModel]" = field(default_factory=dict)
    retries: Retries = field(default_factory=Retries)

    @cached_property
    def _opened(self) -> "dict[tuple[str, str | None, float | None], BaseChatModel]":
        return {}

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

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
        key = (name, context.base_url, context.temperature)
        with self._lock:
            if key not in self._opened:  # tried again by us, where it is seen and counted
                self._opened[key] = open_chat(
                    name, base_url=context.base_url, temperature=context.temperature, max_retries=0
                )
            return self._opened[key]

"""What the RLAR graph stands on: a library, a store, a sandbox, a language model, a Hub; never state."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ravelar.agents.judge import Judge
from ravelar.agents.rubric import rubric_from
from ravelar.agents.workshop import make_workshop
from ravelar.graphs.rlar_probes import KeptProbes
from ravelar.graphs.rlar_state import ExampleRow, RlarContext
from ravelar.tools.adopted.build import Workshop, with_adopted
from ravelar.tools.adopted.names import StoredNames
from ravelar.tools.adopted.recognised import router_of
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.builtin import builtin_library
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.errors import InputError, ModelUnavailable
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.memory import memory_budget
from ravelar.tools.library import Library
from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
from ravelar.tools.routing import TASKS
from ravelar.tools.sandbox.backends import open_sandbox
from ravelar.tools.sandbox.protocol import Sandbox
from ravelar.tools.task import TaskSpec

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.tools import BaseTool

_TASKS = "tasks"  # the store's documents of this kind: a spec for each label


@dataclass(frozen=True)
class Parts:
    """The real parts by default; give others to embed the graph in an application, or to test it.

    Attributes:
        library: The built-in tools.
        store: The store of adopted tools; None opens the one that the context names.
        sandbox: Opens the sandbox in which verifiers run.
        chat: A language model to use whatever the context says; None opens the one that the context names.
        hub: A Hub to use whatever the context says.
        search_tool: A web search tool to use whatever the context says.
    """

    library: Library = field(default_factory=builtin_library)
    store: AdoptedStore | None = None
    sandbox: Callable[[], Sandbox] = open_sandbox
    chat: "BaseChatModel | None" = None
    hub: HubClient | None = None
    search_tool: "BaseTool | None" = None

    @cached_property
    def reserved(self) -> frozenset[str]:
        """Names that no new task may bear."""
        return frozenset({*self.library.names, *TASKS})

    @cached_property
    def kept_probes(self) -> KeptProbes:
        """The probes of the runs that are under way."""
        return KeptProbes()

    @cached_property
    def _stores(self) -> dict[str | None, AdoptedStore]:
        return {}

    @cached_property
    def _hubs(self) -> dict[str | None, HubClient]:
        return {}

    def store_of(self, context: RlarContext) -> AdoptedStore:
        """Return the store of adopted tools; the same one for the same place."""
        if self.store is not None:
            return self.store
        return self._stores.setdefault(context.library, open_store(context.library, who="the RLAR graph"))

    def chat_of(self, context: RlarContext) -> "BaseChatModel":
        """Return the language model.

        Raises: ModelUnavailable: if none is set, or it can't be opened.
        """
        if self.chat is not None:
            return self.chat
        if context.model is None:
            raise ModelUnavailable("no language model is set; name one, such as model='openai:gpt-5-mini'")
        return open_chat(context.model, base_url=context.base_url)

    def hub_of(self, context: RlarContext) -> HubClient:
        """Return the Hub; the same client for the same endpoint."""
        if self.hub is not None:
            return self.hub
        return self._hubs.setdefault(context.hub_endpoint, HubClient(context.hub_endpoint))

    def search_tool_of(self, context: RlarContext) -> "BaseTool | None":
        """Return the web search tool, if the context names one.

        Raises: InputError: if langchain-community has none of that name, or it can't be set up.
        """
        if self.search_tool is not None or context.web_search is None:
            return self.search_tool
        return _community_tool(context.web_search)

    def workshop(self, context: RlarContext) -> Workshop:
        """Return what adopted tools are built with."""
        return make_workshop(
            sandbox=self.sandbox,
            hub=self.hub,
            hub_endpoint=context.hub_endpoint,
            chat=self.chat,
            base_url=context.base_url,
            allow_remote_code=context.allow_remote_code,
            max_bytes=int(context.max_download_gb * 1e9),
            max_judge_calls=context.max_judge_calls,
        )

    def library_of(self, context: RlarContext) -> Library:
        """Return the built-in and the adopted tools."""
        return with_adopted(self.library, self.store_of(context), self.workshop(context))

    def recogniser_of(self, context: RlarContext) -> Recogniser:
        """Return what was learned from the names that the store keeps."""
        return Recogniser.fit(StoredNames(self.store_of(context)).read())

    def router_of(self, context: RlarContext, library: Library) -> TaskRouter:
        """Return a router over the built-in rules, the adopted tools and the names given so far."""
        return router_of(self.store_of(context), library.names, self.recogniser_of(context))

    def known_tasks(self, context: RlarContext) -> dict[str, TaskSpec]:
        """Return the tasks that were named so far, with a tool or without, by label."""
        store = self.store_of(context)
        named = {label: TaskSpec.model_validate(spec) for label, spec in store.read_all(_TASKS).items()}
        return named | {entry.task.label: entry.task for entry in store.entries()}

    def remember(self, context: RlarContext, spec: TaskSpec, examples: Sequence[ExampleRow]) -> None:
        """Keep a task, and the name that its examples were given, so that they need none again."""
        store = self.store_of(context)
        store.append(_TASKS, spec.label, spec.model_dump(mode="json"))
        names, now = StoredNames(store), time.time()
        for row in examples:
            names.append(NamedExample.of(row["prompt"], row.get("reference"), spec.label, named_at=now))

    def judge_of(self, context: RlarContext, spec: TaskSpec) -> Judge:
        """Return the language model as a judge of the task, with a budget of its own."""
        return Judge(
            self.chat_of(context),
            name=spec.label,
            rubric=rubric_from(spec),
            meter=Meter(calls=context.max_judge_calls),
            task=spec.summary,
            needs_reference=spec.reference_decides,
            method=context.structured_output,
            model=context.model,
        )

    def limits_of(self, context: RlarContext) -> dict[str, Any]:
        """Return what the shortlist must keep to."""
        return {
            "max_candidates": 2 * context.max_candidates,
            "memory_bytes": memory_budget().bytes if context.memory_gb is None else int(context.memory_gb * 1e9),
            "max_bytes": int(context.max_download_gb * 1e9),
            "allow_remote_code": context.allow_remote_code,
        }


def _community_tool(name: str) -> "BaseTool":
    try:
        from langchain_community import tools as community  # noqa: PLC0415  an extra
    except ImportError as error:
        raise InputError(f"web_search {name!r} needs langchain-community: pip install 'ravelar[community]'") from error
    known = [one for one in dir(community) if one.endswith(("SearchRun", "SearchResults", "Results", "Search"))]
    if name not in known:
        raise InputError(f"web_search {name!r} is no search tool of langchain-community; known: {', '.join(known)}")
    try:
        tool: BaseTool = getattr(community, name)()
    except Exception as error:
        raise InputError(f"web_search {name!r} can't be set up: {type(error).__name__}: {error}"[:500]) from error
    return tool

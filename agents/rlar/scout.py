"""Scout the Hub: what to search for, and which of what was found is worth trying."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Answer, Method, ask
from ravelar.agents.prompts import shorten
from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.chat.meter import Meter
from ravelar.tools.task import TaskSpec

SEARCH_PROMPT = "rlar.scout"
SHORTLIST_PROMPT = "rlar.scout_shortlist"
MOST_FACTS = 40
_LONGEST_FACTS = 1_500

_ADDRESS = re.compile(r"https?://(?P<host>[\w.-]+)(?::\d+)?(?P<path>/[^\s\"'<>)\]]*)?")
_NAME = re.compile(
    r"(?<![\w./@-])(?P<owner>[A-Za-z0-9][\w.-]{1,95})/(?P<name>[A-Za-z0-9][\w.-]{2,95}[A-Za-z0-9])(?![\w/-])"
)
_HUB_HOSTS = frozenset({"huggingface.co", "www.huggingface.co", "hf.co"})
_NO_OWNERS = {"api", "blog", "collections", "datasets", "docs", "join", "learn", "login", "models", "organizations"}
_NO_OWNERS |= {"papers", "posts", "settings", "spaces", "tasks"}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Query(_Frozen):
    """What to search the Hub for: words of repository names, and what they should find."""

    text: str = Field(min_length=2, max_length=80)
    reason: str = Field(min_length=1, max_length=500)


class Pick(_Frozen):
    """A repository worth trying, and why."""

    repo: str
    reason: str = Field(min_length=1, max_length=1_000)


class _Plan(_Frozen):
    reasoning: str = Field(min_length=1)
    queries: tuple[Query, ...] = Field(min_length=1)


class _Picks(_Frozen):
    reasoning: str = Field(min_length=1)
    picks: tuple[Pick, ...]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """What to search for, the most promising first, and why; `answer` says what asking took."""

    queries: tuple[Query, ...]
    reasoning: str
    answer: Answer[Any]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """Which repositories to try, the most promising first, and why; `answer` says what asking took."""

    picks: tuple[Pick, ...]
    reasoning: str
    answer: Answer[Any]


@dataclass(frozen=True, slots=True)
class WebHits:
    """What a web search brought.

    Attributes:
        names: What looks like "owner/name", in order; each is yet to be confirmed on the Hub.
        failures: Searches that failed, and why.
    """

    names: tuple[str, ...]
    failures: tuple[str, ...] = ()


def plan_search(  # noqa: PLR0913  how to ask
    chat: BaseChatModel,
    spec: TaskSpec,
    *,
    meter: Meter,
    limit: int = 6,
    method: Method = "text",
    config: RunnableConfig | None = None,
) -> SearchPlan:
    """Say what to search the Hub for; at most `limit` queries, no two alike.

    Raises: AgentError: if there is no usable reply; see `agents.asking.ask`.
    """
    values = {"task": task_json(spec), "limit": str(limit)}
    answer = ask(chat, SEARCH_PROMPT, values, _Plan, meter=meter, method=method, config=config)
    once = {query.text.casefold().strip(): query for query in reversed(answer.value.queries)}
    queries = [query for query in answer.value.queries if once[query.text.casefold().strip()] is query]
    return SearchPlan(tuple(queries[:limit]), answer.value.reasoning, answer)


def shortlist(  # noqa: PLR0913  how to ask
    chat: BaseChatModel,
    spec: TaskSpec,
    facts: Sequence[Mapping[str, Any]],
    *,
    meter: Meter,
    limit: int = 5,
    method: Method = "text",
    config: RunnableConfig | None = None,
) -> Shortlist:
    """Pick the repositories worth trying.

    Args:
        chat: Whom to ask.
        spec: The task.
        facts: What is known of each repository, its name under "repo"; the first `MOST_FACTS` are shown, shortened.
        meter: What counts the calls.
        limit: How many may be picked; further picks are dropped.
        method: How the reply takes its form.
        config: Callbacks, tags and metadata of the caller's.

    Raises:
        AgentError: if there is no usable reply, such as one that picks what was not there.
    """
    shown = facts[:MOST_FACTS]
    given = {str(fact["repo"]) for fact in shown}

    def check(reply: _Picks) -> None:
        names = [pick.repo for pick in reply.picks]
        if unknown := sorted(set(names) - given):
            raise ValueError(f"{', '.join(unknown)}: none of the repositories that were given")
        if len(set(names)) < len(names):
            raise ValueError("a repository is picked twice")

    lines = [shorten(json.dumps(dict(fact), ensure_ascii=False, default=str), _LONGEST_FACTS) for fact in shown]
    values = {"task": task_json(spec), "facts": "\n".join(lines) or "(none)", "limit": str(limit)}
    answer = ask(chat, SHORTLIST_PROMPT, values, _Picks, meter=meter, method=method, check=check, config=config)
    return Shortlist(answer.value.picks[:limit], answer.value.reasoning, answer)


def web_names(search_tool: BaseTool, queries: Iterable[str], *, limit: int = 30) -> WebHits:
    """Search the web for names of models, by any search tool of langchain-community that the user has a key for.

    Nothing that is found counts before the Hub confirms it. A search that fails is reported, and the others go on.

    Args:
        search_tool: Takes a query and returns text, or any JSON.
        queries: What to search for.
        limit: How many names to return at most.
    """
    names: dict[str, None] = {}
    failures: list[str] = []
    for query in queries:
        try:
            found = search_tool.invoke(query)
        except Exception as error:  # noqa: BLE001  each search tool raises its own
            failures.append(f"{query!r}: {type(error).__name__}: {without_secrets(str(error))[:200]}")
            continue
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
        names.update(dict.fromkeys(repository_names(text)))
    return WebHits(tuple(list(names)[:limit]), tuple(failures))


def repository_names(text: str) -> Iterator[str]:
    """Yield what looks like "owner/name" in a text: in the Hub's addresses first, then bare; other addresses never."""
    for address in _ADDRESS.finditer(text):
        parts = (address["path"] or "").strip("/.,;:").split("/")
        if address["host"].lower() in _HUB_HOSTS and len(parts) >= 2 and parts[0] not in _NO_OWNERS:
            name = "/".join(parts[:2]).partition("?")[0].partition("#")[0]
            if _NAME.fullmatch(name):
                yield name
    for match in _NAME.finditer(_ADDRESS.sub(" ", text)):
        # Models have capitals, digits or hyphens in their names; "and/or" and "input/output" have not.
        if match["owner"] not in _NO_OWNERS and re.search(r"[A-Z0-9-]", match["name"]):
            yield match[0]


def task_json(spec: TaskSpec) -> str:
    """Return a task as JSON text for a prompt."""
    return json.dumps(spec.model_dump(mode="json"), ensure_ascii=False, indent=1)

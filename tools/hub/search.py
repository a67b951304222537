"""Finding reward models: a union of queries, because no single tag, pipeline or name finds most of them."""

import fnmatch
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ravelar.tools.errors import HubError, HubUnreachable, InputError
from ravelar.tools.hub.client import REPO, HubClient
from ravelar.tools.hub.reading import number, text, texts

TAGS = ("reward-model", "reward_model", "RLHF")
PIPELINES = ("text-classification", "text-ranking", "translation")
MIXED_PIPELINES = ("text-generation", None)  # mostly other things: kept only where something else speaks for them
ARCHITECTURES = ("*ForSequenceClassification", "*ForRewardModel*", "*ForTokenClassification", "*RewardModel*")
DATASETS = (  # preference data that reward models name as their training set
    "Skywork/Skywork-Reward-Preference-80K-v0.2",
    "Anthropic/hh-rlhf",
    "nvidia/HelpSteer2",
    "openbmb/UltraFeedback",
)
NAMES = ("reward", "-rm-", "_rm-", "-prm", "preference")  # looked for in the name with a dash behind
EXPAND = ("config", "downloads", "gated", "lastModified", "likes", "pipeline_tag", "tags")
MOST_TERMS = 3
PER_QUERY = 50
MOST_FAILURES = 3  # in a row, then no more is asked: a Hub that is down would cost half a minute a query


@dataclass(frozen=True, slots=True)
class Found:
    """A model that a search came upon.

    Attributes:
        repo: "owner/name".
        ways: Why it is here, such as "tag reward-model" or "architecture LlamaForSequenceClassification".
        downloads: In the last 30 days.
        likes: As the Hub counts.
        pipeline_tag: The Hub's word for what it does.
        architectures: Of its config, as far as the Hub tells.
        gated: Whether its files need an agreement.
        last_commit: When it was changed last, in ISO 8601.
        terms: How many of the searched words stand in its name or tags.
    """

    repo: str
    ways: tuple[str, ...]
    downloads: int = 0
    likes: int = 0
    pipeline_tag: str | None = None
    architectures: tuple[str, ...] = ()
    gated: bool = False
    last_commit: str | None = None
    terms: int = 0


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, best first, and what went wrong meanwhile.

    Attributes:
        found: The models.
        queries: How many queries were sent.
        failures: What each failed query asked for, and why it failed.
        unasked: Words and queries that the limits left out.
    """

    found: tuple[Found, ...]
    queries: int = 0
    failures: tuple[tuple[str, str], ...] = ()
    unasked: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Found]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


@dataclass(frozen=True, slots=True)
class Query:
    """One question to the Hub; `way` names it, and is None where the question itself is no reason to keep a model."""

    name: str
    params: tuple[tuple[str, str], ...]
    way: str | None


@dataclass(slots=True)
class _Hit:
    row: Mapping[str, Any]
    ways: list[str] = field(default_factory=list)


def search(
    client: HubClient, terms: Sequence[str], *, limit: int = 20, max_queries: int = 24, max_s: float = 120.0
) -> Searched:
    """Search the Hub for reward models; return at most `limit`, best first.

    First come models of which a tag, the name, the class or the training data says that they give rewards: a
    pipeline tag alone is worn by every classifier. Among those (and then among the others) come first the ones that
    hold more of the searched words, then those found in more ways, then by downloads, likes and name; so the order
    is the same whenever the Hub says the same. A query that fails is reported and costs only its own finds; after
    three in a row the rest is left unasked.

    Args:
        client: The Hub.
        terms: Words of the task, such as "math"; none at all asks for reward models in general.
        limit: Most models to return.
        max_queries: Most queries to send; each reads at most 50 models.
        max_s: After so many seconds no further query is sent.

    Raises:
        HubUnreachable: if every query fails.
        InputError: if a limit is below 1.
    """
    if limit < 1 or max_queries < 1:
        raise InputError(f"limit is {limit} and max_queries {max_queries}; allowed: 1 or more")
    words = list(dict.fromkeys(word.lower() for term in terms for word in term.split()))
    planned = queries(words[:MOST_TERMS])
    unasked = [f"the word {word!r}" for word in words[MOST_TERMS:]]
    unasked += [query.name for query in planned[max_queries:]]
    hits: dict[str, _Hit] = {}
    failures: list[tuple[str, str]] = []
    asked = in_a_row = 0
    until = time.monotonic() + max_s
    for query in planned[:max_queries]:
        if in_a_row == MOST_FAILURES or time.monotonic() > until:
            unasked.append(query.name)
            continue
        asked += 1
        try:
            _add(hits, client.models(query.params, most=PER_QUERY), query)
            in_a_row = 0
        except HubError as error:
            failures.append((query.name, str(error)))
            in_a_row += 1
    if failures and len(failures) == asked:
        raise HubUnreachable(f"{asked} of {asked} queries failed; the first ({failures[0][0]}): {failures[0][1]}")
    found = sorted((_found(hit, words) for hit in hits.values() if hit.ways), key=_rank)
    return Searched(tuple(found[:limit]), asked, tuple(failures), tuple(unasked))


def queries(words: Sequence[str]) -> list[Query]:
    """Plan the queries, the most telling first, so that a limit on their number cuts the least telling."""
    asked = [_query(word, "filter", tag, f"tag {tag}") for tag in TAGS for word in words]
    asked += [_query(word, "pipeline_tag", tag, f"pipeline {tag}") for tag in PIPELINES for word in words]
    asked += [_query("reward", "pipeline_tag", tag, f"pipeline {tag}") for tag in PIPELINES[:2]]
    asked += [_query(None, "filter", tag, f"tag {tag}") for tag in TAGS]
    for tag in MIXED_PIPELINES:
        asked += [_query(f"{word} reward", "pipeline_tag", tag, None) for word in words or [""]]
    asked += [_query(None, "filter", f"dataset:{name}", f"trained on {name}") for name in DATASETS]
    return asked


def _query(word: str | None, key: str, value: str | None, way: str | None) -> Query:
    params = [("search", word.strip())] if word else []
    params += [(key, value)] if value else []
    name = ", ".join(f"{key} {value}" for key, value in params)
    shown = [("sort", "downloads"), ("limit", str(PER_QUERY)), *(("expand", each) for each in EXPAND)]
    return Query(name, (*params, *shown), way)


def _add(hits: dict[str, _Hit], rows: Sequence[Mapping[str, Any]], query: Query) -> None:
    for row in rows:
        repo = row.get("id")
        if not isinstance(repo, str) or not REPO.fullmatch(repo):
            continue  # a name that is none can't be asked about
        hit = hits.setdefault(repo, _Hit(row))
        for way in [*([query.way] if query.way else []), *_own_ways(row)]:
            if way not in hit.ways:
                hit.ways.append(way)


def _own_ways(row: Mapping[str, Any]) -> list[str]:
    """Say what of the model itself speaks for it, whichever query came upon it."""
    ways = [f"architecture {name}" for name in _architectures(row) if _matches(name)]
    name = str(row.get("id", "")).split("/")[-1].lower()
    return ways + (["name"] if any(part in f"{name}-" for part in NAMES) else [])


def _matches(architecture: str) -> bool:
    return any(fnmatch.fnmatchcase(architecture, pattern) for pattern in ARCHITECTURES)


def _architectures(row: Mapping[str, Any]) -> tuple[str, ...]:
    config = row.get("config")
    return texts(config.get("architectures")) if isinstance(config, dict) else ()


def _found(hit: _Hit, words: Sequence[str]) -> Found:
    row = hit.row
    tags = texts(row.get("tags"))
    place = " ".join([str(row["id"]), *tags]).lower()
    return Found(
        repo=str(row["id"]),
        ways=tuple(hit.ways),
        downloads=number(row.get("downloads")) or 0,
        likes=number(row.get("likes")) or 0,
        pipeline_tag=text(row.get("pipeline_tag")),
        architectures=_architectures(row),
        gated=bool(row.get("gated")),
        last_commit=text(row.get("lastModified")),
        terms=sum(word in place for word in words),
    )


def _rank(found: Found) -> tuple[bool, int, int, int, int, str]:
    gives_rewards = any(way.startswith(("tag ", "name", "trained on ")) or "Reward" in way for way in found.ways)
    return not gives_rewards, -found.terms, -len(found.ways), -found.downloads, -found.likes, found.repo

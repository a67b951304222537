"""Hub down, slow, rate-limited or lying: a named reason, and the verifier branch still completes and adopts."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from five_tasks import TASKS
from loopback_model import HubServer, reward_model_files
from rlar_world import chat_that_says, named, written

from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.errors import InputError
from ravelar.tools.hub.client import HubClient

UNITS = TASKS["unit_conversion"]
REPO = "acme/units-reward"
QUERIES = [{"text": text, "reason": "the task's words"} for text in ("units", "conversion", "reward")]
ANSWERS = {
    "task namer": [named(UNITS.spec())],
    "scout": [
        json.dumps({"reasoning": "short queries find most", "queries": QUERIES}),
        json.dumps(
            {"reasoning": "both", "picks": [{"repo": f"acme/{n}-reward", "reason": "?"} for n in ("units", "b")]}
        ),
    ],
    "writer": [written(UNITS.honest_verifier())],
}
Left = list[dict[str, str]]


@pytest.fixture
def hub() -> Iterator[Any]:
    """A Hub with one reward model, which is refused if it is downloaded: not what was said, and no torch is needed."""
    with HubServer() as hub:
        hub.add(REPO, reward_model_files(**{"vocab.json": b"{}"}), tags=["reward-model"])
        hub.fault(r"/resolve/.*/vocab\.json$", "wrong_bytes")
        yield hub


@pytest.fixture
def store() -> AdoptedStore:
    return open_store("memory:")


@pytest.fixture
def acquire(tmp_path: Path, store: AdoptedStore) -> Callable[..., dict[str, Any]]:
    """Run the graph against a Hub; a verifier is written and must be adopted, whatever the Hub does."""

    def run(hub: Any, **settings: Any) -> dict[str, Any]:
        given: Any = {"token": "", "timeout_s": 10.0, "cache_dir": tmp_path, "sleep": lambda _: None, **settings}
        started = time.monotonic()
        with HubClient(hub.url, **given) as client:
            graph = build_rlar(parts=Parts(store=store, chat=chat_that_says(ANSWERS), hub=client))
            result = graph.invoke({"examples": UNITS.examples(60), "probes": UNITS.probes()}, context=RlarContext())
        assert time.monotonic() - started < 60
        assert result["end"] == "adopted"
        assert [record.action for record in store.history("unit_conversion")][-1] == "adopted"
        json.dumps(result)
        return result

    return run


def left(result: dict[str, Any], step: str = "scout") -> str:
    """Return what a step said that it left out for the Hub's sake."""
    return "\n".join(row["said"] for row in result["left_out"] if (row["step"], row["kind"]) == (step, "hub"))


def refusals(result: dict[str, Any]) -> dict[str, str]:
    return {row["name"]: "; ".join(row["reasons"]) for row in result["candidates"] if not row["passed"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "down"}, "tried 3 times"),
        ({"kind": "error"}, "500"),
        ({"kind": "error", "status": 503}, "503"),
        ({"kind": "slow", "seconds": 5}, "can't be had"),
        ({"kind": "drip", "seconds": 5}, "can't be had"),
        ({"kind": "too_many", "seconds": 1}, "429"),
        ({"kind": "too_many", "seconds": 3600}, "it asks to wait 3600 s, allowed: 30 s"),
        ({"kind": "garbage"}, "answers with no JSON"),
        ({"kind": "endless"}, ""),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_a_hub_that_can_not_be_searched_is_named_and_the_verifier_adopted(hub, acquire, store, fault, said):
    hub.fault(r"^/api/models$", **fault)
    result = acquire(hub, timeout_s=0.2 if fault["kind"] in ("slow", "drip") else 10.0)
    assert "HubUnreachable: 3 of 3 queries failed" in left(result)
    assert said in left(result)
    assert not refusals(result)
    assert not store.refused()


@pytest.mark.slow
def test_nobody_listens_where_the_hub_should_be(hub, acquire):
    hub.stop()
    assert "HubUnreachable" in left(acquire(hub))


def test_a_rate_limit_that_passes_is_waited_for(hub, acquire):
    hub.fault(r"^/api/models$", "too_many", times=2, seconds=1)
    waits: list[float] = []
    result = acquire(hub, sleep=waits.append)
    assert waits == [1, 1]
    assert not left(result)
    assert REPO in refusals(result)


def test_queries_that_fail_cost_only_what_they_would_have_found(hub, acquire):
    hub.fault(r"^/api/models$", "error", times=6)  # two queries, three tries each
    result = acquire(hub)
    assert left(result).count("tried 3 times") == 2
    assert REPO in refusals(result)


@pytest.mark.slow
def test_a_hub_that_stops_answering_refuses_nobody(hub, acquire, store):
    for n in range(6):
        hub.add(f"acme/reward-{n}", reward_model_files(), tags=["reward-model"])
    hub.fault(r"^/api/models/acme/", "down")
    result = acquire(hub)
    assert left(result).count("HubUnreachable") == 3
    assert "not looked at, since the Hub does not answer" in left(result)
    assert not refusals(result)
    assert not store.refused()


@pytest.mark.parametrize("kind", ["wrong_bytes", "shorter", "longer"])
@pytest.mark.parametrize("file", ["config.json", "tokenizer.json"])
@pytest.mark.slow
def test_a_hub_that_lies_about_a_file_has_the_candidate_refused_by_name(hub, acquire, store, kind, file):
    hub.fault(rf"/resolve/.*/{file.replace('.', '[.]')}$", kind)
    result = acquire(hub)
    assert "RepositoryLied" in refusals(result)[REPO]
    assert file in refusals(result)[REPO]
    assert not left(result)
    (refusal,) = store.refused("unit_conversion")
    assert refusal.candidate == REPO
    assert "RepositoryLied" in refusal.record.reason


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["down", "too_many", "error", "slow"])
def test_a_download_that_breaks_off_is_left_out_and_refuses_nobody(hub, acquire, store, kind):
    hub.fault(r"/resolve/.*/tokenizer\.json$", kind, seconds=6)
    result = acquire(hub, **({"timeout_s": 3.0, "retries": 0} if kind == "slow" else {}))
    assert "HubUnreachable" in left(result, "evaluate_candidates")
    assert REPO in left(result, "evaluate_candidates")
    assert not refusals(result)
    assert not store.refused()


def test_a_gated_repository_is_refused_by_name(hub, acquire):
    hub.add("acme/b-reward", reward_model_files(), tags=["reward-model"], gated="manual")
    result = acquire(hub)
    assert "gated" in refusals(result)["acme/b-reward"]


def test_offline_the_hub_is_not_asked(hub, acquire, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "offline mode: HF_HUB_OFFLINE is set" in left(acquire(hub))
    assert not hub.requests


def test_without_hub_and_language_model_nothing_can_be_had_and_the_end_says_so(hub, store, tmp_path):
    hub.stop()
    with HubClient(hub.url, token="", cache_dir=tmp_path, sleep=lambda _: None) as client:
        graph = build_rlar(parts=Parts(store=store, hub=client))
        result = graph.invoke({"examples": UNITS.examples(60), "probes": UNITS.probes()}, context=RlarContext())
    assert result["end"] == "unavailable"
    assert "HubUnreachable" in left(result)
    assert {row["kind"] for row in result["left_out"]} == {"no_model", "hub"}


def test_an_endpoint_that_is_none_is_the_callers_mistake(store):
    graph = build_rlar(parts=Parts(store=store, chat=chat_that_says(ANSWERS)))
    with pytest.raises(InputError, match="endpoint"):
        graph.invoke(
            {"examples": UNITS.examples(60), "probes": UNITS.probes()}, context=RlarContext(hub_endpoint="ftp://x")
        )

"""Reward models on a loopback Hub: the evaluation adopts the truly best and refuses each broken one by its reason."""

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.adopted.store import open_store
from ravelar.tools.hub.client import HubClient

pytest.importorskip("trl", reason="the extra 'train' makes the candidates")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
WHY_REFUSED = {
    "tiny/untrained-head": "no score head",
    "tiny/never-trained": "sign|not_above_chance|not_constant",
    "tiny/pad-is-eos": "pad_token",
    "tiny/gated-rm": "gated",
    "tiny/pickle-only": "pickle only",
    "tiny/remote-code": "needs its own code",
    "tiny/huge-rm": "bytes|large|memory",
    "tiny/sentiment": "NEGATIVE|labels|sentiment",
}


def module(name: str) -> ModuleType:
    """Load a file of tests/hub by its name."""
    known = f"tests_hub_{name}"
    if known not in sys.modules:
        path = Path(__file__).parents[1] / "hub" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(known, path)
        sys.modules[known] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[known])
    return sys.modules[known]


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    import torch  # noqa: PLC0415

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("candidates")
    made = module("tiny_models").make_candidates(folder)
    return {**made, "never-trained": never_trained(folder, made["courtesy-rm"])}


def never_trained(folder: Path, good: Any) -> Any:
    """Return a copy of a good model none of whose weights was trained; head and all are in the file."""
    import torch  # noqa: PLC0415

    def change(weights: dict[str, Any]) -> dict[str, Any]:
        draw = torch.Generator().manual_seed(3)
        return {name: torch.randn(given.shape, generator=draw) * 0.02 for name, given in weights.items()}

    copy = shutil.copytree(good.folder, folder / "never-trained")
    module("tiny_models").edit_weights(copy, change)
    return replace(good, name="never-trained", repo="tiny/never-trained", folder=copy, trait="never trained")


@pytest.fixture(scope="module")
def hub(candidates: dict[str, Any]) -> Iterator[Any]:
    with module("hub_server").HubServer() as server:
        module("tiny_models").put_on(server, candidates)
        yield server


def acquired(hub: Any, tmp_path: Path, given: dict[str, Any], **context: Any) -> dict[str, Any]:
    store = open_store(tmp_path / "library.sqlite")
    settings = {"max_candidates": 10, "memory_gb": 4.0, **context}
    with HubClient(endpoint=hub.url, token="", cache_dir=tmp_path / "hub") as client:
        graph = build_rlar(parts=Parts(store=store, hub=client))
        return {**graph.invoke(given, context=RlarContext(**settings)), "store": store, "client": client}


def preferences(task: str, n: int = 240) -> list[dict[str, Any]]:
    pairs = module("tiny_models").labelled_pairs(task, n, seed=5)
    return [{"prompt": pair.prompt, "chosen": pair.good, "rejected": pair.bad} for pair in pairs]


@pytest.mark.parametrize(("task", "best"), [("courtesy", "tiny/courtesy-rm"), ("listing", "tiny/listing-rm")])
def test_the_truly_best_is_adopted_and_each_broken_one_refused_for_its_own_reason(
    hub, candidates, tmp_path, task, best
):
    hub.requests.clear()
    rows = [{**row, "task": task} for row in preferences(task)]
    result = acquired(hub, tmp_path, {"probes": rows, "triples": []})
    assert result["end"] == "adopted", result["because"]
    assert result["adopted"]["candidate"] == best
    found = {row["name"]: row for row in result["candidates"]}
    assert {f"tiny/{name}" for name in candidates} <= set(found)
    for repo, why in WHY_REFUSED.items():
        said = "; ".join(found[repo]["reasons"])
        assert not found[repo]["passed"]
        assert any(word in said for word in why.split("|")), f"{repo}: {said}"
    cost = found["tiny/courtesy-cost"]
    assert cost["passed"] == (task == "courtesy"), cost["reasons"]  # lower is better, and it is turned round
    assert not [c.marker for c in candidates.values() if c.marker and c.marker.exists()], "its code was executed"
    for repo in ("gated-rm", "pickle-only", "remote-code", "huge-rm", "sentiment"):
        assert hub.fetched(f"tiny/{repo}/resolve", whole=True) < 200_000  # no weights of what is refused by its facts
    (refusals,) = [{refusal.candidate for refusal in result["store"].refused(task)}]
    assert set(WHY_REFUSED) <= refusals


def test_what_was_adopted_scores_in_the_unit_interval_at_a_pinned_revision(hub, candidates, tmp_path):
    rows = [{**row, "task": "courtesy"} for row in preferences("courtesy")]
    result = acquired(hub, tmp_path, {"probes": rows, "triples": []}, max_candidates=1)
    entry = result["store"].entry("courtesy")
    assert entry.recipe.repo == "tiny/courtesy-rm"
    assert len(entry.recipe.revision) == 40
    assert entry.card.calibration is not None
    facts = {fact.measure: fact for fact in entry.card.evidence}
    assert facts["pairwise accuracy within prompts"].low > 0.5
    later = module("tiny_models").labelled_pairs("courtesy", 40, seed=77)
    sides = [(pair.prompt, text) for pair in later for text in (pair.good, pair.bad)]
    triples = [{"prompt": prompt, "completion": text, "task": "courtesy"} for prompt, text in sides]
    graph = build_rlar(parts=Parts(store=result["store"], hub=result["client"]))
    hub.stop()  # what was adopted is here, and needs no Hub any more
    values = [row["reward"] for row in graph.invoke({"triples": triples})["rewards"]]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert sum(good > bad for good, bad in zip(values[::2], values[1::2], strict=True)) >= 36
    assert json.dumps(values)

"""The RLAR graph as training's acquirer: a loopback language model, probes from a file, the real sandbox."""

import json
import pickle

import pytest
from five_tasks import TASKS
from loopback_model import RoleServer, write_jsonl
from rlar_world import named, written

from ravelar.acquirer import RlarAcquirer
from ravelar.calls import default_library, default_router
from ravelar.tools.errors import InputError
from ravelar.tools.reward import Triple
from ravelar.training.acquisition import AcquisitionLimits
from ravelar.training.routed_reward import RoutedReward

UNITS = TASKS["unit_conversion"]


@pytest.fixture
def model(monkeypatch, tmp_path):
    monkeypatch.setenv("RAVELAR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("RAVELAR_LIBRARY", str(tmp_path / "library.sqlite"))
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    with RoleServer({"task namer": named(UNITS.spec()), "writer": written(UNITS.honest_verifier())}) as server:
        server.settings = {"model": "openai:loopback", "base_url": server.url, "search_hub": False}
        yield server


@pytest.mark.usefixtures("jail")
def test_a_task_that_training_meets_gets_a_tool_from_a_file_of_probes(model, tmp_path):
    probes = [{**row, "task": "unit_conversion"} for row in UNITS.probes()]
    other = [{"prompt": "?", "completion": "x", "label": True, "task": "another"}]
    acquirer = RlarAcquirer(write_jsonl(tmp_path / "probes.jsonl", [*probes, *other]), model.settings)
    reward = RoutedReward(
        library=default_library,
        router=default_router,
        on_unknown="acquire",
        acquirer=acquirer,
        acquisition=AcquisitionLimits(least_prompts=4, wait_s=100),
    )
    made = [one.row for one in UNITS.made_triples(8)]
    call = {
        "prompts": [row["prompt"] for row in made],
        "completions": [row["completion"] for row in made],
        "reference": [row.get("reference") for row in made],
        "task": ["unit conversion"] * len(made),
    }
    values = reward(**call)
    (acquired,) = reward.acquisitions
    assert acquired.outcome.end == "adopted", acquired.outcome.because
    assert acquired.outcome.adopted == "unit_conversion"
    assert [value is not None and value >= 0.5 for value in values] == [row["label"] for row in made]
    assert {one.tool for one in reward.last.rewards} == {"unit_conversion"}
    assert reward(**call) == values


def test_without_labels_and_without_a_deciding_reference_nothing_is_adopted(model):
    outcome = RlarAcquirer(settings=model.settings)(
        "limericks", [Triple(f"Write limerick {i}.", "x") for i in range(9)]
    )
    assert outcome.adopted is None
    assert outcome.end == "insufficient_probes"


@pytest.mark.slow
@pytest.mark.usefixtures("jail")
def test_deciding_references_of_the_prompts_themselves_are_evidence_enough(model):
    met = [Triple(row["prompt"], "x", row["reference"]) for row in UNITS.examples(160)]
    outcome = RlarAcquirer(settings=model.settings)("unit_conversion", met)
    assert outcome.adopted == "unit_conversion", outcome.because


def test_it_is_checked_when_it_is_made_and_travels_by_pickle(tmp_path):
    with pytest.raises(InputError, match=r"no setting 'modle'; settings: .*\bmodel\b"):
        RlarAcquirer(settings={"modle": "x"})
    with pytest.raises(InputError, match=r"probes.jsonl: no such file"):
        RlarAcquirer(str(tmp_path / "probes.jsonl"))
    (tmp_path / "probes.jsonl").write_text(json.dumps({"prompt": "?", "completion": "x", "label": "maybe"}) + "\n")
    with pytest.raises(InputError, match=r"probes\.jsonl:1"):
        RlarAcquirer(str(tmp_path / "probes.jsonl"))
    acquirer = RlarAcquirer(settings={"model": "openai:x"})
    assert pickle.loads(pickle.dumps(acquirer)) == acquirer

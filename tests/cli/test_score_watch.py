"""Adopted tools are watched while they score: what drifts is reported, with what to do about it."""

import json

import pytest

from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.store import open_store
from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.task import TaskSpec

pytestmark = pytest.mark.slow

SOURCE = """
def verify(prompt, completion, reference):
    if "broken" in str(reference):
        raise ValueError("this reference can't be read")
    return 1.0 if completion.strip() == str(reference) else 0.0
"""


@pytest.fixture
def library(tmp_path, monkeypatch):
    place = tmp_path / "library.sqlite"
    monkeypatch.setenv("RAVELAR_LIBRARY", str(place))
    spec = TaskSpec(label="echoing", summary="Echo.", correct="the reference", reference_decides=True)
    card = ToolCard(name="echoing", kind="verifier", task="echo", summary="Compares.")
    trial = Trial(probes="sha256:0", half="held_out", n=200, unscored=0)
    with open_store(place) as store:
        store.adopt(Entry(task=spec, card=card, recipe=WrittenRecipe(source=SOURCE), trial=trial), run="a")
    return place


def rows(tmp_path, references):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"prompt": "?", "completion": r, "reference": r, "tool": "echoing"}) for r in references]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_a_tool_that_drifts_is_reported_and_the_way_out_named(ravelar, tmp_path, library):
    done = ravelar("score", rows(tmp_path, [f"broken {i}" for i in range(200)]))
    assert done.returncode == 0
    assert "echoing is not what its evidence says" in done.stderr
    assert "ravelar library suspend echoing" in done.stderr


def test_a_tool_that_behaves_is_not_mentioned(ravelar, tmp_path, library):
    done = ravelar("score", rows(tmp_path, [f"fine {i}" for i in range(200)]))
    assert done.returncode == 0
    assert "evidence" not in done.stderr


def test_a_suspended_tool_is_not_routed_to(ravelar, tmp_path, library):
    assert ravelar("library", "suspend", "echoing", "--reason", "drifts").returncode == 0
    done = ravelar("score", rows(tmp_path, ["a"]))
    row = json.loads(done.stdout.splitlines()[0])
    assert row["reward"] is None
    assert "echoing" in row["reason"]

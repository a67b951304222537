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


def rows(tmp_path, references, completion=None):
    path = tmp_path / "rows.jsonl"
    lines = [
        json.dumps({"prompt": "?", "completion": completion or r, "reference": r, "tool": "echoing"})
        for r in references
    ]
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


def test_a_second_tool_that_agrees_on_a_sample_is_told(ravelar, tmp_path, library):
    done = ravelar("score", rows(tmp_path, [f"town {i}" for i in range(600)]), "--check", "echoing=normalized")
    assert done.returncode == 0
    assert "the check normalized of echoing agrees on 38 of 38 of its completions" in done.stderr  # 16 + 16 + 6
    assert "what its evidence says" not in done.stderr


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_second_tool_that_disagrees_on_a_sample_is_reported(ravelar, tmp_path, library, jobs):
    asked = rows(tmp_path, ["paris"] * 600, completion="Paris")  # the adopted tool minds the case
    done = ravelar("score", asked, "--check", "echoing=normalized", "--jobs", jobs)
    assert done.returncode == 0
    assert "the check normalized of echoing agrees on 0 of 38 of its completions" in done.stderr
    assert "38 of 38 of a sample a second tool disagrees (100.0%); at most 10.0% were to be expected" in done.stderr
    assert "ravelar library suspend echoing" in done.stderr


def test_a_built_in_tool_that_a_second_one_contradicts_is_reported_too(ravelar, tmp_path):
    path = tmp_path / "rows.jsonl"
    line = json.dumps({"prompt": "?", "completion": "Paris", "reference": "paris", "tool": "exact"})
    path.write_text(f"{line}\n" * 600)
    done = ravelar("score", str(path), "--check", "exact=normalized")
    assert done.returncode == 0
    assert "exact is not what its evidence says: 38 of 38 of a sample" in done.stderr
    assert "suspend" not in done.stderr


def test_a_second_tool_that_can_score_none_is_said_to_have_compared_none(ravelar, tmp_path, library):
    done = ravelar("score", rows(tmp_path, ["a town"] * 20), "--check", "echoing=unit_tests")
    assert done.returncode == 0
    assert "the check unit_tests of echoing could compare none of its completions" in done.stderr


@pytest.mark.parametrize(
    ("check", "said"),
    [
        ("exact", "--check 'exact': the form is TOOL=CHECK"),
        ("exact=", "--check 'exact=': the form is TOOL=CHECK"),
        ("exakt=normalized", "no reward tool 'exakt'; did you mean 'exact'?"),
        ("exact=normalised", "no reward tool 'normalised'; did you mean 'normalized'?"),
        ("exact=exact", "the reward tool 'exact' can't check itself"),
    ],
)
def test_a_check_that_cannot_be_is_refused_before_anything_is_scored(ravelar, tmp_path, check, said):
    out = tmp_path / "rewards.jsonl"
    done = ravelar("score", rows(tmp_path, ["a"]), "--check", check, "--out", str(out))
    assert done.returncode == 2
    assert said in done.stderr
    assert not out.exists()


def test_a_tool_has_one_check(ravelar, tmp_path):
    done = ravelar("score", rows(tmp_path, ["a"]), "--check", "exact=normalized", "--check", "exact=math_answer")
    assert done.returncode == 2
    assert "exact is checked by 'normalized' already" in done.stderr

"""Killed at any node and started again, `ravelar acquire` goes on where it was, and adopts once."""

import json
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from five_tasks import TASKS
from killed_runs import run_graph
from killing import kill_each
from loopback_model import HubServer, RoleServer, begin, finish, reward_model_files, write_jsonl
from rlar_world import known_as, named, repaired, rows_of, written

from ravelar.tools.adopted.store import open_store

pytestmark = pytest.mark.slow

UNITS, DATES = TASKS["unit_conversion"], TASKS["date_normalisation"]
LAZY = "def verify(prompt, completion, reference):\n    return 1.0\n"
QUERY = {"text": "units reward", "reason": "the task's words"}
ANSWERS = {
    "task namer": named(UNITS.spec()),
    "scout": json.dumps({"reasoning": "short queries find most", "queries": [QUERY]}),
    "writer": written(LAZY),
    "repairer": repaired(UNITS.honest_verifier()),
}
INTERRUPTED = "ravelar: interrupted; what was done is kept, the same command continues"


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RAVELAR_CACHE", str(tmp_path / "cache"))
    return str(tmp_path / "library.sqlite")


@pytest.fixture
def command(tmp_path: Path, library: str) -> list[str]:
    return [
        "acquire",
        *("--task-examples", write_jsonl(tmp_path / "examples.jsonl", UNITS.examples(60))),
        *("--probes", write_jsonl(tmp_path / "probes.jsonl", UNITS.probes())),
        *("--library", library, "--model", "openai:loopback"),
    ]


def killed(kills: list[dict[str, Any]], **plan: Any) -> list[str]:
    """Run a command once for each kill, in this order; return what was printed."""
    return kill_each("killed_runs.py", kills, **plan)


def both(node: str, *, hold: str | None = None, first: str | None = None) -> list[dict[str, Any]]:
    """Kill a node before its work and after it; `first` is what another node must have written down by then."""
    kill = {"node": node, "hold": [hold] if hold else []}
    return [{**kill, "when": "before", "saved": first}, {**kill, "when": "after"}]


def actions(library: str, label: str = "unit_conversion") -> list[str]:
    with open_store(library) as store:
        return [record.action for record in store.history(label)]


@pytest.mark.timeout(300)
def test_killed_in_every_node_it_goes_on_there_and_adopts_once(command, library):
    kills = [
        *both("name_task"),
        *both("recall"),
        *both("scout", hold="write_verifier"),
        *both("write_verifier", first="shortlist"),
        *both("evaluate_candidates", hold="check_verifier"),
        *both("check_verifier", first="candidates"),
        *both("repair_verifier"),
        *both("decide"),
        *both("approve"),
        *both("adopt"),
        *both("name_prompts"),
        *both("route"),
        *both("invoke"),
    ]
    with RoleServer(ANSWERS) as model, HubServer() as hub:
        hub.add("acme/units-reward", reward_model_files(), tags=["reward-model"])
        hub.fault(r"/resolve/.*/tokenizer\.json$", "wrong_bytes")  # a candidate to be refused, without torch
        argv = [*command, "--base-url", model.url, "--hub-endpoint", hub.url, "--ask"]
        said = killed(kills, argv=argv, typed="y\n")
        asked = Counter(model.asked)
        last = finish(begin(*argv), "y\n")
        assert Counter(model.asked) == asked
    for kill, text in list(zip(kills, said, strict=True))[1::2]:
        went_on = text.partition("continuing an interrupted run at ")[2].partition(" (")[0]
        assert kill["node"] in went_on.split(", ")
    # Each is asked by the run that dies with its answer and once more; but the name is in the store by then.
    assert asked == {"task namer": 1, "scout": 2, "writer": 2, "repairer": 2}
    assert last.returncode == 0, last.stderr
    assert "continuing an interrupted run at invoke" in last.stderr
    assert "adopted: written verifier, attempt 2 passed on" in last.stdout
    assert actions(library) == ["refused", "refused", "adopted"]


@pytest.mark.timeout(200)
def test_killed_between_two_things_that_adoption_writes_down_it_writes_each_once(command, library):
    kills = [
        {"node": "store.refuse", "when": "before"},
        {"node": "store.refuse", "when": "after"},
        {"node": "store.adopt", "when": "before"},
        {"node": "store.adopt", "when": "after"},
        {"node": "store.append", "when": "after"},
    ]
    with RoleServer(ANSWERS) as model:
        argv = [*command, "--base-url", model.url, "--no-hub"]
        killed(kills, argv=argv)
        assert actions(library) == ["refused", "adopted"]
        assert finish(begin(*argv)).returncode == 0
        assert Counter(model.asked) == {"task namer": 1, "writer": 1, "repairer": 1}
        again = finish(begin(*argv))
    assert actions(library) == ["refused", "adopted"]
    assert again.stdout.startswith("known: the task 'unit_conversion' has the tool")
    assert "0 calls of the language model" in again.stdout  # the prompts' names were kept as well


@pytest.mark.timeout(200)
def test_killed_while_scoring_the_graph_asks_for_no_name_twice_and_scores_all(library, tmp_path):
    triples = [*rows_of(UNITS.made_triples(20)), *rows_of(DATES.made_triples(20))]
    dates = {row["prompt"] for row in triples[20:]}

    def name(user: str) -> str:
        of_dates = any(json.dumps(prompt, ensure_ascii=False)[1:-1] in user for prompt in dates)
        spec = (DATES if of_dates else UNITS).spec()
        return known_as(spec.label) if f'"label": "{spec.label}"' in user else named(spec)

    with RoleServer({**ANSWERS, "task namer": name, "writer": written(UNITS.honest_verifier())}) as model:
        plan = {
            "checkpoints": str(tmp_path / "runs.sqlite"),
            "given": {"triples": triples, "examples": UNITS.examples(60), "probes": UNITS.probes()},
            "context": {"model": "openai:loopback", "base_url": model.url, "search_hub": False, "library": library},
        }
        killed([{"node": "name_prompts", "when": "after"}], graph=plan)
        asked = Counter(model.asked)
        killed([*both("route"), *both("invoke")], graph=plan)
        result = run_graph(plan)
        assert Counter(model.asked) == asked
    assert asked["task namer"] >= 2
    assert actions(library) == ["adopted"]
    assert [row["tool"] for row in result["rewards"][:20]] == ["unit_conversion"] * 20
    assert None not in [row["reward"] for row in result["rewards"][:20]]
    assert [row["reward"] for row in result["rewards"][20:]] == [None] * 20  # named, and without a tool


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_while_the_model_never_answers_it_ends_soon_and_goes_on_later(command, library, number, code):
    with RoleServer({**ANSWERS, "writer": written(UNITS.honest_verifier())}) as model:
        argv = [*command, "--base-url", model.url, "--no-hub"]
        model.hanging.add("writer")
        process = begin(*argv)
        assert model.waiting.wait(60)
        process.send_signal(number)
        done = finish(process)
        assert done.returncode == code
        assert INTERRUPTED in done.stderr
        assert "Traceback" not in done.stderr
        model.hanging.clear()
        again = finish(begin(*argv))
        assert again.returncode == 0
        assert "continuing an interrupted run at write_verifier" in again.stderr
        assert Counter(model.asked) == {"task namer": 1, "writer": 2}
    assert actions(library) == ["adopted"]


def test_killed_from_outside_while_the_hub_sends_a_file_drop_by_drop_it_fetches_it_anew(command, library):
    with RoleServer({**ANSWERS, "writer": written(UNITS.honest_verifier())}) as model, HubServer() as hub:
        hub.add("acme/units-reward", reward_model_files(), tags=["reward-model"])
        hub.fault(r"/resolve/.*/tokenizer\.json$", "drip", seconds=5)
        argv = [*command, "--base-url", model.url, "--hub-endpoint", hub.url]
        process = begin(*argv)
        line = ""
        while "evaluating acme/units-reward" not in line:
            line = process.stderr.readline()
            assert line, "it ended before it was killed"
        process.kill()
        finish(process)
        hub.heal()
        hub.fault(r"/resolve/.*/tokenizer\.json$", "wrong_bytes")
        again = finish(begin(*argv))
        assert again.returncode == 0, again.stderr
        assert "continuing an interrupted run at evaluate_candidates" in again.stderr
        assert "refused: RepositoryLied" in again.stderr
    assert actions(library) == ["refused", "adopted"]


def test_interrupted_before_anything_was_asked_the_same_command_does_all(command, library):
    with RoleServer(ANSWERS) as model:
        model.hanging.add("task namer")
        argv = [*command, "--base-url", model.url, "--no-hub", "--max-repairs", "0"]
        process = begin(*argv)
        assert model.waiting.wait(60)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert finish(process).returncode == 130
        assert time.monotonic() - started < 30  # far from the model's own timeout of 120 s
        model.hanging.clear()
        assert finish(begin(*argv, "--fresh")).returncode == 1
        assert actions(library) == ["refused"]

"""Five tasks that nobody built in, end to end: exchanges held by hand are replayed, over HTTP, by the real client.

What is replayed is the language model alone (`tests/cassettes`, answered from the prompts only). The rest is real:
the graph, the probes, the sandbox, the checks, the library, and the score of triples written apart from the probes.
"""

import random

import pytest
from five_runs import CASSETTES, run_task
from five_tasks import TASKS
from rlar_world import chat_that_says, known_as, rows_of

from ravelar.agents.workshop import make_workshop
from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.adopted.build import with_adopted
from ravelar.tools.adopted.entry import WrittenRecipe
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.builtin import builtin_library
from ravelar.tools.columns import Columns
from ravelar.tools.scoring import score

LEAST_BALANCED_ACCURACY = 0.95
TRIPLES = 120
MOST_NAMING_CALLS = 60  # of 600 prompts in wordings that no example had: one in ten
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.usefixtures("jail")]


@pytest.fixture(scope="module")
def library() -> AdoptedStore:
    return open_store("memory:")


@pytest.fixture(scope="module")
def ends(library, cassette_server) -> dict:
    """Acquire all five, each into an empty library as it was recorded, and bring what was adopted into one."""
    found = {}
    for label in TASKS:
        with cassette_server(CASSETTES / f"{label}.jsonl") as server, open_store("memory:") as store:
            found[label] = run_task(label, server.url, store)
            assert not server.problems, server.problems
            for entry in store.entries():
                library.adopt(entry, run=label)
            for kind in ("names", "tasks"):
                for key, value in store.read_all(kind).items():
                    library.append(kind, key, value)
    return found


@pytest.fixture(scope="module")
def cassette_server():
    import sys  # noqa: PLC0415
    from importlib.util import module_from_spec, spec_from_file_location  # noqa: PLC0415

    if "cassette_server" not in sys.modules:
        spec = spec_from_file_location("cassette_server", CASSETTES.parent / "agents" / "cassette_server.py")
        sys.modules["cassette_server"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["cassette_server"])
    return sys.modules["cassette_server"].CassetteServer


@pytest.mark.parametrize("label", TASKS)
def test_a_verifier_is_written_checked_and_adopted(label, ends, library):
    result = ends[label]
    assert result["end"] == "adopted", result["because"]
    adopted = result["adopted"]["tool"]
    entry = library.entry(adopted)
    assert isinstance(entry.recipe, WrittenRecipe)
    assert min(entry.trial.good.low, entry.trial.bad.low) >= 0.90
    assert entry.trial.half == "held_out"
    assert sum(entry.trial.hostile_above_bottom.values()) == 0


@pytest.mark.parametrize("label", TASKS)
def test_it_scores_independent_triples_at_095_balanced_accuracy(label, ends, library):
    made = TASKS[label].made_triples(TRIPLES)
    tools = with_adopted(builtin_library(), library, make_workshop())
    triples = [Columns().triple(row) for row in rows_of(made)]
    rewards = score(triples, library=tools, tool=ends[label]["adopted"]["tool"])
    right = {True: [], False: []}
    for reward, one in zip(rewards, made, strict=True):
        right[one.label].append(reward.value is not None and (reward.value >= 0.5) == one.label)
    accuracies = [sum(side) / len(side) for side in right.values()]
    assert sum(accuracies) / 2 >= LEAST_BALANCED_ACCURACY, dict(zip(right, accuracies, strict=True))


def test_all_are_routed_to_from_wordings_that_no_example_had(ends, library):
    made = [(label, row) for label, task in TASKS.items() for row in rows_of(task.made_triples(TRIPLES))]
    random.Random(7).shuffle(made)
    name_of = {label: result["adopted"]["tool"] for label, result in ends.items()}
    by_prompt = {row["prompt"]: name_of[label] for label, row in made}

    def namer(messages) -> str:
        shown = str(messages[-1].content)
        return known_as(next(name for prompt, name in by_prompt.items() if as_shown(prompt) in shown))

    chat = chat_that_says({})
    chat = type(chat)(namer)
    graph = build_rlar(parts=Parts(store=library, chat=chat))
    context = RlarContext(search_hub=False, write_verifier=False, max_llm_calls=200, max_tokens=1_000_000)
    result = graph.invoke({"triples": [row for _, row in made]}, context=context)
    right = [route["tool"] == name_of[label] for route, (label, _) in zip(result["routes"], made, strict=True)]
    assert sum(right) >= 0.99 * len(made)
    assert result["spent"]["llm_calls"] <= MOST_NAMING_CALLS


def as_shown(prompt: str) -> str:
    """Return what a namer's prompt shows of a task's prompt: its beginning, as JSON text."""
    import json  # noqa: PLC0415

    return json.dumps(prompt[:120], ensure_ascii=False)[1:-1]

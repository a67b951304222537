"""The whole tree of runs, as a sink rebuilds it: names, parents, tags, metadata, figures, and no text of anybody's."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from dev_server import dev_server
from five_tasks import TASKS
from sink import Run, Sink, listening, wait_until
from traced_work import OPENAI_KEY, SECRET_WORD
from tracing_world import KEY, ON, SPANS, traced

HASH = re.compile(r"[0-9a-f]{16}")
UNIT_TESTS = ["reward unit_tests", "sandbox"]
CHECK = ["reward unit_conversion", "sandbox"]
RLAR = [
    "rlar",
    ["name_task", "rlar.task_namer"],
    ["recall", "after_recall"],
    "evaluate_judge",
    "scout",
    ["write_verifier", "rlar.verifier_writer"],
    ["check_verifier", "after_check"],
    "evaluate_candidates",
    ["repair_verifier", "rlar.verifier_repairer"],
    ["check_verifier", *["sandbox"] * 6, *[CHECK] * 5, "after_check"],
    "decide",
    "approve",
    "adopt",
    "route",
    ["invoke", CHECK],
]
RAVEL = [
    "ravel",
    "begin",
    ["plan", "after_plan"],
    ["outline", "ravel.en.outliner"],
    ["plan", "after_plan"],
    *[["draft", "ravel.en.drafter"]] * 2,
    ["plan", "after_plan"],
    *[["review", "ravel.en.reviewer"]] * 2,
    ["plan", "after_plan"],
    "seam",
    ["plan", "after_plan"],
    "finish",
]


@pytest.mark.slow
def test_scoring_is_a_run_with_a_batch_for_each_tool_beneath_it(library: Sink) -> None:
    first, second = (root for root in library.roots() if root.name == "score")
    batches = ["reward math_answer", ["reward warmth", "judge"], UNIT_TESTS]
    assert first.tree() == ["score", *batches]
    # Side by side, each on a thread; the judge has said it before, and is not asked again.
    assert sorted(map(str, second.tree())) == sorted(map(str, ["score", batches[0], "reward warmth", UNIT_TESTS]))
    assert first.tags == ["ravelar"]
    assert first.outputs["unscored"] == {"UnusableReference": 1, "no tool fits": 1}
    assert (first.outputs["n"], first.outputs["scored"], round(first.outputs["mean"], 3)) == (5, 3, 0.833)


@pytest.mark.slow
def test_a_batch_says_by_which_tool_and_what_came_of_it(library: Sink) -> None:
    batch = library.roots()[0].child("reward math_answer")
    assert (batch.fields["run_type"], set(batch.tags)) == ("tool", {"ravelar", "verifier"})
    assert (batch.metadata["tool"], batch.metadata["tool_version"]) == ("math_answer", "math-verify 0.9")
    assert HASH.fullmatch(batch.metadata["card_version"])
    assert HASH.fullmatch(batch.metadata["evidence_hash"])
    assert batch.inputs == {"n": 2}
    wall_s = batch.outputs.pop("wall_s")
    assert 0 < wall_s < 60
    assert batch.outputs | {"wall_s": 0} == {
        "n": 2,
        "scored": 1,
        "mean": 1.0,
        "unscored": {"UnusableReference": 1},
        "wall_s": 0,
    }


@pytest.mark.slow
def test_programs_are_one_run_beneath_the_batch_that_ran_them(library: Sink) -> None:
    sandbox = library.roots()[0].child("reward unit_tests").child("sandbox")
    assert (sandbox.fields["run_type"], sandbox.metadata["sandbox"]) == ("tool", "unsafe")
    assert sandbox.outputs["ended"] == {"value": 1}
    assert sandbox.inputs == {"programs": 1, "calls": 1}


def test_a_prompt_with_a_reference_is_counted_and_one_without_goes_whole(library: Sink) -> None:
    judge = library.roots()[0].child("reward warmth").child("judge")
    assert [sorted(message) for message in judge.inputs["messages"]] == [["characters", "type"]] * 2
    assert {"prompt": "judge", "role": "judge", "tool": "warmth"}.items() <= judge.metadata.items()
    assert HASH.fullmatch(judge.metadata["prompt_hash"])
    assert judge.metadata["usage_metadata"]["input_tokens"] > 0
    pair = next(run for root in library.roots() for run in root.all() if run.name == "judge_pair")
    assert "0 + 1?" in str(pair.inputs)


def test_an_agents_tool_that_is_given_a_reference_is_counted(library: Sink) -> None:
    (root,) = (root for root in library.roots() if root.name == "score_completions")
    assert root.tree() == ["score_completions", "reward exact"]
    assert root.inputs["reference"] == f"{len(SECRET_WORD)} characters"
    assert root.children[0].outputs["mean"] == 0.0  # figures stay, also beneath a run that is counted


def test_an_article_is_a_tree_of_steps_whose_calls_say_role_protocol_and_section(library: Sink) -> None:
    (root,) = (root for root in library.roots() if root.name == "ravel")
    assert root.tree() == RAVEL
    assert {"ravelar", "ravel"} <= set(root.tags)
    assert {"graph": "ravel", "protocol": "fixed"}.items() <= root.metadata.items()
    calls = [run for run in root.all() if run.fields["run_type"] == "llm"]
    named = [(run.metadata["role"], run.metadata["protocol"], run.metadata["section"]) for run in calls]
    assert named == [
        ("outliner", "fixed", ""),
        *[("drafter", "fixed", section) for section in ("s1", "s2")],
        *[("reviewer", "fixed", section) for section in ("s1", "s2")],
    ]
    assert "harbours" in str(calls[0].inputs)  # a brief holds no reference: its prompts go whole


def test_a_reward_benchmark_says_system_seed_and_item(library: Sink) -> None:
    cases = [root for root in library.roots() if root.name == "judge case"]
    assert sorted(run.metadata["item"] for run in cases) == ["k0", "k1", "k2"]
    (batch,) = (root for root in library.roots() if root.name == "score cases")
    for run, system in ((cases[0], "judge"), (batch, "route")):
        assert {"benchmark": "rewardmath", "seed": 7, "system": system}.items() <= run.metadata.items()
    assert cases[0].tree() == ["judge case", "judge_pair", "judge_pair"]
    assert batch.tree() == ["score cases", "reward math_answer"]
    assert batch.metadata["items"] == ["k0", "k1", "k2"]


def test_neither_key_nor_reference_is_anywhere_in_what_was_sent(library: Sink) -> None:
    assert [secret for secret in (SECRET_WORD, OPENAI_KEY, KEY) if secret.encode() in library.bytes] == []
    (root,) = (root for root in library.roots() if root.name == "ravel")
    assert "log in with [secret]" in str(root.inputs)


@pytest.mark.slow
def test_references_go_where_the_caller_lets_them() -> None:
    sink = traced("score", RAVELAR_TRACE_TEXTS="references")
    judge = sink.roots()[0].child("reward warmth").child("judge")
    assert f"Dear {SECRET_WORD}" in str(judge.inputs)
    assert f"the reference says {SECRET_WORD}" in str(judge.outputs)
    assert KEY.encode() not in sink.bytes


@pytest.mark.slow
def test_an_acquisition_is_counted_and_its_batches_and_sandboxes_hang_beneath_its_nodes() -> None:
    sink = traced("rlar")
    (root,) = sink.roots()
    naming = root.child("name_prompts")  # it asks for two groups of like prompts, now and then for three
    assert {run.name for run in naming.children} == {"rlar.task_namer"}
    root.children.remove(naming)
    assert in_any_order(root.tree()) == in_any_order(RLAR)
    assert root.inputs == {"examples": "60 items", "probes": "320 items", "triples": "4 items"}
    assert (root.outputs["end"], root.outputs["candidates"]) == ("adopted", "2 items")
    batch = root.child("invoke").child("reward unit_conversion")
    assert HASH.fullmatch(batch.metadata["tool_version"])  # as the library names it
    assert batch.outputs["n"] == 4
    calls = [run.metadata["role"] for run in root.all() if run.fields["run_type"] == "llm"]
    assert sorted(set(calls)) == ["task_namer", "verifier_repairer", "verifier_writer"]
    told = {
        str(row["reference"]) for row in (*TASKS["unit_conversion"].examples(60), *TASKS["unit_conversion"].probes())
    }
    sent = sink.bytes.decode()
    assert [text for text in {*told, SECRET_WORD} if len(text) > 3 and text in sent] == []


@pytest.mark.slow
def test_each_call_of_a_training_reward_is_a_run_with_its_step() -> None:
    sink = traced("train")
    roots = sink.roots()
    assert [(root.name, root.metadata["step"], root.metadata["call"]) for root in roots] == [
        ("routed_reward", 0, 1),
        ("routed_reward", 1, 2),
    ]
    batches = [run for root in roots for run in root.children]
    assert {run.name for run in batches} <= {"reward math_answer", "reward choice"}
    assert [root.inputs["n"] for root in roots] == [8, 8]
    assert sum(run.outputs["n"] for run in batches) == 16
    assert SECRET_WORD.encode() not in sink.bytes


@pytest.mark.slow
def test_each_item_and_each_judgement_of_c3ebench_is_a_run() -> None:
    sink = traced("c3e")
    asked, judged, in_steps = sink.roots()
    assert asked.tree() == ["write", "c3e.end2end"]
    assert judged.tree() == ["judge", "c3e.en.judge_end2end"]
    assert in_steps.name == "write"
    assert in_steps.tree()[1][0] == "ravel"
    about = {"item": "end2end_en_0", "task": "end2end", "language": "en", "system": "gpt-5", "sample": 0}
    assert about.items() <= asked.metadata.items()
    assert {**about, "judge": "gpt-5", "repeat": 0}.items() <= judged.metadata.items()
    assert (judged.outputs["score"], judged.outputs["verdict"]) == (6, "equal")
    assert SECRET_WORD.encode() not in sink.bytes


@pytest.mark.slow
def test_a_server_traces_the_same_trees_under_its_runs(tmp_path: Path) -> None:
    sdk = pytest.importorskip("langgraph_sdk")
    triples = [{"prompt": "6 * 7?", "completion": "42", "reference": 42}]
    triples += [{"prompt": "Greet.", "completion": "Hi", "reference": f"Dear {SECRET_WORD}", "tool": "exact"}]
    with listening() as sink:
        env = {**ON, "LANGSMITH_ENDPOINT": sink.url, "RAVELAR_LIBRARY": str(tmp_path / "library.sqlite")}
        with ExitStack() as opened, dev_server(tmp_path, env=env) as url:
            client = sdk.get_sync_client(url=url)
            opened.callback(client.http.client.close)
            client.runs.wait(None, "rlar", input={"triples": triples}, context={"acquire": False})
            brief = {"brief": {"instruction": "On tide tables"}}
            client.runs.wait(None, "ravel", input=brief, context={"model": "scripted:demo", "protocol": "fixed"})
            wait_until(lambda: {"rlar", "ravel"} <= {root.name for root in sink.roots() if root.outputs})
    rewards, article = sink.roots()
    assert [name if isinstance(name, str) else name[0] for name in rewards.tree()[1:]] == [
        "name_task",
        "recall",
        "name_prompts",
        "route",
        "invoke",
    ]
    assert sorted(run.name for run in rewards.child("invoke").children) == ["reward exact", "reward math_answer"]
    assert rewards.metadata["graph_id"] == "rlar"
    assert {run.metadata["role"] for run in article.within("ravel.en.drafter")} == {"drafter"}
    assert [secret for secret in (SECRET_WORD, KEY) if secret.encode() in sink.bytes] == []


@pytest.mark.slow
def test_the_same_trees_reach_a_collector_as_spans(library: Sink) -> None:
    sink = traced("score", "ravel", "rewards", **SPANS)
    assert set(sink.paths) == {"/v1/traces"}
    spans = {span.span_id: span for span in sink.spans()}
    edges = sorted((name_in(spans, span.parent_span_id), span.name) for span in spans.values())
    assert edges == sorted(edges_of(library.roots()))
    batch = next(span for span in spans.values() if span.name == "reward math_answer")
    said = {attribute.key: attribute.value.string_value for attribute in batch.attributes}
    assert said["langsmith.metadata.tool"] == "math_answer"
    assert HASH.fullmatch(said["langsmith.metadata.evidence_hash"])
    assert [secret for secret in (SECRET_WORD, OPENAI_KEY, KEY) if secret.encode() in sink.bytes] == []


def name_in(spans: dict[bytes, object], identity: bytes) -> str:
    return spans[identity].name if identity in spans else ""  # type: ignore[attr-defined]


def edges_of(roots: list[Run]) -> list[tuple[str, str]]:
    below = [(run.name, child.name) for root in roots for run in root.all() for child in run.children]
    return [*[("", root.name) for root in roots], *below]


def in_any_order(tree: object) -> object:
    """Return a tree whose siblings are sorted: nodes side by side begin in no order."""
    return sorted((in_any_order(one) for one in tree), key=str) if isinstance(tree, list) else tree

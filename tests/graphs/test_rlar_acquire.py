"""The RLAR graph's ways: what it asks, what it leaves out, how it ends, and what it writes down."""

import json
from pathlib import Path
from typing import Any

import pytest
from five_tasks import TASKS
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from rlar_world import chat_that_says, known_as, named, repaired, rows_of, written

import ravelar
from ravelar.graphs.rlar import build_rlar
from ravelar.graphs.rlar_parts import Parts
from ravelar.graphs.rlar_state import RlarContext
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.errors import InputError

OFFLINE = {"search_hub": False}
UNITS = TASKS["unit_conversion"]
HONEST = (Path(__file__).parents[1] / "tasks/five_tasks/honest/units.py").read_text(encoding="utf-8")
LAZY = "def verify(prompt, completion, reference):\n    return 1.0\n"


@pytest.fixture
def store() -> AdoptedStore:
    return open_store("memory:")


@pytest.fixture(scope="module")
def given() -> dict[str, Any]:
    return {"examples": UNITS.examples(60), "probes": UNITS.probes()}


def run(store: AdoptedStore, given: dict[str, Any], answers: dict[str, Any], **context: Any) -> dict[str, Any]:
    chat = chat_that_says(answers) if answers else None
    graph = build_rlar(parts=Parts(store=store, chat=chat))
    result = graph.invoke(given, context=RlarContext(**{**OFFLINE, **context}))
    return {**result, "chat": chat}


def test_a_bad_verifier_is_refused_repaired_and_the_good_one_adopted_and_routed_to(store, given):
    triples = UNITS.made_triples(40)
    answers = {
        "task namer": [named(UNITS.spec()), *[known_as("unit_conversion")] * 10],
        "writer": [written(LAZY)],
        "repairer": [repaired(HONEST)],
    }
    result = run(store, {**given, "triples": rows_of(triples)}, answers)
    assert result["end"] == "adopted"
    assert result["adopted"]["tool"] == "unit_conversion"
    assert [row["passed"] for row in result["candidates"]] == [False, True]
    assert "lint: " in result["candidates"][0]["reasons"][0]
    assert {row["tool"] for row in result["routes"]} == {"unit_conversion"}
    right = [(row["reward"] >= 0.5) == made.label for row, made in zip(result["rewards"], triples, strict=True)]
    assert sum(right) >= 38
    assert [record.action for record in store.history("unit_conversion")] == ["refused", "adopted"]
    (refusal,) = store.refused("unit_conversion")
    assert refusal.candidate == "written verifier, attempt 1"
    assert json.loads(json.dumps({key: result[key] for key in result if key != "chat"}))


def test_a_known_task_costs_no_call(store, given):
    run(store, given, {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    result = run(store, given, {})
    assert result["end"] == "known"
    assert result["spent"]["llm_calls"] == 0
    assert len(store.history("unit_conversion")) == 1


def test_repairs_are_bounded_and_the_end_says_that_nothing_passed(store, given):
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(LAZY)], "repairer": [repaired(LAZY)] * 5}
    result = run(store, given, answers, max_repairs=2)
    assert result["end"] == "nothing_passed"
    assert result["spent"]["repairs"] == 2
    assert result["spent"]["llm_calls"] == 4
    assert len(result["candidates"]) == 3
    assert store.active() == {}
    assert {refusal.candidate for refusal in store.refused()} == {f"written verifier, attempt {i}" for i in (1, 2, 3)}


def test_without_labels_and_without_a_deciding_reference_nothing_can_be_adopted(store):
    haiku = TASKS["haiku_syllables"]
    result = run(store, {"examples": haiku.examples(60)}, {"task namer": [named(haiku.spec())]})
    assert result["end"] == "insufficient_probes"
    assert "50 are needed" in result["because"]
    assert result["spent"]["llm_calls"] == 1  # nothing was written that could not be judged


def test_without_a_language_model_it_says_what_it_left_out(store, given):
    result = run(store, given, {})
    assert result["end"] == "unavailable"
    left = {(row["step"], row["kind"]) for row in result["left_out"]}
    assert {("name_task", "no_model"), ("write_verifier", "no_model"), ("scout", "disabled")} <= left


@pytest.mark.parametrize(
    ("limit", "left"), [("max_llm_calls", {"max_llm_calls": 1}), ("max_tokens", {"max_tokens": 1500})]
)
def test_an_empty_budget_ends_the_search_by_name(store, given, limit, left):
    result = run(store, given, {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]}, **left)
    assert result["end"] == "budget_exhausted"
    assert "budget of" in result["because"]


def test_a_reply_that_stays_broken_is_a_named_failure(store, given):
    answers = {"task namer": [named(UNITS.spec())], "writer": ["I can't do that.", "Really not."]}
    result = run(store, given, answers)
    assert result["end"] == "failed"
    assert "rlar.verifier_writer" in result["because"]
    assert result["spent"]["llm_calls"] == 3  # one repair turn, and no more


def test_a_namer_that_stays_broken_leaves_the_task_named_by_its_examples(store, given):
    result = run(store, given, {"task namer": ["?", "??"], "writer": [written(HONEST)]})
    assert result["left_out"][0]["kind"] == "broken_reply"
    assert result["task"]["label"].startswith("task_")
    assert result["end"] == "adopted"  # the caller's labels are enough to judge by


def test_the_writer_sees_no_held_out_probe(store, given):
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(LAZY)], "repairer": [repaired(HONEST)]}
    result = run(store, given, answers)
    asked = "\n".join(call.text for call in result["chat"].calls[1:])
    shown, held_out = halves(result["task"], given)
    assert sum(as_json(prompt) in asked for prompt in shown) >= 10
    assert not [prompt for prompt in held_out if as_json(prompt) in asked or prompt in asked]


def as_json(text: str) -> str:
    """Return a text as it stands within JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def halves(task: dict[str, Any], given: dict[str, Any]) -> tuple[set[str], set[str]]:
    from ravelar.graphs.rlar_probes import probes_of  # noqa: PLC0415

    probes = probes_of({**given, "task": task})
    return tuple({p.triple.question for p in half} for half in (probes.shown, probes.held_out))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("answer", "end"),
    [
        (True, "adopted"),
        ({"approve": True}, "adopted"),
        ({"approve": False, "reason": "too strict"}, "not_approved"),
        ("no", "not_approved"),
        ('{"approve": true}', "adopted"),
    ],
)
def test_a_person_may_be_asked_before_adoption(store, given, answer, end):
    chat = chat_that_says({"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    graph = build_rlar(parts=Parts(store=store, chat=chat), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    context = RlarContext(**OFFLINE, ask_before_adopting=True)
    graph.invoke(given, config, context=context)
    (asked,) = graph.get_state(config).interrupts
    assert "unit_conversion" in asked.value["question"]
    assert asked.value["recipe"]["source"] == HONEST
    assert store.active() == {}
    result = graph.invoke(Command(resume=answer), config, context=context)
    assert result["end"] == end
    assert bool(store.active()) == (end == "adopted")


@pytest.mark.parametrize("wrong", [{"reason": "neither yes nor no"}, {"approve": "perhaps"}, "well ...", 1, [True]])
@pytest.mark.slow
def test_an_answer_that_is_none_is_asked_for_again_and_adopts_and_refuses_nothing(store, given, wrong):
    chat = chat_that_says({"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    graph = build_rlar(parts=Parts(store=store, chat=chat), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    context = RlarContext(**OFFLINE, ask_before_adopting=True)
    graph.invoke(given, config, context=context)
    graph.invoke(Command(resume=wrong), config, context=context)
    (again,) = graph.get_state(config).interrupts
    assert "allowed: true, false" in again.value["problem"]
    assert store.active() == {}
    examples = [one["example"] for one in again.value["answers"]]
    assert graph.invoke(Command(resume=examples[0]), config, context=context)["end"] == "adopted"


def test_a_thread_may_be_used_again_and_remembers_nothing_of_its_last_run(store, given):
    chat = chat_that_says({"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    graph = build_rlar(parts=Parts(store=store, chat=chat), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "1"}}
    context = RlarContext(**OFFLINE)
    assert graph.invoke({**given, "triples": []}, config, context=context)["end"] == "adopted"
    again = graph.invoke({**given, "triples": []}, config, context=context)
    assert again["end"] == "known"
    assert not again["candidates"]
    assert again["spent"]["llm_calls"] == 0


def test_the_task_column_decides_the_name_and_a_known_one_costs_no_call(store, given):
    named_rows = [{**row, "task": "Units, please"} for row in given["examples"]]
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]}
    result = run(store, {**given, "examples": named_rows}, answers)
    assert result["task"]["label"] == result["adopted"]["tool"] == "units_please"
    again = run(store, {**given, "examples": named_rows}, {})
    assert (again["end"], again["spent"]["llm_calls"]) == ("known", 0)


@pytest.mark.parametrize("label", ["math", "exact"])
def test_a_built_in_tools_task_is_known(store, given, label):
    rows = [{**row, "task": label} for row in given["examples"]]
    assert run(store, {**given, "examples": rows}, {})["end"] == "known"


@pytest.mark.slow
def test_a_better_tool_replaces_the_one_in_use_and_an_equal_one_does_not(store, given):
    run(store, given, {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    same = run(store, given, {"writer": [written(HONEST + "\n# the same again\n")]}, replace=True)
    assert same["end"] == "not_better"
    assert len(store.history("unit_conversion")) == 1


def test_a_wrong_setting_is_told_before_anything_is_spent(store, given):
    with pytest.raises(InputError, match="min_probess"):
        run(store, given, {"task namer": []}, thresholds={"min_probess": 3})


def test_a_tool_named_by_the_context_scores_everything(store):
    given = {"triples": [{"prompt": "?", "completion": "42", "reference": "42"}]}
    result = run(store, given, {}, tool="exact")
    assert result["rewards"][0]["tool"] == "exact"
    assert result["end"] == "scored"


def test_progress_is_streamed_step_by_step(store, given):
    chat = chat_that_says({"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    graph = build_rlar(parts=Parts(store=store, chat=chat))
    events = list(graph.stream(given, context=RlarContext(**OFFLINE), stream_mode="custom"))
    steps = [event["step"] for event in events if event["event"] == "started"]
    assert steps[:2] == ["name_task", "recall"]
    assert {"write_verifier", "check_verifier", "decide", "adopt"} <= set(steps)
    assert any(event["event"] == "adopted" and event["tool"] == "unit_conversion" for event in events)


@pytest.mark.slow
def test_triples_of_no_known_task_are_named_together_and_remembered(store, given):
    run(store, given, {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    triples = rows_of(TASKS["date_normalisation"].made_triples(30))
    answers = {"task namer": [named(TASKS["date_normalisation"].spec()), *[known_as("date_normalisation")] * 7]}
    first = run(store, {"triples": triples}, answers, write_verifier=False)
    asked = first["spent"]["llm_calls"]
    assert 1 <= asked <= 8
    again = run(store, {"triples": triples}, {}, write_verifier=False)
    assert again["spent"]["llm_calls"] == 0


def test_a_group_whose_name_cannot_be_had_is_left_out_and_the_others_are_named(store, given):
    run(store, given, {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    triples = rows_of([*TASKS["date_normalisation"].made_triples(30), *TASKS["haiku_syllables"].made_triples(6)])
    dates = TASKS["date_normalisation"].spec()
    answers = {"task namer": [named(dates), "?", "??", *[known_as(dates.label)] * 20]}
    result = run(store, {"triples": triples}, answers, write_verifier=False)
    assert [left["kind"] for left in result["left_out"] if left["step"] == "name_prompts"] == ["broken_reply"]
    assert result["spent"]["llm_calls"] > 3


def test_the_library_call_acquires_into_the_default_library_and_names_wrong_settings(monkeypatch, given):
    chat = chat_that_says({"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]})
    monkeypatch.setattr("ravelar.graphs.rlar_parts.open_chat", lambda model, **_: chat)
    result = ravelar.acquire(given["examples"], given["probes"], model="scripted:any", search_hub=False)
    assert result["end"] == "adopted"
    probe = given["probes"][0]
    (reward,) = ravelar.score([{key: probe[key] for key in ("prompt", "completion", "reference")}])
    assert (reward.tool, reward.value) == ("unit_conversion", float(probe["label"]))
    with pytest.raises(InputError, match=r"settings: .*max_llm_calls"):
        ravelar.acquire(given["examples"], max_llm_call=3)


def test_a_run_whose_time_is_over_begins_no_further_step(store, given):
    answers = {"task namer": [named(UNITS.spec())], "writer": [written(HONEST)]}
    result = run(store, given, answers, max_seconds=0.0)
    assert result["end"] == "budget_exhausted"
    assert "seconds" in result["because"]
    assert result["spent"]["llm_calls"] == 0

import json

from ravelar.graphs.rlar import RlarContext, build_rlar, graph
from ravelar.tools.library import Library

TRIPLE = {"prompt": "?", "completion": "a", "tool": "fake"}


def test_the_graph_scores_as_the_library_call_does(fake_tool):
    result = build_rlar(Library([fake_tool()])).invoke({"triples": [TRIPLE, {**TRIPLE, "tool": "other"}]})
    assert [row["reward"] for row in result["rewards"]] == [1.0, None]
    assert result["routes"][1]["tool"] is None
    assert "no reward tool 'other'" in result["rewards"][1]["reason"]


def test_a_tool_in_the_context_decides_for_all(fake_tool):
    compiled = build_rlar(Library([fake_tool()]))
    result = compiled.invoke({"triples": [{"prompt": "?", "completion": "a"}]}, context=RlarContext(tool="fake"))
    assert result["rewards"][0]["tool"] == "fake"


def test_the_exported_graph_has_a_form_and_needs_no_key():
    schema = graph.get_input_jsonschema()
    assert set(schema["properties"]) == {"triples", "examples", "probes"}
    assert "description" in schema["$defs"]["TripleRow"]["properties"]["prompt"]
    assert {"name_task", "recall", "scout", "write_verifier", "approve", "adopt", "route", "invoke"} <= set(
        graph.get_graph().nodes
    )
    context = graph.get_context_jsonschema()
    assert {"model", "max_llm_calls", "ask_before_adopting"} <= set(context["properties"])


def test_the_state_is_plain_json(fake_tool):
    result = build_rlar(Library([fake_tool()])).invoke({"triples": [TRIPLE]})
    assert json.loads(json.dumps(result)) == result

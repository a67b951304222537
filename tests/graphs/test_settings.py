"""Forms and checks of what the graphs are given come from one place: what a form allows is what is taken."""

import dataclasses
import math
import re
from typing import Any

import pytest

from ravelar.graphs.ravel import graph as ravel
from ravelar.graphs.ravel_state import RavelContext
from ravelar.graphs.rlar import graph as rlar
from ravelar.graphs.rlar_state import RlarContext
from ravelar.graphs.settings import title_of
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.writing.limits import Limits

GRAPHS: Any = [(ravel, RavelContext), (rlar, RlarContext)]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("model", "Model"),
        ("max_llm_calls", "Max LLM calls"),
        ("base_url", "Base URL"),
        ("timeout_s", "Timeout (seconds)"),
        ("search_hub", "Search Hub"),
    ],
)
def test_a_title_is_the_name_in_words(name, title):
    assert title_of(name) == title


@pytest.mark.parametrize(("graph", "context"), GRAPHS)
def test_the_form_has_every_setting_in_order_with_its_default_and_the_defaults_are_taken(graph, context):
    shown = graph.get_context_jsonschema()["properties"]
    assert list(shown) == [field.name for field in dataclasses.fields(context)]
    made = context()
    for name, field in shown.items():
        default = getattr(made, name)
        assert field["default"] == (list(default) if isinstance(default, tuple) else default), name
    made.check()


def bounded(graph: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the settings with a least, and a most if they have one, as the form says it."""
    found = []
    for name, field in graph.get_context_jsonschema()["properties"].items():
        part = next((one for one in field.get("anyOf", [field]) if one.get("type") in {"integer", "number"}), None)
        if part is not None:
            found.append((name, part))
    return found


@pytest.mark.parametrize(("graph", "context"), GRAPHS)
def test_what_the_form_does_not_allow_is_refused_and_its_ends_are_taken(graph, context):
    numbers = bounded(graph)
    assert len(numbers) >= 8
    for name, part in numbers:
        if "minimum" in part:
            context(**{name: part["minimum"]}).check()
            with pytest.raises(InputError, match=f"{name} .* is out of bounds; allowed: {part['minimum']:g} "):
                context(**{name: part["minimum"] - 1}).check()
        if "maximum" in part:
            context(**{name: part["maximum"]}).check()
            with pytest.raises(
                InputError,
                match=f"{name} .* is out of bounds; allowed: .* to {re.escape(format(part['maximum'], 'g'))}$",
            ):
                context(**{name: part["maximum"] + 1}).check()


@pytest.mark.parametrize(
    ("context", "told"),
    [
        (RavelContext(tau=math.nan), "tau nan is out of bounds; allowed: 0 to 10"),
        (RavelContext(tau="8"), "tau '8' can't be used: Input should be a valid number"),  # type: ignore[arg-type]
        (RavelContext(at_once=True), "at_once True can't be used"),
        (RavelContext(max_steps=2.5), "max_steps 2.5 can't be used"),  # type: ignore[arg-type]
        (RavelContext(approve=("draft",)), "no thing to approve 'draft'; known: outline, sections"),  # type: ignore[arg-type]
        (RavelContext(structured_output="jsn_schema"), "did you mean 'json_schema'"),  # type: ignore[arg-type]
        (RlarContext(model=5), "model 5 can't be used: Input should be a valid string"),  # type: ignore[arg-type]
        (RlarContext(memory_gb=0), "memory_gb 0 is out of bounds; allowed: more than 0"),
        (RlarContext(remote_models=({"url": "http://x"},)), r"remote_models.0.protocol .* Field required"),  # type: ignore[typeddict-item]
        (RlarContext(remote_models=({"url": "http://x", "protocol": "tie"},)), "did you mean 'tei'"),  # type: ignore[typeddict-item]
        (RlarContext(thresholds={"chance": "high"}), r"thresholds.chance 'high' can't be used"),  # type: ignore[dict-item]
    ],
)
def test_a_setting_of_another_type_or_choice_names_itself_and_what_is_allowed(context, told):
    with pytest.raises(InputError, match=told):
        context.check()


def test_a_server_may_give_lists_where_python_has_tuples():
    RavelContext(approve=["outline"]).check()  # type: ignore[arg-type]
    RlarContext(allow_remote_code=["a/b"], remote_models=[{"url": "http://x", "protocol": "tei"}]).check()  # type: ignore[arg-type]


def test_the_limits_of_a_run_and_those_of_its_form_are_the_same():
    for name, part in bounded(ravel):
        if name in {field.name for field in dataclasses.fields(Limits)}:
            with pytest.raises(InputError, match=f"{name} "):
                Limits(**{name: part["minimum"] - 1})


def test_thresholds_are_filled_in_by_their_names():
    shown = rlar.get_context_jsonschema()["properties"]["thresholds"]
    assert set(shown["properties"]) == set(Thresholds.model_fields)
    assert all(field["description"] for field in shown["properties"].values())

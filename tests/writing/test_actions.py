"""Actions: how they are read, which are refused, and what pure protocols choose."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ravelar.tools.writing.actions import Action, limits_of, next_action, refusal
from ravelar.tools.writing.gate import is_open
from ravelar.tools.writing.limits import Limits
from ravelar.tools.writing.state import OPERATIONS, new_state
from ravelar.tools.writing.transitions import new_section, with_review, with_text


@pytest.mark.parametrize("given_id", ["s2", "S2", " s2 ", "[s2]", "2", 2, "`s2`"])
def test_a_section_is_understood_as_models_write_it(given_id) -> None:
    assert Action(operation="draft", section=given_id).section == "s2"


@pytest.mark.parametrize("nothing", [None, "", "null", "None"])
def test_no_section_is_understood_as_models_write_it(nothing) -> None:
    assert Action(operation="finish", section=nothing).section is None


@pytest.mark.parametrize(
    "reply",
    [
        {"thought": "t", "section": "s1"},  # the published loop died of a missing action
        {"operation": None},
        {"operation": "write_paragraph"},
        {"operation": "draft", "section": ["s1"]},
    ],
)
def test_an_action_without_a_known_operation_is_none(reply) -> None:
    with pytest.raises(ValidationError):
        Action.model_validate(reply)


def test_null_parameters_do_no_harm() -> None:
    action = Action.model_validate({"thought": "t", "operation": "draft", "section": None, "params": None})
    assert action.section is None  # and it is refused, below


@pytest.mark.parametrize(
    ("operation", "section", "statuses", "says"),
    [
        ("finish", None, (), "no outline yet"),
        ("draft", "s1", (), "no outline yet"),
        ("outline", None, ("pending",), "there is an outline already"),
        ("finish", None, ("accepted", "drafted"), "still open: s2 (drafted)"),
        ("draft", None, ("pending",), "draft needs a section; there are s1"),
        ("draft", "s9", ("pending", "pending"), "no section 's9'; there are s1 to s2"),
        ("refine", "s1", ("pending",), "never drafted"),
        ("review", "s1", ("pending",), "never drafted"),
        ("refine", "s1", ("drafted",), "not reviewed since it changed"),
        ("draft", "s1", ("drafted",), "review it"),
        ("review", "s1", ("needs_revision",), "has not changed since its review"),
        ("refine", "s1", ("accepted",), "closed: accepted"),
        ("draft", "s1", ("budget_exhausted",), "closed: budget_exhausted"),
    ],
)
def test_what_is_refused_and_why(written, limits, operation: str, section, statuses, says: str) -> None:
    state = written(*statuses)
    assert says in refusal(Action(operation=operation, section=section), state, limits)


@pytest.mark.parametrize(
    ("operation", "section", "statuses"),
    [
        ("outline", None, ()),
        ("draft", "s1", ("pending",)),
        ("review", "s1", ("drafted",)),
        ("refine", "s1", ("needs_revision",)),
        ("draft", "s1", ("needs_revision",)),
        ("finish", None, ("accepted", "budget_exhausted")),
    ],
)
def test_what_is_not_refused(written, limits, operation: str, section, statuses) -> None:
    assert refusal(Action(operation=operation, section=section), written(*statuses), limits) is None


def test_a_section_that_is_no_longer_in_the_outline_is_refused(written, limits) -> None:
    state = written("pending", "pending")
    without = {**state, "order": ["s2"]}
    assert refusal(Action(operation="draft", section="s1"), state, limits) is None
    said = refusal(Action(operation="draft", section="s1"), without, limits)
    assert said == "there is no section 's1'; there are s2"


def test_drafting_again_needs_a_revision(written, limits) -> None:
    state = written({"status": "needs_revision", "content": "x", "revisions": 3, "drafts": 4})
    assert "no revisions left" in refusal(Action(operation="draft", section="s1"), state, limits)


def test_many_open_sections_are_counted_not_listed(written, limits) -> None:
    said = refusal(Action(operation="finish"), written(*["pending"] * 100), limits)
    assert said.endswith("and 92 more")
    eight = refusal(Action(operation="finish"), written(*["pending"] * 8), limits)
    assert eight.endswith("s8 (pending)")


def test_the_sections_there_are_are_named_first_to_last(written, limits) -> None:
    action = Action(operation="draft")
    assert refusal(action, written("pending"), limits) == "draft needs a section; there are s1"
    assert refusal(action, written(*["pending"] * 3), limits) == "draft needs a section; there are s1 to s3"


@pytest.mark.parametrize("operation", ["draft", "Draft", " DRAFT\n"])
def test_an_operation_is_understood_as_models_write_it(operation) -> None:
    assert Action(operation=operation, section="s1").operation == "draft"


STATUSES = st.sampled_from(["pending", "drafted", "needs_revision", "accepted", "budget_exhausted"])


@given(st.lists(STATUSES, max_size=6), st.sampled_from(["fixed", "no_review", "no_refine"]))
def test_what_a_pure_protocol_chooses_is_never_refused(statuses: list[str], protocol: str) -> None:
    sections = [{**new_section(i, f"T{i}", ["p"]), "status": s} for i, s in enumerate(statuses, 1)]
    if protocol == "no_refine":  # without revisions the gate leaves none in need of one
        sections = [s for s in sections if s["status"] != "needs_revision"]
    state = new_state({"instruction": "x", "language": "en"}, protocol)
    state |= {"order": [s["id"] for s in sections], "sections": {s["id"]: s for s in sections}}
    bounds = limits_of(protocol, Limits())
    action = next_action(protocol, state, bounds)
    assert action.operation in OPERATIONS
    assert refusal(action, state, bounds) is None


@given(
    st.integers(1, 5),
    st.lists(st.floats(0, 10, allow_nan=False), min_size=30, max_size=30),
    st.sampled_from(["fixed", "no_review", "no_refine"]),
)
def test_a_pure_protocol_always_ends_within_t_max(count: int, scores: list[float], protocol: str) -> None:
    bounds = limits_of(protocol, Limits())
    state = new_state({"instruction": "x", "language": "en"}, protocol)
    given_scores = iter(scores * 10)
    for _ in range(1_000):
        action = next_action(protocol, state, bounds)
        if action.operation == "finish":
            break
        state["step"] += 1
        if action.operation == "outline":
            sections = [new_section(i, f"T{i}", ["p"]) for i in range(1, count + 1)]
            state |= {"order": [s["id"] for s in sections], "sections": {s["id"]: s for s in sections}}
            continue
        section = state["sections"][action.section]
        section = (
            with_review(section, next(given_scores), "mend it", bounds)
            if action.operation == "review"
            else with_text(section, "text", "summary")
        )
        state["sections"] = {**state["sections"], action.section: section}
    assert not any(is_open(section, protocol) for section in state["sections"].values())
    most = 1 + count * (2 + 2 * bounds.max_revisions)
    assert state["step"] <= most
    assert all(s["score"] is not None or protocol == "no_review" for s in state["sections"].values())


def test_the_planner_is_asked_not_computed(written, limits) -> None:
    with pytest.raises(ValueError, match="protocol 'autonomous' asks a model; pure ones: fixed"):
        next_action("autonomous", written(), limits)

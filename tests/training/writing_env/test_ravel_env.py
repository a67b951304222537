"""Environments as a trainer meets them: operations as tools, refusals that are counted, failures that are ours."""

import inspect
import pickle
from typing import Any

import pytest
from writing_episodes import BRIEF, broken_at, finish, planner, writer

from ravelar.tools.errors import InputError, ToolCrashed, UnknownName
from ravelar.tools.writing.limits import Limits
from ravelar.training.ravel_env import RavelEnvironments, RavelPlanner, RavelWriter
from ravelar.training.writing_env.programs import program_crew

PROSE = {"content": "Ropes are wet by noon. Boats wait for water.", "summary": "Ropes and boats."}
PLAN = [{"title": "The quay", "points": ["ropes are wet by noon"]}, {"title": "The tide", "points": ["boats wait"]}]


def tools_of(kind: type) -> set[str]:
    """Return the names that TRL 1.16 takes for a class's tools."""
    public = (name for name, _ in inspect.getmembers(kind, predicate=inspect.isfunction) if not name.startswith("_"))
    return {name for name in public if name not in {"reset", "get_reward"}}


def test_operations_are_the_tools_and_nothing_else_is() -> None:
    assert tools_of(RavelPlanner) == {"outline", "draft", "review", "refine", "finish"}
    assert tools_of(RavelWriter) == {"outline", "draft", "refine"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", [RavelPlanner, RavelWriter])
def test_each_tool_has_the_schema_that_chat_templates_need(kind: type) -> None:
    utils = pytest.importorskip("transformers.utils", reason="the extra `train` is not installed")
    for name in tools_of(kind):
        told = utils.get_json_schema(getattr(kind(program_crew(), Limits(), lambda *_: None), name))["function"]
        wanted = [each for each in inspect.signature(getattr(kind, name)).parameters if each != "self"]
        assert list(told["parameters"]["properties"]) == wanted
        assert told["parameters"].get("required", []) == wanted
        assert len(told["description"]) > 15


def test_an_article_is_finished_and_measured_as_any_run(finished: RavelPlanner) -> None:
    measures = finished.measures
    assert (measures.end, measures.finished, measures.steps, measures.refused) == ("finished", True, 6, 0)
    assert finished.article.startswith("# ")
    assert [event["kind"] for event in finished.events][:3] == ["run", "step", "outline"]


def test_a_refused_action_costs_its_step_and_the_policy_is_told_why() -> None:
    environment = planner()
    assert environment.draft(section="s1") == "draft s1: refused: there is no outline yet: draft comes after outline"
    environment.outline()
    assert "refused: s1 was never drafted" in environment.review(section="s1")
    assert "refused: sections are still open" in environment.finish()
    assert "refused: there is no section 's9'" in environment.draft(section="s9")
    assert (environment.measures.steps, environment.measures.refused) == (5, 4)


@pytest.mark.parametrize("arguments", [{}, {"sections": "s1"}, {"section": "s1", "more": 1}, {"section": ["s1"]}])
def test_a_call_that_does_not_fit_its_tool_is_a_refused_step(arguments: dict[str, Any]) -> None:
    environment = planner()
    environment.outline()
    assert "refused" in environment.draft(**arguments)
    assert (environment.measures.steps, environment.measures.refused) == (2, 1)


def test_calls_after_the_end_change_nothing(finished: RavelPlanner) -> None:
    before = list(finished.events)
    assert finished.draft(section="s1") == "the run has ended: finished"
    assert finished.outline(1, 2) == "the run has ended: finished"
    assert finished.events == before
    assert finished.episode.late == 2


def test_an_episode_ends_when_its_steps_are_used_up() -> None:
    environment = planner(max_steps=2)
    environment.outline()
    assert environment.draft(section="s1").endswith("the run has ended: step_budget")
    assert not environment.measures.finished


def test_revisions_are_used_up_and_the_run_finishes_with_that_said() -> None:
    environment = planner(program_crew(weak=1.0, mending=0.0), max_revisions=1)
    environment.outline()
    for name in ("s1", "s2"):
        for operation in ("draft", "review", "refine", "review"):
            getattr(environment, operation)(section=name)
        assert environment.state["sections"][name]["status"] == "budget_exhausted"
    environment.finish()
    assert environment.measures.end == "finished_with_exhausted_sections"
    assert environment.measures.forced == 2


@pytest.mark.parametrize("role", ["outliner", "drafter", "reviewer", "refiner"])
@pytest.mark.parametrize("error", [ToolCrashed("the model is gone"), KeyError("a bug")])
def test_what_the_crew_fails_at_ends_the_episode_and_says_nothing_of_the_policy(role: str, error: Exception) -> None:
    environment = planner(broken_at(role, error))
    environment.outline()
    if role == "refiner":
        environment.episode.take_text("draft", "s1", environment._crew.drafter(environment._given("s1")))
        environment.episode.state["sections"]["s1"]["status"] = "needs_revision"
    else:
        environment.draft(section="s1")
        environment.review(section="s1")
    environment.refine(section="s1")
    assert environment.state["end"] == f"failed:{'tool_crashed' if isinstance(error, ToolCrashed) else 'key_error'}"
    assert type(error).__name__ in str(environment.episode.failure)
    assert environment.events[-1]["kind"] == "end"


def test_the_same_seed_meets_the_same_drafts_however_it_goes_about_it() -> None:
    one, two = finish(planner(seed=7)), planner(seed=7)
    two.outline()
    two.finish()  # refused, so that all steps have other numbers
    for name in reversed(two.state["order"]):
        two.draft(section=name)
    assert [one.state["sections"][n]["content"] for n in one.state["order"]] == [
        two.state["sections"][n]["content"] for n in two.state["order"]
    ]
    assert finish(planner(seed=8)).article != one.article


def test_nothing_of_an_episode_is_left_in_the_next() -> None:
    environment = finish(planner())
    first = environment.article
    environment.reset(brief=BRIEF, seed=3)
    assert (environment.state["step"], environment.article, environment.episode.gains) == (0, "", [])
    assert finish(environment).article == first


def test_an_episode_is_pickled_in_its_middle_and_goes_on_as_it_was() -> None:
    environment = planner()
    environment.outline()
    environment.draft(section="s1")
    again = pickle.loads(pickle.dumps(environment))
    assert again.events == environment.events
    for each in (environment, again):
        each.review(section="s1")
    assert again.state == environment.state
    assert again.measures.to_json() == environment.measures.to_json()


def test_the_factory_is_pickled_and_makes_environments_that_share_nothing() -> None:
    factory = pickle.loads(pickle.dumps(RavelEnvironments(program_crew())))
    one, two = factory(), factory()
    one.reset(brief=BRIEF)
    two.reset(brief=BRIEF)
    one.outline()
    assert two.state["order"] == []


def test_a_writer_is_reviewed_at_once_and_code_finishes_for_it() -> None:
    environment = writer(max_revisions=1)
    environment.outline(title="Harbour days", sections=PLAN)
    assert "needs_revision" in environment.draft(section="s1", content="Gulls sleep.", summary="Gulls.")
    assert "accepted" in environment.refine(section="s1", changes="the point", **PROSE)
    assert environment.draft(section="s2", content="Boats wait. Nets dry.", summary="Boats.").endswith(
        "ended: finished"
    )
    assert environment.measures.steps == 8  # outline, 3 texts, 3 reviews, finish
    assert environment.state["sections"]["s1"]["scores"][0] < 8 <= environment.state["sections"]["s1"]["scores"][1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"content": "", "summary": "x"}, "content"),
        ({"content": 5, "summary": "x"}, "content"),
        ({"content": "...", "summary": "x"}, "content holds no words"),
        ({"content": "Das Wasser steigt und die Boote warten am Kai auf die Flut. " * 12, "summary": "x"}, "language"),
        ({"content": "word " * 9_000, "summary": "x"}, "write it shorter"),
    ],
)
def test_a_text_that_the_graph_would_not_take_is_a_refused_step(arguments: dict[str, Any], why: str) -> None:
    environment = writer()
    environment.outline(title="Harbour days", sections=PLAN)
    said = environment.draft(section="s1", **arguments)
    assert "refused" in said
    assert why in said
    assert environment.state["sections"]["s1"]["status"] == "pending"


@pytest.mark.parametrize("sections", [[], [{"title": "One", "points": ["a"]}], "two", [{"title": "x"}] * 2])
def test_an_outline_that_the_brief_does_not_ask_for_is_a_refused_step(sections: Any) -> None:
    environment = writer()
    assert "refused" in environment.outline(title="Harbour days", sections=sections)
    assert (environment.state["order"], environment.measures.refused) == ([], 1)


def test_wrong_settings_and_rows_are_told_by_name() -> None:
    with pytest.raises(UnknownName, match="no role 'editor'"):
        RavelEnvironments(program_crew(), role="editor")  # type: ignore[arg-type]
    environment = RavelEnvironments(program_crew())()
    with pytest.raises(InputError, match="was not reset"):
        environment.outline()
    with pytest.raises(InputError, match="brief None: allowed: a mapping"):
        environment.reset(prompt="x")
    with pytest.raises(InputError, match="column seed: '1'"):
        environment.reset(brief=BRIEF, seed="1")
    environment.reset(brief={**BRIEF, "audience": None}, seed=1, prompt="x", split="train")  # as `datasets` fills it

"""Who works in an episode: programs, RAVEL's own agents, a reward tool as reviewer; what they are given, and do."""

import pickle
from typing import Any

import pytest
from ravel_world import Writer
from writing_episodes import BRIEF, finish, planner

from ravelar.tools.chat.retrying import NO_RETRIES
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import InputError, ToolUnavailable
from ravelar.tools.writing.limits import Limits
from ravelar.training.ravel_env import RavelEnvironments, RavelPlanner
from ravelar.training.writing_env.chats import ChatCrew, ScoredReviewer
from ravelar.training.writing_env.crew import Crew
from ravelar.training.writing_env.programs import program_crew
from ravelar.training.writing_env.rewards import WritingReward
from ravelar.training.writing_env.rows import rows_of
from ravelar.training.writing_env.telling import tell_result, tell_state, tell_statuses


def by_chat(writer: Writer) -> RavelPlanner:
    crew = ChatCrew(chats={"": ScriptedChat(writer)}, retries=NO_RETRIES).crew()
    return planner(crew)


def test_the_agents_of_ravel_do_the_work_and_their_calls_stand_in_the_log() -> None:
    writer = Writer(2)
    environment = finish(by_chat(writer))
    assert environment.measures.end == "finished"
    assert [role for role, _ in writer.asked] == ["outliner", "drafter", "reviewer", "drafter", "reviewer"]
    assert environment.measures.spent["calls"] == 5
    assert {event["role"] for event in environment.events if event["kind"] == "call"} == {
        "outliner",
        "drafter",
        "reviewer",
    }


def test_a_model_whose_replies_stay_broken_leaves_the_episode_unscored() -> None:
    environment = by_chat(Writer(2, reviewer=lambda *_: "no review at all"))
    finish(environment)
    assert environment.state["end"] == "failed:broken_reply"
    assert WritingReward()(environments=[environment]) == [None]


def test_a_crew_of_named_models_is_pickled_and_one_without_a_model_is_refused() -> None:
    crew = ChatCrew(model="openai:local", base_url="http://127.0.0.1:1/v1").crew()
    assert pickle.loads(pickle.dumps(RavelEnvironments(crew))).role == "planner"
    with pytest.raises(InputError, match="no language model is set for the drafter"):
        ChatCrew(models={"outliner": "openai:x"})


def test_a_reward_tool_reviews_and_the_gate_reads_its_score(fake_tool: Any) -> None:
    tool = fake_tool("judge", lambda triple: 0.9 if "noon" in triple.text else 0.3)
    usual = program_crew(weak=0.0)
    crew = Crew(usual.outliner, usual.drafter, ScoredReviewer(tool), usual.refiner)
    environment = finish(planner(crew))
    scores = [section["score"] for section in environment.state["sections"].values()]
    assert set(scores) <= {9.0, 3.0}
    assert "s1" in tool.batches[0][0].question
    assert tool.batches[0][0].metadata == {"words": environment.state["sections"]["s1"]["words"]}


def test_a_reviewing_tool_that_abstains_ends_the_episode_unscored(fake_tool: Any) -> None:
    def unable(triple: Any) -> float:
        raise ToolUnavailable("no worker")

    usual = program_crew()
    environment = planner(
        Crew(usual.outliner, usual.drafter, ScoredReviewer(fake_tool("judge", unable)), usual.refiner)
    )
    finish(environment)
    assert environment.state["end"] == "failed:tool_crashed"
    assert "no worker" in environment.state["because"]


def test_programs_write_what_their_review_asks_for() -> None:
    environment = planner(program_crew(weak=1.0, mending=1.0))
    environment.outline()
    environment.draft(section="s1")
    environment.review(section="s1")
    section = environment.state["sections"]["s1"]
    assert section["status"] == "needs_revision"
    assert section["feedback"].startswith("cover: ")
    environment.refine(section="s1")
    environment.review(section="s1")
    after = environment.state["sections"]["s1"]
    assert after["status"] == "accepted"
    assert section["feedback"].removeprefix("cover: ") in after["content"]


@pytest.mark.parametrize("sections", [1, 9, 30])
def test_programs_plan_as_many_sections_as_are_asked_for_each_of_another_title(sections: int) -> None:
    environment = planner()
    environment.reset(brief={"instruction": "x", "sections": sections}, seed=1)
    environment.outline()
    titles = [section["title"] for section in environment.state["sections"].values()]
    assert len(titles) == len(set(titles)) == sections


def test_rows_hold_prompt_brief_and_seed_in_the_words_of_ravels_own_agents() -> None:
    rows = list(rows_of([BRIEF, {**BRIEF, "language": "zh"}], "planner", seed=5))
    assert [row["seed"] for row in rows] == [5, 6]
    assert [message["role"] for message in rows[0]["prompt"]] == ["system", "user"]
    assert rows[0]["prompt"][1]["content"].startswith("Harbour days, for children.")
    assert rows[1]["prompt"][0]["content"] != rows[0]["prompt"][0]["content"]
    (writing,) = rows_of([BRIEF], "writer")
    assert writing["prompt"][0]["content"] != rows[0]["prompt"][0]["content"]
    with pytest.raises(InputError, match="no role 'editor'"):
        next(rows_of([BRIEF], "editor"))
    with pytest.raises(InputError, match="instruction is empty"):
        next(rows_of([{"instruction": " "}]))


@pytest.mark.parametrize("tell", [tell_state, tell_result, tell_statuses])
def test_what_a_policy_is_told_says_where_the_article_stands(tell: Any) -> None:
    environment = RavelEnvironments(program_crew(weak=1.0), "planner", Limits(), tell)()
    begun = environment.reset(brief=BRIEF, seed=1)
    assert begun is None or begun.startswith((" ", "\n"))
    environment.outline()
    environment.draft(section="s1")
    assert "needs_revision" in environment.review(section="s1")
    assert "refused" in environment.review(section="s1")


def test_a_writer_is_told_what_to_write_next_and_what_the_review_asks_for() -> None:
    environment = RavelEnvironments(program_crew(), "writer", Limits(), tell_state)()
    assert "next: outline" in str(environment.reset(brief=BRIEF, seed=1))
    said = environment.outline(
        title="Days", sections=[{"title": t, "points": ["ropes are wet"]} for t in ("Quay", "Tide")]
    )
    assert "next: draft s1" in said
    assert "ropes are wet" in said
    said = environment.draft(section="s1", content="Gulls sleep.", summary="Gulls.")
    assert "next: refine s1" in said
    assert "cover: ropes are wet" in said

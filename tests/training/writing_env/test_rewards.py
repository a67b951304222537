"""What an episode earns: formulas, bounds, what is unknown, what the trainer's log is told."""

from typing import Any

import pytest
from writing_episodes import broken_at, finish, planner

from ravelar.tools.errors import InputError, ToolUnavailable, UnknownName
from ravelar.training.ravel_env import RavelPlanner
from ravelar.training.writing_env.crew import Crew, Reviewed, Text
from ravelar.training.writing_env.programs import program_crew
from ravelar.training.writing_env.progress import progress
from ravelar.training.writing_env.rewards import Weights, WritingReward, unknown_calls


def asked_for(words: int | None, crew: Crew | None = None) -> RavelPlanner:
    environment = planner(crew)
    environment.reset(brief={"instruction": "Harbour days.", "sections": 2, "words": words}, seed=3)
    return environment


def test_a_clean_article_earns_all_there_is_either_way(finished: RavelPlanner) -> None:
    assert WritingReward()(environments=[finished]) == [1.0]
    assert WritingReward(per="step")(environments=[finished]) == [pytest.approx(1.0)]


def test_the_reward_of_an_episode_is_the_weighted_mean_of_its_components() -> None:
    environment = planner()
    environment.outline()
    environment.review(section="s1")  # refused
    environment.draft(section="s1")
    environment.review(section="s1")
    reward = WritingReward(weights=Weights(finished=1, accepted=2, obeyed=4))
    (value,) = reward(environments=[environment])
    components = reward.last[0].components
    assert components == {"finished": 0.0, "accepted": 0.5, "obeyed": 0.375, "length": None, "article": None}
    assert value == pytest.approx((2 * 0.5 + 4 * 0.375) / 7)


def test_the_reward_of_steps_is_the_progress_less_what_was_refused() -> None:
    environment = planner()
    environment.outline()
    environment.review(section="s1")
    environment.draft(section="s1")
    (value,) = WritingReward(per="step", penalty=0.05)(environments=[environment])
    assert (
        sum(environment.episode.gains) == pytest.approx(progress(environment.state)) == pytest.approx((1 + 1 / 3) / 4)
    )
    assert value == pytest.approx((1 + 1 / 3) / 4 - 0.05)


@pytest.mark.parametrize("per", ["episode", "step"])
def test_nothing_is_earned_by_stopping_before_a_section_is_accepted(per: Any) -> None:
    silent, outlined, refused = planner(), planner(), planner()
    outlined.outline()
    refused.finish()
    silent_, outlined_, refused_ = WritingReward(per=per)(environments=[silent, outlined, refused])
    assert silent_ == refused_ == 0.0
    assert outlined_ == (0.0 if per == "episode" else pytest.approx(0.25))


@pytest.mark.parametrize("per", ["episode", "step"])
def test_going_on_is_worth_more_than_stopping_even_with_a_refused_action(per: Any) -> None:
    stopped, went_on = planner(), planner()
    for environment in (stopped, went_on):
        environment.outline()
        environment.draft(section="s1")
        environment.review(section="s1")
    went_on.finish()  # refused
    went_on.draft(section="s2")
    went_on.review(section="s2")
    first, second = WritingReward(per=per)(environments=[stopped, went_on])
    assert first is not None
    assert second is not None
    assert second > first


@pytest.mark.parametrize("per", ["episode", "step"])
def test_late_and_unknown_calls_cost_as_refused_ones_do(per: Any, finished: RavelPlanner) -> None:
    reward = WritingReward(per=per)
    said = [{"role": "assistant", "content": ""}, {"role": "tool", "name": "publish", "content": "{'error': ...}"}]
    (once,) = reward(environments=[finished], completions=[said])
    finished.finish()  # after the end
    (twice,) = reward(environments=[finished], completions=[said])
    assert twice is not None
    assert once is not None
    assert twice < once < 1.0
    assert unknown_calls(said) == 1
    assert unknown_calls("text") == 0


def test_rewards_stay_within_bounds_whatever_was_called() -> None:
    environment = planner(max_steps=30)
    for _ in range(30):
        environment.finish()
    for per in ("episode", "step"):
        assert WritingReward(per=per, penalty=1.0)(environments=[environment]) == [0.0]  # type: ignore[arg-type]


def test_a_broken_crew_is_unscored_not_zero() -> None:
    environment = finish(planner(broken_at("reviewer", ToolUnavailable("no judge"))))
    reward = WritingReward()
    assert reward(environments=[environment, finish(planner())]) == [None, 1.0]
    assert "no judge" in reward.last[0].reason


def test_length_counts_where_the_brief_asks_for_one_and_only_there() -> None:
    usual = program_crew(weak=0.0)
    curt = Crew(usual.outliner, lambda _: Text("Gulls.", "gulls"), lambda _: Reviewed(9.0, ""), usual.refiner)
    reward = WritingReward()
    reward(environments=[finish(asked_for(40)), finish(asked_for(40, curt)), finish(asked_for(None, curt))])
    fits, short, unasked = (earned.components["length"] for earned in reward.last)
    assert fits is not None
    assert fits > 0.7
    assert short == 0.0
    assert unasked is None
    unfinished = asked_for(40)
    unfinished.outline()
    reward(environments=[unfinished])
    assert reward.last[0].components["length"] == 0.0


def test_a_reward_tool_scores_the_finished_articles_at_once_and_sees_no_reference(fake_tool: Any) -> None:
    tool = fake_tool("judge", lambda triple: 0.25)
    unfinished = planner()
    reward = WritingReward(tool=tool, weights=Weights(finished=0, accepted=1, obeyed=0, article=1))
    values = reward(environments=[finish(planner()), unfinished, finish(planner(seed=4))])
    assert values == [pytest.approx(0.625), 0.0, pytest.approx(0.625)]
    assert len(tool.batches) == 1
    assert [triple.reference for triple in tool.batches[0]] == [None, None]
    assert tool.batches[0][0].text.startswith("# ")


def test_where_the_reward_tool_abstains_the_episode_is_unscored(fake_tool: Any) -> None:
    def unable(triple: Any) -> float:
        raise ToolUnavailable("no worker")

    reward = WritingReward(tool=fake_tool("judge", unable))
    unfinished = planner()
    assert reward(environments=[finish(planner()), unfinished]) == [None, 0.0]
    assert "no worker" in reward.last[0].reason


def test_components_are_logged_apart_and_unscored_episodes_are_in_none_of_them(log: Any) -> None:
    broken = finish(planner(broken_at("drafter", KeyError("x"))))
    stopped = planner()
    stopped.draft(section="s1")
    reward = WritingReward(name="w")
    reward(environments=[finish(planner()), stopped, broken], log_metric=log.log_metric, log_extra=log.log_extra)
    logged = log.metrics[-1]
    assert (logged["w/S"], logged["w/accepted"], logged["w/refused_share"]) == (0.5, 0.5, pytest.approx(1 / 7))
    assert logged["w/unscored"] == pytest.approx(1 / 3)
    assert "w/length" not in logged
    assert log.columns[-1] == {"w/end": ["finished", "stopped", "failed:key_error"]}


def test_environments_of_others_in_the_same_training_are_left_to_their_own_rewards(
    finished: RavelPlanner, log: Any
) -> None:
    reward = WritingReward(name="w")
    values = reward(
        environments=[object(), finished],
        completions=[[], []],
        log_metric=log.log_metric,
        log_extra=log.log_extra,
    )
    assert values == [None, 1.0]
    assert (log.metrics[-1]["w/S"], log.columns[-1]["w/end"]) == (1.0, ["", "finished"])
    assert reward(environments=[object()]) == [None]


def test_settings_that_can_not_be_are_told() -> None:
    with pytest.raises(UnknownName, match="no reward per 'token'"):
        WritingReward(per="token")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="penalty 2"):
        WritingReward(penalty=2)
    with pytest.raises(InputError, match="weight length: -1"):
        Weights(length=-1)
    with pytest.raises(InputError, match="can't all weigh 0"):
        Weights(finished=0, accepted=0, obeyed=0)
    with pytest.raises(InputError, match="give the trainer environment_factory"):
        WritingReward()(prompts=["x"], completions=["y"])


def test_revisions_that_are_used_up_are_finished_but_not_accepted() -> None:
    environment = planner(program_crew(weak=1.0, mending=0.0), max_revisions=0)
    reward = WritingReward()
    (value,) = reward(environments=[finish(environment)])
    assert reward.last[0].components["finished"] == 1.0
    assert reward.last[0].components["accepted"] == 0.0
    assert value == pytest.approx(1 / 3)

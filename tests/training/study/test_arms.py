"""What policies are rewarded with: the registry, the baselines, the written verifier, the router."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest

from ravelar.tools.card import ToolCard
from ravelar.tools.errors import InputError, UnknownName, UnusableReference
from ravelar.tools.reward import RawScore, Reward, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.training.study.arms import ARMS, Everywhere, arm_named, reward_of
from ravelar.training.study.baselines import LongerIsBetter, MeanOfAll, standardised
from ravelar.training.study.families import BY_NAME
from ravelar.training.study.kit import POOL, RIGHT_TOOLS, Kit, KitSize, prepare, triple_of, written_verifier
from ravelar.training.study.policy import asked


class Says:
    """A tool that gives each completion what its text says, and abstains where that is no number."""

    def __init__(self, name: str, high: float = 1.0) -> None:
        self.card = ToolCard(name=name, kind="metric", task="tests", summary="for tests", high=high)

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        return [self._one(triple.text) for triple in triples]

    def _one(self, text: str) -> RawScore:
        given = dict(part.split("=") for part in text.split())
        return float(given[self.card.name]) if self.card.name in given else UnusableReference("nothing to read")


@pytest.mark.slow
def test_a_kit_whose_reward_models_were_not_taught_has_length_and_the_truth(tmp_path: Path) -> None:
    pytest.importorskip("trl", reason="the extra `train` is not installed")
    kit = Kit(1, tmp_path / "warm-1")
    prepare(kit, KitSize(warm_steps=1, notes_steps=0, all_steps=0))
    assert {"longer_is_better", "true_accuracy", "math_answer"} < set(kit.library.names)
    assert not {"calibrated_mean", "reward_model_all", "thank_you_notes"} & set(kit.library.names)


def test_arms_are_one_of_each_pool_tool_and_what_they_are_compared_with() -> None:
    assert len({arm.name for arm in ARMS}) == len(ARMS)
    assert [arm.tool for arm in ARMS if arm.kind == "static"] == list(POOL)
    assert [arm.name for arm in ARMS if arm.kind != "static"] == [
        "routed", "calibrated mean", "standardised mean", "longer is better", "oracle"
    ]  # fmt: skip
    assert set(RIGHT_TOOLS.values()) < set(POOL)


def test_an_unknown_arm_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownName, match="no arm 'route'; did you mean 'routed'"):
        arm_named("route")


def test_one_tool_everywhere_is_the_route_whatever_the_query_is() -> None:
    assert Everywhere("normalized")("anything", None, {"task": "math"}).tool == "normalized"


def test_a_mean_is_taken_over_the_parts_that_can_say_and_is_unscored_where_none_can() -> None:
    parts = [(Says("one"), lambda reward: reward.value), (Says("two"), lambda reward: reward.value)]
    tool = MeanOfAll("both", summary="for tests", parts=parts)
    triples = [Triple("?", text) for text in ("one=1 two=0.5", "two=0.25", "none=1")]
    values = [reward.value for reward in score_or_abstain(tool, triples)]
    assert values == [0.75, 0.25, None]


def test_standardised_scores_are_deviations_from_the_mean_clipped_at_four() -> None:
    scale = standardised([0.0, 2.0, 4.0, 6.0])  # mean 3, deviation sqrt 5
    assert scale(Reward(None, raw=3.0)) == 0.5
    assert scale(Reward(None, raw=3.0 + 5**0.5)) == pytest.approx(0.5 + 1 / 8)
    assert scale(Reward(None, raw=1e9)) == 1.0
    assert scale(Reward(None)) is None
    with pytest.raises(InputError, match="no deviation to divide by"):
        standardised([2.0, 2.0])


def test_longer_is_better_looks_at_nothing_but_length() -> None:
    values = [r.value for r in score_or_abstain(LongerIsBetter(16), [Triple("?", "x" * n) for n in (0, 4, 16, 30)])]
    assert values == [0.0, 0.25, 1.0, 1.0]


def test_the_written_verifier_in_its_jail_agrees_with_the_true_check_on_every_short_program() -> None:
    family = BY_NAME["programs"]
    questions = [
        question for question in family.questions() if question.prompt in ("code abab", "code cac", "code aaa")
    ]
    programs = ["".join(steps) for n in range(5) for steps in itertools.product("xyzdr", repeat=n)]
    for question in questions:
        rewards = score_or_abstain(written_verifier(), [triple_of(question, program) for program in programs])
        assert [reward.value for reward in rewards] == [float(family.right(question, p)) for p in programs]


def test_the_written_verifier_abstains_where_no_program_is_asked_for() -> None:
    question = BY_NAME["notes"].questions()[0]
    assert score_or_abstain(written_verifier(), [triple_of(question, "xyd")])[0].value is None


@pytest.mark.slow
def test_no_family_is_shown_to_tools_or_router(kit: Kit) -> None:
    triples = [triple_of(question, "x") for question in kit.train]
    assert {column for triple in triples for column in triple.metadata} == {"target_language"}
    assert kit.facts["routed_right"] / kit.facts["routed"] > 0.9


@pytest.mark.slow
def test_training_and_held_out_questions_are_disjoint_and_differ_by_seed(kit: Kit, tmp_path: object) -> None:
    held_out = {question.prompt for question in kit.held_out}
    assert len(held_out) == 32 * len(BY_NAME)
    assert not held_out & {question.prompt for question in kit.train}
    assert held_out != {question.prompt for question in Kit(2, kit.folder).held_out}


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_scores_what_its_tools_can_read(kit: Kit, arm: object) -> None:
    reward = reward_of(arm, kit)  # type: ignore[arg-type]
    questions = [next(q for q in kit.train if q.family == name) for name in BY_NAME]
    given = {
        "prompts": [asked(question) for question in questions],
        "completions": [question.reference for question in questions],
        "reference": [question.reference for question in questions],
        "target_language": [question.columns.get("target_language") for question in questions],
    }
    values = reward(**given)
    scored = [value for value in values if value is not None]
    assert scored
    assert all(0.0 <= value <= 1.0 for value in scored)
    if arm.name == "oracle":  # type: ignore[attr-defined]
        assert values == [1.0] * len(questions)

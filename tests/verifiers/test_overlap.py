"""ROUGE in any script."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from ravelar.tools.errors import UnusableReference
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.overlap import Overlap

SUMMARY = "The council approved the plan. Work on the bridge starts in May."


def scored(completion: str, reference: object, tool: Overlap | None = None) -> Scored:
    [score] = (tool or Overlap()).score([Triple("?", completion, reference)])
    assert isinstance(score, Scored), score
    return score


def test_the_reference_itself_earns_one_and_nonsense_nothing() -> None:
    assert scored(SUMMARY, SUMMARY).raw == pytest.approx(1.0)
    assert scored("zebra quantum", SUMMARY).raw == 0.0
    assert scored("", SUMMARY).raw == 0.0
    assert scored("?!", SUMMARY).raw == 0.0


def test_chinese_and_japanese_are_not_dropped() -> None:
    assert scored("市议会批准了计划。", "市议会批准了计划。").raw == pytest.approx(1.0)
    assert 0.2 < scored("议会批准新计划。", "市议会批准了计划。").raw < 1.0
    assert scored("計画が承認された", "計画が承認された").raw == pytest.approx(1.0)


def test_english_scores_are_those_of_rouge_score() -> None:
    completion = "The plan was approved by the council.\nThe bridge opens in May."
    reference = "The council approved the plan.\nWork on the bridge starts in May."
    theirs = RougeScorer(["rouge1", "rouge2", "rougeLsum"]).score(reference, completion)
    assert scored(completion, reference).detail == {kind: pytest.approx(s.fmeasure) for kind, s in theirs.items()}
    theirs = RougeScorer(["rouge1"], use_stemmer=True).score(reference, completion)
    stemmed = scored(completion, reference, Overlap(stem_english=True)).detail
    assert stemmed is not None
    assert stemmed["rouge1"] == pytest.approx(theirs["rouge1"].fmeasure)


def test_the_best_of_several_references_counts() -> None:
    assert scored(SUMMARY, ["Another text.", SUMMARY]).raw == pytest.approx(1.0)


def test_text_far_longer_than_the_reference_earns_nothing() -> None:
    assert scored(SUMMARY * 50, SUMMARY).raw == 0.0
    assert scored("\ufdfa" * 100_000, SUMMARY).raw == 0.0


def test_repeating_words_does_not_pay() -> None:
    assert scored("the " * 100, SUMMARY).raw < 0.1


@pytest.mark.parametrize("reference", [None, "", "?!", 3, True, {"a": "b"}, [], ["x", 1], "word " * 1_501])
def test_references_without_words_are_unusable(reference: object) -> None:
    [score] = Overlap().score([Triple("?", "x", reference)])
    assert isinstance(score, UnusableReference)

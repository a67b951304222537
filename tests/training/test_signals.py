"""Signals: groups of completions, and what kind of prompt they answer."""

from ravelar.tools.reward import Triple
from ravelar.training.signals import Prompts, stratum


def test_a_group_is_one_value_and_a_prompt_that_was_drawn_twice_is_two() -> None:
    triples = [Triple("p", "x")] * 4 + [Triple("q", "x")] * 2
    values = Prompts(triples, group=2).means([0.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    assert [(value.mean, value.n) for value in values] == [(0.5, 2), (1.0, 2), (0.0, 2)]


def test_completions_of_a_prompt_belong_together_wherever_they_stand() -> None:
    triples = [Triple("p", "x"), Triple("q", "x"), Triple("p", "x"), Triple("q", "x")]
    assert [value.mean for value in Prompts(triples, group=8).means([1.0, 0.0, 1.0, 0.0])] == [1.0, 0.0]


def test_the_column_task_says_the_kind_of_a_prompt() -> None:
    assert stratum(Triple("p", "x", None, {"task": "math"})) == "math"


def test_without_it_the_first_word_and_the_kind_of_the_reference_do() -> None:
    assert stratum(Triple("Translate: ja", "x", "oui")) == stratum(Triple("translate: nein", "y", "non"))
    assert stratum(Triple("Sort 3 2 1", "x", [1])) != stratum(Triple("Sort 3 2 1", "x", "123"))
    assert stratum(Triple("", "x")) == stratum(Triple("  ", "x"))

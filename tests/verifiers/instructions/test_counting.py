"""The rules for words and sentences."""

import pytest

from ravelar.tools.verifiers.instructions.counting import exactly, holds, sentences, words


def number_of(items):
    return sum(1 for _ in items)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n ", 0),
        ("No mark", 1),
        ("One. Two.", 2),
        ("One. Two", 2),
        ("What?! Really... Yes.", 3),
        ("Wait... what is it?", 1),
        ("It costs 3.50 dollars at example.com today.", 1),
        ("Mr. and Mrs. Jones met J. K. Rowling. She waved.", 2),
        ("We eat bread, milk, etc. Then we sleep.", 2),
        ("He lives in the U.S. He likes it. In the U.S. Army he served.", 3),
        ('"Stop!" he said. (Nobody moved.) The end.', 4),
        ("“Stop.” He left.", 2),
        ("And so am I. We left.", 2),
        ("One line\nand another\n\nand a third.", 1),
        ("1. Buy milk. 2. Go home.", 4),
        ("Version 2. is out.", 1),
        ("**Bold.** Plain.", 2),
        ("今天下雨。我们在家！他说：“好。”对吗？", 4),
        ("मैं घर गया। वह सो गया।", 2),
        (". . .", 3),
        ("...", 1),
    ],
)
def test_sentences_are_counted_by_the_stated_rule(text, count):
    assert number_of(sentences(text)) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("don't", 2), ("a-b c_d", 3), ("naïve café", 2), ("...", 0), ("今天 下雨", 2), ("क्या आप", 2)],
)
def test_words_are_runs_of_word_characters(text, count):
    assert number_of(words(text)) == count


def test_relations_turn_at_the_number_itself():
    assert holds("at least", 3, "abc")
    assert not holds("at least", 3, "ab")
    assert holds("less than", 3, "ab")
    assert not holds("less than", 3, "abc")
    assert [exactly(2, text) for text in ("a", "ab", "abc")] == [False, True, False]


def test_no_more_occurrences_are_drawn_than_the_answer_needs():
    drawn = iter("abcdef")
    assert holds("at least", 2, drawn)
    assert "".join(drawn) == "cdef"

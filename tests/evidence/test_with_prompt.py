"""Preference rows that hold their prompt twice: where it ends."""

from typing import Any

import pytest

from ravelar.tools.evidence.labelled import with_prompt

TURN = "\n\nAssistant:"


@pytest.mark.parametrize(
    ("better", "worse", "prompt"),
    [
        (f"\n\nHuman: Hi{TURN} Hello", f"\n\nHuman: Hi{TURN} Go", f"\n\nHuman: Hi{TURN}"),
        (f"{TURN} a{TURN} b", f"{TURN} a{TURN} c", f"{TURN} a{TURN}"),
        (f"{TURN} yes it is", f"{TURN} yes it was", TURN),  # the turn decides, not the last space
        ("Which one? Blue", "Which one? Red", "Which one? "),
        ("Which one?\nBlue", "Which one?\nRed", "Which one?\n"),
        ("a b\nc Blue", "a b\nc Red", "a b\nc "),
        ("a b\nBlue", "a b\nRed", "a b\n"),
        ([1, 2, 3], [1, 2, 4], [1, 2]),
        ([1, 5, 3], [1, 2, 3], [1]),
        ("a b c d", "a x c d", "a "),
        ([1, 2, 3], [1, 2, 3], [1, 2]),  # both sides keep at least one message
        ([1, 2], [1, 2, 3], [1]),
        ([1, 2, 3, 4], [1, 2], [1]),
    ],
)
def test_what_both_sides_begin_with_is_the_prompt(better: Any, worse: Any, prompt: Any) -> None:
    row = with_prompt({"chosen": better, "rejected": worse, "id": 7})
    n = len(prompt)
    assert row == {"prompt": prompt, "chosen": better[n:], "rejected": worse[n:], "id": 7}


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Blue", "Red"), (" Blue", " Red"), ("abc", "abd"), ([1], [1, 2]), ([1], [2]), ("a b", ["a", "b"]), (5, 5),
        ("a b c", ["a", " ", "b", " ", "d"]),
    ],
)  # fmt: skip
def test_a_row_in_which_nothing_is_common_stays_as_it_is(better: Any, worse: Any) -> None:
    assert with_prompt({"chosen": better, "rejected": worse}) == {"chosen": better, "rejected": worse}

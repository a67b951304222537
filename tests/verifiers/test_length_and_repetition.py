"""The cheap signals: length asked for, and repetition."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.errors import UnusablePrompt, UnusableReference
from ravelar.tools.reward import RawScore, Scored, Triple
from ravelar.tools.verifiers.length import Asked, Length, asked_in, length_score
from ravelar.tools.verifiers.repetition import Repetition, duplicated_share
from ravelar.tools.verifiers.words import words


def length(n: int, reference: object = None, prompt: str = "?", **columns: object) -> RawScore:
    return Length().score([Triple(prompt, "word " * n, reference, columns)])[0]


@pytest.mark.parametrize(
    ("n", "expected"), [(0, 0), (100, 100), (200, 200 / 3), (400, 0), (900, 0), (50, 50), (80, 87.5), (33, 0)]
)
def test_length_score_is_that_of_longbench_write(n: int, expected: float) -> None:
    assert length_score(n, Asked(100, 100)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("n", [1, 99, 100, 150, 200])
def test_length_within_bounds_is_full(n: int) -> None:
    assert length_score(n, Asked(None, 200)) == 100
    assert length_score(n + 100, Asked(100, None)) == 100


def test_length_is_read_from_columns_reference_or_prompt() -> None:
    for score in (
        length(100, words=100),
        length(100, target_words=100),
        length(100, min_words=90, max_words=110),
        length(100, 100),
        length(100, prompt="Write 100 words."),
        length(100, "a text reference", prompt="Write 100 words."),
        length(100, 7, words=100),
    ):
        assert isinstance(score, Scored)
        assert score.raw == 100.0
        assert score.detail is not None
        assert score.detail["words"] == 100


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("Write 300 words on cats.", (300, 300)),
        ("Write a 300-word essay.", (300, 300)),
        ("Write about 1,000 words.", (1000, 1000)),
        ("Use at least 200 words.", (200, None)),
        ("Use no more than 50 words.", (None, 50)),
        ("Keep it under 100 words", (None, 100)),
        ("between 200 and 300 words", (200, 300)),
        ("200-300 words", (200, 300)),
        ("Write 300 words. I repeat: 300 words.", (300, 300)),
        ("Write 300 words; begin with the first 3 words of the text.", (300, 300)),
        ("写一篇800字的作文", (800, 800)),
        ("不少于800字", (800, None)),
        ("500字以内", (None, 500)),
        ("800~1000字", (800, 1000)),
        ("约2千字", (2000, 2000)),
        ("1-2万字", (10000, 20000)),
    ],
)
def test_length_asked_for_in_a_prompt(prompt: str, asked: tuple[int | None, int | None]) -> None:
    assert asked_in(prompt) == asked


@pytest.mark.parametrize("prompt", ["Write.", "", "Write 300 words, then 500 words.", "in 1999", "26字母"])
def test_prompt_without_one_length_is_unusable(prompt: str) -> None:
    assert isinstance(length(10, prompt=prompt), UnusablePrompt)


@pytest.mark.parametrize(
    "columns", [{"words": 0}, {"words": "300"}, {"words": True}, {"min_words": -1}, {"min_words": 5, "max_words": 4}]
)
def test_bad_lengths_are_unusable(columns: dict[str, object]) -> None:
    assert isinstance(length(10, **columns), UnusableReference)
    assert isinstance(length(10, 0), UnusableReference)


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("", 0),
        ("one two, three!", 3),
        ("don't stop", 2),
        ("我爱北京。", 4),
        ("我用 Python 3 写", 5),
        ("नमस्ते दुनिया", 2),
        ("안녕 세상", 2),
        ("naïve café", 2),
        ("\x00\ud800", 0),
    ],
)
def test_words_are_counted_in_any_script(text: str, n: int) -> None:
    assert len(words(text)) == n


def repetition(text: str) -> float:
    [score] = Repetition().score([Triple("?", text)])
    assert not isinstance(score, Exception)
    return score.raw if isinstance(score, Scored) else score


def test_repetition_of_plain_text_is_none_and_of_a_loop_nearly_all() -> None:
    assert repetition(" ".join(str(i) for i in range(1_000))) == 0.0
    assert repetition("again and " * 1_000) > 0.99
    assert repetition("一遍又一遍地说" * 500) > 0.99
    assert repetition("too short to repeat") == 0.0


def test_repetition_of_nothing_is_worst() -> None:
    assert repetition("") == repetition("<think>loop") == repetition("...") == 1.0
    assert Repetition().card.worst == 1.0


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_duplicated_share_is_exact(tokens: list[str]) -> None:
    grams = [tuple(tokens[i : i + 8]) for i in range(len(tokens) - 7)]
    assert duplicated_share(tokens) == pytest.approx(1 - len(set(grams)) / len(grams) if grams else 0.0)

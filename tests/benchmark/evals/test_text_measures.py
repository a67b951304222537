"""Counting in a text without a model: by hand, in both languages, and on what is hostile."""

import time

import pytest

from ravelar.tools.verifiers.words import words
from ravelar.tools.writing.leaked_format import leaked_format
from ravelar.tools.writing.text_measures import (
    covered,
    distinct_share,
    letter_grams,
    letters,
    longest_common_subsequence,
    point_grams,
    points,
    recall,
    repeated_share,
    rouge_l,
    script_share,
    unfinished,
    word_grams,
)

PROSE = "春天来了，院子里的桃树开花了。孩子们在树下跑来跑去，笑声传得很远。"


def test_letters_are_folded_and_everything_else_is_left_out() -> None:
    assert letters("Ａbc，１２ 春天!\n") == "abc12春天"
    assert letter_grams("春天来", 2) == {"春天", "天来"}
    assert letter_grams("春", 2) == set()
    assert word_grams(["a", "b", "a", "b"], 2) == {("a", "b"), ("b", "a")}


def test_recall_by_hand() -> None:
    assert recall({"ab", "bc"}, {"bc", "xy"}) == 0.5
    assert recall(set(), {"x"}) is None


def test_a_text_said_twice_repeats_itself_wholly_and_prose_does_not() -> None:
    once = words(PROSE)
    assert repeated_share(once) == 0.0
    assert repeated_share(once * 2) > 0.85
    assert repeated_share(once * 20) == pytest.approx(1.0, abs=0.02)
    assert repeated_share(once[:7]) == 0.0


def test_distinct_pairs_are_counted_over_one_length() -> None:
    assert distinct_share(["a", "b", "a", "b", "a"], of_first=5) == pytest.approx(2 / 4)
    assert distinct_share(["a", "b", "a", "b", "c", "d"], of_first=5) == pytest.approx(3 / 4)
    assert distinct_share(["a", "b"], of_first=5) is None


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("春天来了", "zh", 1.0),
        ("春天is", "zh", 0.5),
        ("Spring has come", "en", 1.0),
        ("Spring 春", "en", 6 / 7),
        ("2024！", "zh", None),
        ("", "en", None),
        ("весна", "zh", 0.0),
    ],
)
def test_script_share(text, language, share) -> None:
    assert script_share(text, language) == pytest.approx(share)


def test_an_unknown_language_is_named() -> None:
    with pytest.raises(ValueError, match="no script is known for language 'xx'; known: zh"):
        script_share("a", "xx")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("[fill in the blanks]\n洞井村自有静谧。", ("blank",)),
        ("<think>plan</think>春天。", ("reasoning",)),
        ('{"content": "春天。"}', ("json",)),
        ('```json\n{"a": 1}\n```', ("json", "code fence")),
        ("【大纲】\n一、春天", ("label",)),
        ("好的，以下是文章：\n春天来了。", ("preface",)),
        ("以下是补全的内容：\n春天来了。", ("preface",)),
        ("Sure, here is the article.\nSpring.", ("preface",)),
        ("抱歉，我无法完成这个请求。", ("refusal",)),
        ("I'm sorry, but I can't help.", ("refusal",)),
        ("春天来了。\n（注：本文为虚构。）", ("note",)),
        ("春天来了。\n（全文约800字）", ("note",)),
        (PROSE, ()),
        ("Here in the valley the snow is gone. Sure enough, spring came.", ()),
        ("他说：“好的，我们走吧。”", ()),
        ("以下三点值得注意：一是学习。二是实践。", ()),
        ("", ()),
    ],
)
def test_what_leaked_is_named_and_prose_is_clean(text, names) -> None:
    assert leaked_format(text) == names


@pytest.mark.parametrize(
    ("text", "breaks_off"),
    [
        (PROSE, False),
        (PROSE[:-8], True),
        ("", True),
        ("  \n", True),
        ("尊敬的领导：\n感谢您的支持与关心。\n此致\n敬礼\n申请人：王小明\n2023年3月31日", False),
        ("**结语**\n让我们携手前行，共同创造更加美好的明天。**", False),
        ("风从海上来\n带着盐的味道\n吹过旧码头\n我站在这里\n等一艘船", False),
        ("It was late. The old man sat down by the river and watched the boats go by until", True),
        ("It was late. The old man sat down.", False),
        ('He said: "We go home."', False),
    ],
)
def test_texts_that_break_off(text, breaks_off) -> None:
    assert unfinished(text) is breaks_off


def test_longest_common_subsequence_and_rouge_by_hand() -> None:
    assert longest_common_subsequence("ABCBDAB", "BDCABA") == 4
    assert longest_common_subsequence("", "abc") == 0
    assert rouge_l("abcd", "abxd") == pytest.approx(0.75)
    assert rouge_l("", "abc") == 0.0


def test_an_outline_is_cut_into_points() -> None:
    outline = "【大纲】\n\n- 开篇以热播剧为切入点\n- 文艺作品的意义：\n  - 是国民精神的火光\n"
    outline += "一、现状分析与问题\n（二）对策\n1. 深入生活"
    assert points(outline) == [
        "开篇以热播剧为切入点",
        "文艺作品的意义：",
        "是国民精神的火光",
        "现状分析与问题",
        "深入生活",
    ]


def test_coverage_counts_points_of_which_half_is_there() -> None:
    wanted = point_grams("- 春天的桃树\n- 冬天的雪山")
    assert covered(wanted, letter_grams(letters("春天的桃树开花"), 2)) == 0.5
    assert covered(wanted, letter_grams(letters("夏夜"), 2)) == 0.0
    assert covered(point_grams("\n"), set()) is None


@pytest.mark.parametrize("bait", ["\n" * 400_000, "[" * 400_000, "（" * 400_000, " " * 400_000 + "x", "1." * 200_000])
def test_no_pattern_is_slow_on_hostile_text(bait) -> None:
    started = time.process_time()
    leaked_format(bait)
    unfinished(bait)
    points(bait)
    assert time.process_time() - started < 5

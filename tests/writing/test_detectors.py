"""Detectors find what was planted, and say nothing of clean text."""

import json
import time

import pytest

from ravelar.tools.writing.detectors import findings_of, leaks, length_of, repeats, repeats_of
from ravelar.tools.writing.languages import language_mix, wrong_language

PARAGRAPH = (
    "The tide comes into the inner harbour twice a day, and twice a day the pilots row out to meet whatever ship is "
    "waiting at the bar; they have done so since before there was a lighthouse to tell them where the bar was."
)
CHINESE_PARAGRAPH = (
    "潮水一天两次涌进内港，引水员也一天两次划着小船出去，迎接在沙洲外等候的船只；"
    "在还没有灯塔告诉他们沙洲在哪里的年代，他们就已经这样做了。"
)
CHINESE = [
    "港口的清晨是从缆绳开始的。老人把湿透的缆绳一圈一圈盘好，抬头看了看天色，说今天风不会大。孩子们蹲在石阶上数船，数到第七条就争吵起来。",
    "鱼市散得很早。不到八点，摊主们便冲洗地面，把剩下的碎冰倒进排水沟。一个外地人问起有没有黄鱼，没有人回答，只有一只猫从箱子后面走了出来。",
    "到了冬天，渡轮改成两小时一班。等船的人挤在候船室里，玻璃上结着水汽，有人用手指画出航线，又慢慢抹去，仿佛那条路从来没有存在过。",
]


def test_a_repeated_paragraph_is_found_in_the_later_section(prose) -> None:
    texts = {"s1": f"{prose(1)} {PARAGRAPH}", "s2": prose(2), "s3": f"{prose(3)} {PARAGRAPH} {prose(4)}"}
    (found,) = repeats(texts)
    assert (found.section, found.other) == ("s3", "s1")
    assert found.words == pytest.approx(length_of(PARAGRAPH), abs=2)
    assert found.excerpt.startswith("the tide comes into the inner harbour")


@pytest.mark.parametrize("change", [("twice a day the pilots", "twice daily the pilots"), ("waiting", "standing")])
def test_a_repeated_paragraph_is_found_with_small_changes(prose, change: tuple[str, str]) -> None:
    texts = {"s1": f"{prose(1)} {PARAGRAPH}", "s2": f"{PARAGRAPH.replace(*change)} {prose(3)}"}
    assert len(repeats(texts)) == 1


def test_a_repeated_chinese_paragraph_is_found() -> None:
    texts = {"s1": CHINESE[0] + CHINESE_PARAGRAPH, "s2": CHINESE_PARAGRAPH + CHINESE[1]}
    (found,) = repeats(texts)
    assert found.words >= 40
    assert found.excerpt.startswith("潮水一天两次")


def test_clean_text_repeats_nothing(prose) -> None:
    assert repeats({f"s{i}": prose(i) for i in range(20)}) == []
    assert repeats({f"s{i}": text for i, text in enumerate(CHINESE)}) == []


def test_names_and_short_phrases_may_come_again(prose) -> None:
    phrase = "the International Convention for the Safety of Life at Sea of 1974"
    assert repeats({"s1": f"{prose(1)} {phrase} {prose(2)}", "s2": f"{prose(3)} {phrase} {prose(4)}"}) == []


def test_a_section_is_compared_with_all_others(prose) -> None:
    texts = {"s1": PARAGRAPH, "s2": prose(1), "s3": PARAGRAPH + prose(2)}
    assert [repeat.other for repeat in repeats_of("s1", texts)] == ["s3"]


def test_a_hundred_sections_are_compared_in_seconds(prose) -> None:
    texts = {f"s{i}": prose(i, 300) for i in range(100)}
    texts["s99"] += PARAGRAPH
    texts["s7"] += PARAGRAPH
    started = time.monotonic()
    assert [(r.section, r.other) for r in repeats(texts)] == [("s99", "s7")]
    assert time.monotonic() - started < 20  # about 0.3 s; an algorithm that is quadratic in words takes minutes


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Text.\n</content>", "tag"),
        (json.dumps({"content": "Text.", "summary": "s"}), "JSON"),
        ("```markdown\nText.\n```", "code fence around the text"),
        ("The mayor, [insert name], said", "placeholder"),
        ("本港建于【年】[此处补充年份]", "placeholder"),
        ("Sure! The harbour is old.", "talk to the asker"),
        ("Here is the revised section:\n\nThe harbour", "talk to the asker"),
        ("好的，以下是本节内容", "talk to the asker"),
        ("As an AI language model, I have never seen it.", "talk to the asker"),
        ("The end. (Word count: 312)", "count of words"),
        ("到此为止。（全文约800字）", "count of words"),
    ],
)
def test_what_leaks_from_the_exchange_is_found(text: str, kind: str) -> None:
    assert [leak.split(":")[0] for leak in leaks(text)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        PARAGRAPH,
        *CHINESE,
        "Surely the harbour is old. Here the wall is thick. ```c\nint x;\n```",
        'He wrote <b>todo</b> lists; {"a": 1} is JSON, said the teacher, and of course it is.',
        "It takes 300 words (or fewer) to say so, in the 1,200 words that follow.",
    ],
)
def test_clean_text_leaks_nothing(text: str) -> None:
    assert leaks(text) == []


FRENCH = "Le port était silencieux avant que la marée ne revienne, et les pêcheurs attendaient sur le quai. " * 5
ENGLISH = "The harbour was quiet before the tide came back, and the fishermen waited on the long stone quay. " * 5


@pytest.mark.parametrize(
    ("text", "language", "seen"),
    [
        (ENGLISH, "en", ""),
        (ENGLISH, "zh", "en"),
        ("".join(CHINESE), "zh", ""),
        ("".join(CHINESE), "en", "zh"),
        (FRENCH, "en", "fr"),
        (FRENCH[:90], "en", ""),  # too short to be sure among languages of one script
        ("42 + 17 = 59", "zh", ""),
        ("", "en", ""),
        (f"{CHINESE[0]}（Harbour Master, Royal Naval Dockyard）", "zh", ""),
        (f"{ENGLISH} 港口 means harbour.", "en", ""),
    ],
)
def test_the_language_is_told_where_a_program_can_be_sure(text: str, language: str, seen: str) -> None:
    assert wrong_language(text, language) == seen


def test_a_stretch_of_another_language_is_found() -> None:
    mixed = f"{CHINESE[0]} {ENGLISH[:97]} {CHINESE[1]}"
    assert language_mix(mixed, "zh").startswith("The harbour was quiet")
    assert language_mix(f"{ENGLISH} {CHINESE[0]}", "en") == "港口的清晨是从缆绳开始的"
    for clean, language in [(ENGLISH, "en"), ("".join(CHINESE), "zh"), (f"{ENGLISH} (港口的清晨是从缆绳)", "en")]:
        assert language_mix(clean, language) == ""
    assert language_mix(f"{CHINESE[0]}他说：“{ENGLISH[:97]}”", "zh") == ""


def test_findings_are_lines_that_begin_with_their_kind(written) -> None:
    state = written({"content": PARAGRAPH, "status": "accepted"}, {"words": 400})
    text = f"Sure! {PARAGRAPH} " + "again and again and again and again and again " * 10
    kinds = [line.split()[0].rstrip(":") for line in findings_of(state, "s2", text)]
    assert kinds == ["leaked_format", "repeats_section", "repeats_itself", "length"]


def test_a_clean_section_has_no_findings(written) -> None:
    assert findings_of(written("accepted", {"words": 18}), "s2", ENGLISH[:97]) == []


def test_a_text_in_another_language_is_a_finding(written) -> None:
    assert findings_of(written("pending"), "s1", "".join(CHINESE)) == ["language: written in zh, not in en"]

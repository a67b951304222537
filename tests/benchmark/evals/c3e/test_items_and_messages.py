"""What a writer is sent of an item: all that it needs, and nothing of the reference."""

import dataclasses
import inspect
import json
from pathlib import Path

import pytest

from ravelar.benchmark.evals.c3e.clusters import clusters_of
from ravelar.benchmark.evals.c3e.items import Brief, Item, choose_items, read_items
from ravelar.benchmark.evals.c3e.messages import allowed_tokens, fixed_message, published_message
from ravelar.benchmark.evals.c3e.writers import DirectWriter, GivenOutputs
from ravelar.tools.errors import InputError


def of(items: list[Item], key: str) -> Item:
    return next(item for item in items if item.key == key)


def test_a_brief_has_no_reference_and_writers_take_nothing_else() -> None:
    assert "reference" not in {field.name for field in dataclasses.fields(Brief)}
    for writer in (DirectWriter, GivenOutputs):
        assert list(inspect.signature(writer.write).parameters) == ["self", "brief", "message", "sample"]


def test_our_message_is_the_same_whatever_the_reference_is(items: list[Item]) -> None:
    assert list(inspect.signature(fixed_message).parameters) == ["brief"]
    for item in items:
        message = fixed_message(item.brief)
        assert item.reference not in message.text
        assert fixed_message(dataclasses.replace(item, reference="quite another one " * 999).brief) == message


def test_the_chinese_cloze_shows_its_text_and_marks_the_blank_as_the_instruction_does(items: list[Item]) -> None:
    text = fixed_message(of(items, "cloze_cn_4").brief).text
    assert "潮水退了。[fill in the blank]到了中午" in text
    assert "潮水退了" not in published_message(of(items, "cloze_cn_4")).text


def test_chinese_edits_bear_their_right_labels(items: list[Item]) -> None:
    text = fixed_message(of(items, "edit_cn_5").brief).text
    assert "【初稿】\n海很好。" in text
    assert "【专业点评与修改建议】\n写出好在哪里。" in text
    assert "[原文背景材料]\n海很好。" in published_message(of(items, "edit_cn_5")).text


def test_the_english_outline_is_sent(items: list[Item]) -> None:
    item = of(items, "condition_en_1")
    assert "First the moon, then the mud." in fixed_message(item.brief).text
    assert "First the moon, then the mud." not in published_message(item).text


def test_the_published_limit_tells_the_references_length_and_ours_does_not(items: list[Item]) -> None:
    item = of(items, "end2end_en_3")
    longer = dataclasses.replace(item, reference=item.reference * 10)
    assert published_message(longer).max_tokens > 9 * published_message(item).max_tokens
    assert allowed_tokens(longer.brief) == allowed_tokens(item.brief)


def test_nothing_of_the_reference_is_in_our_message_of_any_real_item(shared) -> None:
    for name in ("english", "chinese"):
        for item in read_items(shared(f"c3ebench/{name}.jsonl.gz")):
            text, given = fixed_message(item.brief).text, "".join([item.brief.instruction, *item.brief.given.values()])
            start = item.reference[:60]
            assert start not in text or start in given, item.key


def test_our_limit_leaves_room_for_all_but_a_few_real_references(shared) -> None:
    items = [item for name in ("english", "chinese") for item in read_items(shared(f"c3ebench/{name}.jsonl.gz"))]
    per_character = {"en": 0.25, "zh": 1.0}
    over = [
        item.key
        for item in items
        if len(item.reference) * per_character[item.brief.language] > fixed_message(item.brief).max_tokens
    ]
    assert len(over) <= len(items) // 100, over


@pytest.mark.slow
def test_items_that_share_a_source_are_one_cluster(shared) -> None:
    chinese = clusters_of(read_items(shared("c3ebench/chinese.jsonl.gz")))
    given = [line.split("\t") for line in shared("c3ebench/chinese_clusters.tsv").read_text().splitlines()[1:]]
    ours = {tuple(sorted(key for key in chinese if chinese[key] == cluster)) for cluster in chinese.values()}
    theirs: dict[str, list[str]] = {}
    for key, cluster, *_ in given:
        theirs.setdefault(cluster, []).append(key)
    assert {tuple(sorted(keys)) for keys in theirs.values()} == ours


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"infer_id": "edit_2"}, "infer_id 'edit_2'"),
        ({"task_type": "poem"}, "task_type 'poem'"),
        ({"input": {"content": "x"}}, "needs the input 'critique'"),
        ({"reference": " "}, "empty reference"),
        ({"instruction": None}, "instruction is None"),
    ],
)
def test_a_broken_item_is_named_by_its_line(items_file: Path, change: dict[str, object], says: str) -> None:
    lines = items_file.read_text(encoding="utf-8").splitlines()
    lines[2] = json.dumps({**json.loads(lines[2]), **change}, ensure_ascii=False)
    items_file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputError, match=says) as told:
        read_items(items_file)
    assert "3" in str(told.value)


def test_items_are_chosen_by_task_language_and_limit(items: list[Item]) -> None:
    assert {item.brief.language for item in choose_items(items, language="zh")} == {"zh"}
    assert [item.key for item in choose_items(items, tasks=["edit"])] == ["edit_en_2", "edit_cn_5"]
    with pytest.raises(InputError, match="no task 'expand'; known: cloze, condition"):
        choose_items(items, tasks=["expand"])
    with pytest.raises(InputError, match="there twice"):
        choose_items([*items, items[0]])
    with pytest.raises(InputError, match="none of the 8 items"):
        choose_items(items, language="fr")

"""The measures without a model, on items made here and on the given outputs."""

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import mean

import pytest

from ravelar.benchmark.evals.c3e.items import Brief, Item, read_items
from ravelar.benchmark.evals.measures.controls import Output, controls, error_rates, read_outputs
from ravelar.benchmark.evals.measures.grounding import Sources
from ravelar.benchmark.evals.measures.reading import reading
from ravelar.benchmark.evals.measures.row import Thresholds, measure
from ravelar.benchmark.evals.measures.speed import given, measured
from ravelar.cli.bench_measures import table
from ravelar.tools.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
TOPICS = ["廊桥与闽东的木匠世家", "沪杭公路的百年变迁", "建德豆腐包的人间烟火", "敦煌壁画修复者的日常"]


def item(n: int, task: str = "end2end", **inputs: str) -> Item:
    topic = TOPICS[n % len(TOPICS)]
    brief = Brief(f"{task}_cn_{n}", "zh", task, "散文", f"请写一篇关于{topic}的文章", inputs)
    return Item(brief, f"{topic}，这是一篇由人写成的参考文章。", f"c{n}")


@pytest.fixture
def four() -> list[Item]:
    return [item(n) for n in range(4)]


def test_a_brief_holds_no_reference_and_its_source_none_either(four) -> None:
    assert "reference" not in Brief.__slots__
    assert four[0].reference not in four[0].brief.source
    cloze = item(1, "cloze", content="前文[fill in the blank]后文")
    assert cloze.brief.source == "前文\n后文"


def test_a_text_is_grounded_in_its_own_source_and_not_in_another(four) -> None:
    sources = Sources(four)
    text = reading("闽东的廊桥由木匠世家建造，一代代传下来。")
    own, other = (sources.grounded(one.brief, text) for one in four[:2])
    assert own.rank == 1
    assert own.lift > 2.5 > other.lift
    assert sources.grounded(four[0].brief, reading("")).lift == 0.0


def test_grounding_needs_another_source_text_to_compare_with(four) -> None:
    alone = Sources(four[:1])
    assert alone.grounded(four[0].brief, reading("闽东的廊桥")) is None
    twins = [Item(one.brief, one.reference, "same") for one in four[:2]]
    assert Sources(twins).grounded(twins[0].brief, reading("闽东的廊桥")) is None


def test_english_is_compared_by_words() -> None:
    given = [
        Item(Brief(f"end2end_en_{i}", "en", "end2end", "essay", text, {}), "x", str(i))
        for i, text in enumerate(["Explain quantum dots", "Describe medieval harbours", "Praise winter apples"])
    ]
    found = Sources(given).grounded(given[0].brief, reading("Quantum dots shine; winter is cold."))
    assert (found.rank, found.lift > 2) == (1, True)


def test_each_gate_refuses_by_its_own_name(four) -> None:
    sources = Sources(four)
    fine = "闽东的廊桥由木匠世家建造。廊桥横在水上，风雨不侵，行人歇脚。"

    def refused(text: str) -> set[str]:
        return set(measure(four[0], text, sources).refusals())

    assert refused(fine) == set()
    assert refused("") == {"empty", "grounding", "unfinished"}
    assert refused(fine * 2) == {"repetition"}
    assert refused("沪杭公路百年变迁，一路繁华，商旅往来不绝于道。") == {"grounding"}
    assert refused("[fill in the blank]" + fine) >= {"format"}
    assert refused(fine + "The covered bridges of Fujian were built by carpenters, generation after generation.") == {
        "script"
    }
    assert refused(fine[:-4]) == {"unfinished"}
    asked = Item(four[0].brief.__class__(**{**_fields(four[0].brief), "instruction": "写一篇800字的文章"}), "", "c0")
    assert measure(asked, fine, Sources([asked, *four[1:]])).length == 0.0


def _fields(brief: Brief) -> dict[str, object]:
    return {name: getattr(brief, name) for name in Brief.__slots__}


def test_drift_needs_the_reference_and_gates_do_not(four) -> None:
    sources = Sources(four)
    without = measure(four[0], "闽东的廊桥。", sources, drift=False)
    assert (without.chrf, without.rouge_l, without.verbatim) == (None, None, False)
    same = measure(four[0], four[0].reference, sources)
    assert same.chrf == pytest.approx(100.0)
    assert same.rouge_l == 1.0
    assert set(without.as_row()) >= {"lift", "repeated", "script", "leaks", "unfinished"}
    json.dumps(without.as_row(), allow_nan=False)


def test_a_long_run_of_the_reference_is_a_sign_of_contamination_unless_the_brief_holds_it() -> None:
    run = "一二三四五六七八九十百千万亿甲乙丙丁戊己庚辛"
    brief = Brief("cloze_cn_1", "zh", "cloze", "散文", "补全", {"content": "前[fill in the blank]后"})
    copied = Item(brief, f"开头{run}结尾", "c")
    sources = Sources([copied])
    assert measure(copied, f"我写{run}了", sources).verbatim
    assert not measure(copied, "我写别的", sources).verbatim
    told = Item(Brief(**{**_fields(brief), "given": {"content": run}}), copied.reference, "c")
    assert not measure(told, f"我写{run}了", Sources([told])).verbatim


def test_asked_length_comes_from_the_brief_alone() -> None:
    english = Brief("condition_en_1", "en", "condition", "essay", "Write.", {"word": "1300-1600"})
    assert english.asked == (1300, 1600)
    assert Brief("end2end_cn_1", "zh", "end2end", "散文", "写一篇不少于1000字的文章", {}).asked == (1000, None)
    assert Brief("end2end_cn_1", "zh", "end2end", "散文", "写一篇文章", {}).asked is None


def test_controls_come_from_another_source_text_and_are_the_same_for_a_seed(four) -> None:
    items = {one.brief.key: one for one in four}
    outputs = [Output(key, "m", f"{one.brief.instruction}。" * 3) for key, one in items.items()]
    made = list(controls(outputs, items, seed=1))
    assert made == list(controls(outputs, items, seed=1))
    for kind, one in made:
        own = next(output.text for output in outputs if output.key == one.key)
        assert {"shuffled": one.text != own, "doubled": one.text == f"{own}\n{own}"}.get(kind, len(one.text) < len(own))


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"infer_id": 3}, "x.jsonl:1: infer_id is 3"),
        ({"infer_id": "cloze_fr_1"}, "allowed: ..._cn_N or ..._en_N"),
        ({"task_type": "poem"}, "task_type 'poem'"),
        ({"input": "text"}, "input is 'text'"),
        ({"reference": None}, "reference is None"),
    ],
)
def test_broken_items_are_named_with_file_and_line(tmp_path, row, said) -> None:
    whole = {"infer_id": "cloze_cn_1", "task_type": "cloze", "sub_task": "s", "instruction": "i", "input": {}}
    path = write(tmp_path / "x.jsonl", [{**whole, "reference": "r", **row}])
    with pytest.raises(InputError, match=re.escape(said)):
        read_items(path)


def test_broken_clusters_and_outputs_are_named(tmp_path) -> None:
    items = write(tmp_path / "x.jsonl", [])
    (tmp_path / "c.tsv").write_text("a\tb\n")
    with pytest.raises(InputError, match="infer_id and cluster_id are needed"):
        read_items(items, tmp_path / "c.tsv")
    with pytest.raises(InputError, match="can't be read as a table of clusters"):
        read_items(items, tmp_path / "none.tsv")
    with pytest.raises(InputError, match=r"o.jsonl:1: infer_id, model and output must be texts"):
        read_outputs(write(tmp_path / "o.jsonl", [{"infer_id": "a", "model": "m"}]))
    with pytest.raises(InputError, match=r"chinese.jsonl.gz is not here; name the folder"):
        given(tmp_path)


def test_both_languages_of_the_benchmark_are_read(shared) -> None:
    folder = shared("c3ebench/chinese.jsonl.gz").parent
    chinese = read_items(folder / "chinese.jsonl.gz", folder / "chinese_clusters.tsv")
    english = read_items(folder / "english.jsonl.gz", folder / "english_clusters.tsv")
    assert (len(chinese), len(english)) == (800, 458)
    assert len({one.cluster for one in chinese}) < 800
    assert all(one.reference and one.brief.source.strip() for one in (*chinese, *english))
    assert sum(one.brief.asked is not None for one in english) > 100


@pytest.mark.slow
def test_on_the_given_outputs_the_published_figures_hold(shared) -> None:
    items, outputs = given(shared("c3ebench/outputs_chinese.jsonl.gz").parent)
    condition = [one for one in items.values() if one.brief.task == "condition"]
    sources = Sources(items.values())
    coverage = [measure(one, one.reference, sources, drift=False).coverage or 0.0 for one in condition]
    moved = [
        measure(one, other.reference, sources, drift=False).coverage or 0.0
        for one, other in zip(condition, condition[1:] + condition[:1], strict=True)
    ]
    assert 0.42 < mean(coverage) < 0.55
    assert mean(moved) < 0.02
    by_model = defaultdict(list)
    chosen = [one for one in outputs if items[one.key].brief.task == "condition"][:400]
    for one, found in zip(chosen, measured(items, chosen), strict=True):
        by_model[one.model].append(found)
    for found in by_model.values():
        assert 0.25 < mean(one.coverage or 0.0 for one in found) < 0.75
        assert mean(one.repeated for one in found) < 0.06
        assert mean(one.script or 0.0 for one in found) > 0.95


@pytest.mark.slow
@pytest.mark.timeout(300)  # 16,000 texts: ten seconds by itself, more where others work
def test_the_published_error_rates_are_those_that_are_measured(shared) -> None:
    items, outputs = given(shared("c3ebench/outputs_chinese.jsonl.gz").parent)
    if len(outputs) != 3_000:
        pytest.skip(f"docs/measures.md was measured on 3,000 outputs; here are {len(outputs):,}")
    models = {one.model for one in outputs}
    docs = (ROOT / "docs/measures.md").read_text(encoding="utf-8")
    if not all(model in docs for model in models):
        pytest.skip(f"docs/measures.md was measured on other models than {', '.join(sorted(models))}")
    found = error_rates(outputs, items)
    for line in table(found).splitlines():
        assert line in docs
    wrong = {(one.kind, one.task): one.wrong for one in found}
    for task in ("cloze", "condition", "end2end"):
        assert wrong["shuffled", task].high < 0.15
        assert wrong["doubled", task].high < 0.05
        assert wrong["truncated", task].high < 0.45
    assert wrong["blind", "cloze"].high < 0.1


def test_gates_can_be_moved(four) -> None:
    found = measure(four[0], "闽东的廊桥由木匠世家建造。", Sources(four))
    assert not found.refusals()
    assert set(found.refusals(Thresholds(repeated=-1.0, letters=100))) == {"repetition", "empty"}

"""Several data sets as one: shares, limits, order, columns, and what is said of data that can't be used."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import InputError
from ravelar.training.mixture import Mixture, as_dataset, load_mixture, mixed_rows, read_mixture
from ravelar.training.sources import Source, read_source


@pytest.fixture
def made(tmp_path: Path) -> Any:
    """Write a file of rows; return its path."""

    def write(name: str, rows: list[dict[str, Any]]) -> str:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(path)

    return write


def numbered(task: str, n: int) -> list[dict[str, Any]]:
    return [{"prompt": f"{task} {i}", "reference": i, "task": task} for i in range(n)]


def tasks(rows: list[dict[str, Any]]) -> Counter[str]:
    return Counter(row["task"] for row in rows)


def mixture(*sources: dict[str, Any], **settings: Any) -> Mixture:
    return read_mixture({"sources": list(sources), **settings})


def test_without_weights_every_row_is_there_once(made: Any) -> None:
    rows = mixed_rows(mixture({"data": made("a", numbered("a", 5))}, {"data": made("b", numbered("b", 3))}))
    assert tasks(rows) == {"a": 5, "b": 3}
    assert [row["task"] for row in rows] != sorted(row["task"] for row in rows)


def test_weights_make_the_largest_mixture_in_which_no_row_repeats(made: Any) -> None:
    a, b = made("a", numbered("a", 100)), made("b", numbered("b", 10))
    rows = mixed_rows(mixture({"data": a, "weight": 3}, {"data": b, "weight": 1}))
    assert tasks(rows) == {"a": 30, "b": 10}
    assert len({row["prompt"] for row in rows}) == 40


def test_a_size_is_met_exactly_and_repeats_rows_evenly_where_it_must(made: Any) -> None:
    a, b = made("a", numbered("a", 100)), made("b", numbered("b", 10))
    rows = mixed_rows(mixture({"data": a, "weight": 1}, {"data": b, "weight": 1}, size=51))
    assert sorted(tasks(rows).values()) == [25, 26]
    assert set(Counter(row["prompt"] for row in rows if row["task"] == "b").values()) <= {2, 3}


def test_limits_hold_per_source_and_per_task(made: Any) -> None:
    a = made("a", [*numbered("a", 50), *numbered("c", 50)])
    b = made("b", numbered("a", 50))
    assert len(mixed_rows(mixture({"data": a, "limit": 7}))) == 7
    rows = mixed_rows(mixture({"data": a}, {"data": b}, task_limits={"a": 20}))
    assert tasks(rows) == {"a": 20, "c": 50}


def test_one_seed_one_mixture(made: Any) -> None:
    sources = [{"data": made(name, numbered(name, 30)), "weight": 1, "limit": 20} for name in "ab"]
    first = mixed_rows(mixture(*sources, seed=1))
    assert mixed_rows(mixture(*sources, seed=1)) == first
    other = mixed_rows(mixture(*sources, seed=2))
    assert {row["prompt"] for row in other} != {row["prompt"] for row in first}


def test_a_further_source_does_not_change_which_rows_of_the_others_come_first(made: Any) -> None:
    one = {"data": made("a", numbered("a", 30)), "limit": 10}
    alone = {row["prompt"] for row in mixed_rows(mixture(one))}
    both = {row["prompt"] for row in mixed_rows(mixture(one, {"data": made("b", numbered("b", 5))}))}
    assert alone < both


def test_values_of_any_kind_come_back_as_they_were(made: Any) -> None:
    pytest.importorskip("datasets", reason="the extra `train` is not installed")
    references = ["18", 18, "null", '"x"', "", {"tests": ["a"], "kwargs": [{}, {"n": 1}]}, [1, "2"], 1.5, None]
    rows = [{"prompt": "42", "reference": reference, "task": "t"} for reference in references]
    dataset = as_dataset(rows)
    assert [row["reference"] for row in dataset] == references
    assert [type(row["reference"]) for row in dataset] == [type(reference) for reference in references]
    assert set(dataset["prompt"]) == {"42"}


def test_columns_that_differ_are_there_for_all_and_none_where_a_source_has_none(made: Any) -> None:
    pytest.importorskip("datasets", reason="the extra `train` is not installed")
    a = made("a", [{"prompt": "p", "reference": "B", "options": ["x", "y"], "answer_id": None}])
    b = made("b", [{"prompt": "q", "reference": 2}])
    dataset = load_mixture(mixture({"data": a}, {"data": b}))
    assert dataset.column_names == ["prompt", "reference", "task", "options"]
    assert {row["prompt"]: row["options"] for row in dataset} == {"p": ["x", "y"], "q": None}


def test_no_completion_and_no_label_reaches_the_trainer(made: Any) -> None:
    path = made("a", [{"prompt": "p", "completion": "c", "label": 1, "reference": 1, "level": 2}])
    assert read_source(Source(data=path)) == [{"prompt": "p", "reference": 1, "level": 2}]
    assert read_source(Source(data=path, keep=())) == [{"prompt": "p", "reference": 1}]


def test_prompts_are_all_chat_or_all_text(made: Any) -> None:
    chat = [{"role": "user", "content": "hi"}]
    path = made("a", [{"prompt": "hello"}, {"prompt": chat}])
    assert all(isinstance(row["prompt"], list) for row in mixed_rows(mixture({"data": path})))
    assert {row["prompt"] for row in mixed_rows(mixture({"data": path}, form="text"))} == {"hello", "hi"}
    long = made("b", [{"prompt": [{"role": "system", "content": "s"}, *chat]}])
    with pytest.raises(InputError, match=r"system, user.*chat template"):
        mixed_rows(mixture({"data": long}, form="text"))


def test_columns_are_renamed_for_rows_and_for_recipes(made: Any) -> None:
    path = made("a", [{"q": "6 * 7?", "meta": {"a": "#### 42"}, "kind": 3}])
    assert read_source(Source(data=path, columns={"prompt": "q", "reference": "meta.a", "task": "kind"})) == [
        {"prompt": "6 * 7?", "reference": "#### 42", "task": "3"}
    ]
    renamed = {"question": "q", "answer": "meta.a"}
    assert read_source(Source(data=path, recipe="gsm8k", columns=renamed, tool="judge"))[0] == {
        "prompt": "6 * 7?",
        "reference": "42",
        "task": "gsm8k",
        "tool": "judge",
    }


def test_a_folder_that_datasets_wrote_is_read(made: Any, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra `train` is not installed")
    as_dataset([{"prompt": "p", "reference": "1", "task": "t"}]).save_to_disk(str(tmp_path / "saved"))
    assert read_source(Source(data=str(tmp_path / "saved")))[0] == {"prompt": "p", "reference": "1", "task": "t"}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"columns": {"prompt": "question"}}, r"needs the column 'question'.*columns: 'prompt', 'reference'"),
        ({"recipe": "gsm8k"}, r"rows.jsonl:1: recipe 'gsm8k' needs the column 'question'.*columns: {question: NAME}"),
        ({"recipe": "gsm8k", "columns": {"prompt": "p"}}, "reads no column 'prompt'; it reads: question, answer"),
        ({"recipe": "gsm"}, "no recipe 'gsm'; did you mean 'gsm8k'"),
        ({"recipe": "gsm8k", "arguments": {"target": "de"}}, "no argument 'target'; allowed: none"),
        ({"columns": {"question": "prompt"}}, "no column role 'question'"),
        ({"keep": ["level"]}, "keep needs the column 'level'"),
    ],
)
def test_data_that_can_not_be_used_is_named_with_what_is_allowed(made: Any, source: dict[str, Any], said: str) -> None:
    path = made("rows", [{"prompt": "p", "reference": "r"}])
    with pytest.raises(InputError, match=said):
        read_source(Source(data=path, **source))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no rows"),
        ("{oops\n", r"rows.jsonl:1: not JSON"),
        ('{"chosen": "a", "rejected": "b"}\n', "recipe: preference"),
        ('{"prompt": "p", "completions": 1}\n', "'completions' bears the name of what TRL passes itself"),
    ],
)
def test_files_that_can_not_be_used_are_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        read_source(Source(data=str(path)))


def test_a_data_set_that_is_nowhere_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="the extra `train` is not installed")
    with pytest.raises(InputError, match="no such file"):
        read_source(Source(data=str(tmp_path / "missing.jsonl")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"the folder .*empty can't be read"):
        read_source(Source(data=str(tmp_path / "empty")))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "sources: Field required"),
        ({"sources": []}, "sources"),
        ({"sources": [{"data": "a", "wieght": 2}]}, r"sources.0.wieght: .*allowed: data, recipe"),
        ({"sources": [{"data": "a", "weight": -1}]}, r"sources.0.weight: .*greater than 0, got -1"),
        ({"sources": [{}]}, "neither data nor recipe"),
        ({"sources": [{"data": "a"}], "sice": 3}, r"sice: .*allowed: sources, size"),
    ],
)
def test_settings_that_can_not_be_used_are_named(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_mixture(settings)


def test_weights_on_some_sources_only_and_unknown_tasks_are_refused(made: Any) -> None:
    path = made("a", numbered("a", 3))
    with pytest.raises(InputError, match="some sources have a weight"):
        mixed_rows(mixture({"data": path, "weight": 1}, {"data": path}))
    with pytest.raises(InputError, match="no task 'b'; tasks: a"):
        mixed_rows(mixture({"data": path}, task_limits={"b": 1}))

"""The caller's labels: what is read, and what is said where it can't be."""

import json
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.evidence.labelled import read_probe_file, read_probes
from ravelar.tools.rows import BadRow, Row


def row(**more: Any) -> dict[str, Any]:
    return {"prompt": "p", "completion": "c", "label": True, **more}


@pytest.mark.parametrize(("label", "good"), [(True, True), (False, False), (1, True), (0, False), ("true", True)])
def test_labels_are_truth_values(label: Any, good: bool) -> None:
    (probe,) = read_probes([row(label=label, reference="r")])
    assert (probe.good, probe.origin, probe.triple.reference) == (good, "user", "r")


def test_no_label_reaches_a_tool() -> None:
    (probe,) = read_probes([row(task="t", metadata={"level": 3}, reference=1)])
    assert dict(probe.triple.metadata) == {"task": "t", "level": 3}
    pair = read_probes([{"prompt": "p", "chosen": "a", "rejected": "b", "id": 7}])
    assert [dict(probe.triple.metadata) for probe in pair] == [{"id": 7}, {"id": 7}]
    (named,) = read_probes([{"q": "p", "completion": "c", "ok": 1}], Columns(prompt="q", label="ok"))
    assert "ok" not in named.triple.metadata


def test_preferences_become_two_probes_of_one_pair() -> None:
    better, worse = read_probes([{"prompt": "p", "chosen": "a", "rejected": "b", "reference": "r"}])
    assert [(p.triple.completion, p.good, p.origin) for p in (better, worse)] == [
        ("a", True, "preferred"),
        ("b", False, "rejected"),
    ]
    assert better.pair == worse.pair != ""
    cycle = read_probes([{"prompt": "p", "chosen": x, "rejected": y} for x, y in ("ab", "bc", "ca")])
    assert len(cycle) == 6
    assert len({probe.pair for probe in cycle}) == 3


def test_chat_completions_are_read() -> None:
    chat = [{"role": "assistant", "content": "c"}]
    (probe,) = read_probes([row(completion=chat)])
    assert probe.triple.text == "c"


def test_repeated_rows_count_once() -> None:
    assert len(read_probes([row(), row(), row(completion="d")])) == 2


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"prompt": "p", "completion": "c"}, r"row 1: label: no column 'label'; true, false, 0 or 1"),
        (row(label="maybe"), "'maybe' is no label"),
        (row(label=None), "None is no label"),
        (row(label=0.7), "0.7 is no label"),
        ({"completion": "c", "label": 1}, "prompt: no column 'prompt'"),
        ({"prompt": "p", "label": 1}, "completion: no column 'completion'"),
        (row(completion=3), "completion is int"),
        ({"prompt": "p", "chosen": "a"}, "rejected: no such column"),
        ({"prompt": "p", "chosen": "a", "rejected": None}, "rejected: no such column, or empty"),
        ({"prompt": "p", "chosen": "a", "rejected": "a"}, "the same completion"),
        ({"chosen": "a", "rejected": "b"}, "prompt: no column 'prompt'"),
        ("text", "got str"),
    ],
)
def test_unusable_rows_are_named(values: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_probes([values])


def test_rows_of_a_file_are_named_by_their_line() -> None:
    with pytest.raises(InputError, match=r"f.jsonl:7: label"):
        read_probes([Row("f.jsonl:6", row(), 0), Row("f.jsonl:7", {"prompt": "p", "completion": "c"}, 0)])
    with pytest.raises(InputError, match=r"f.jsonl:2: not JSON"):
        read_probes([BadRow("f.jsonl:2", "not JSON", 0)])


def test_labels_that_contradict_are_named() -> None:
    with pytest.raises(InputError, match=r"row 3: labelled False, but the same triple is labelled True at row 1"):
        read_probes([row(), row(completion="d"), row(label=False)])


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "probes.jsonl"
    path.write_text("\n".join(json.dumps(row(completion=c, label=c == "a")) for c in "ab"))
    assert [probe.good for probe in read_probe_file(path)] == [True, False]
    path.write_text("\n")
    with pytest.raises(InputError, match="no rows"):
        read_probe_file(path)
    with pytest.raises(InputError, match="no such file"):
        read_probe_file(tmp_path / "missing.jsonl")


CHAT = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    ("better", "worse", "prompt"),
    [
        ("\n\nHuman: hi\n\nAssistant: I will", "\n\nHuman: hi\n\nAssistant: I won't", "\n\nHuman: hi\n\nAssistant:"),
        ("Translate: hi. Gut", "Translate: hi. Gar", "Translate: hi. "),
        (
            [*CHAT, {"role": "assistant", "content": "good"}],
            [*CHAT, {"role": "assistant", "content": "bad"}],
            CHAT,
        ),
        ([*CHAT, CHAT[0], {"role": "assistant", "content": "good"}], [*CHAT, CHAT[0]], CHAT),
    ],
)
def test_what_both_sides_begin_with_is_the_prompt_where_there_is_none(better: Any, worse: Any, prompt: Any) -> None:
    good, bad = read_probes([{"chosen": better, "rejected": worse}])
    assert good.triple.prompt == bad.triple.prompt == prompt
    assert prompt + good.triple.completion == better
    assert prompt + bad.triple.completion == worse


@pytest.mark.parametrize("sides", [("yes", "no"), ([CHAT[0]], []), ("  yes", "  no"), (None, "b"), (CHAT, "hi")])
def test_sides_that_begin_with_nothing_in_common_have_no_prompt(sides: tuple[Any, Any]) -> None:
    with pytest.raises(InputError):
        read_probes([{"chosen": sides[0], "rejected": sides[1]}])


def test_a_prompt_that_is_given_stays_as_it_is() -> None:
    good, _ = read_probes([{"prompt": "p", "chosen": "the same yes", "rejected": "the same no"}])
    assert (good.triple.prompt, good.triple.completion) == ("p", "the same yes")
    (named, _) = read_probes([{"q": "p", "chosen": "the same yes", "rejected": "the same no"}], Columns(prompt="q"))
    assert (named.triple.prompt, named.triple.completion) == ("p", "the same yes")


def test_the_shared_preferences_are_read_by_their_implicit_prompts(shared: Any) -> None:
    probes = read_probe_file(shared("hh-rlhf/harmless_test.jsonl.gz"))
    prompts = [str(probe.triple.prompt) for probe in probes]
    assert len(prompts) > 1_000
    assert all(prompt.strip().startswith("Human:") and prompt.endswith("Assistant:") for prompt in prompts)

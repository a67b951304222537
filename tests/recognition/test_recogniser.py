"""Recognising tasks: what is known, what is not, and that all processes agree."""

import json
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ravelar.benchmark.route_prompts import FamilyPrompt
from ravelar.tools.errors import InputError
from ravelar.tools.recognition.fitting import FitSettings
from ravelar.tools.recognition.grouping import Query, needs_name
from ravelar.tools.recognition.learning import Learning
from ravelar.tools.recognition.names import MemoryNameLog, NamedExample
from ravelar.tools.recognition.recogniser import Recogniser

Prompts = Callable[..., list[FamilyPrompt]]
KNOWN = ("unit_conversion", "haiku", "sql_query", "date_normalisation")


def test_new_prompts_of_named_tasks_are_recognised(recogniser: Recogniser, prompts_of: Prompts) -> None:
    given = prompts_of(*KNOWN, n=300, seed=77)
    labels = [recogniser.recognise(one.prompt, one.reference).label for one in given]
    assert sum(label == one.family for label, one in zip(labels, given, strict=True)) >= 270
    assert sum(label not in (None, one.family) for label, one in zip(labels, given, strict=True)) <= 2


@pytest.mark.parametrize("family", ["bracket_repair", "sentiment", "sorting", "acronym", "translation_like"])
def test_tasks_never_named_are_unknown(recogniser: Recogniser, prompts_of: Prompts, family: str) -> None:
    found = [recogniser.recognise(one.prompt, one.reference) for one in prompts_of(family, n=100)]
    assert sum(one.label is None for one in found) >= 95
    assert {one.how for one in found if one.label is None} == {"unknown"}


def test_one_named_task_alone_does_not_take_everything(examples: list[NamedExample], prompts_of: Prompts) -> None:
    alone = Recogniser.fit(example for example in examples if example.label == "haiku")
    assert sum(alone.recognise(one.prompt, None).label == "haiku" for one in prompts_of("haiku", n=50)) >= 40
    others = prompts_of("sql_query", "bracket_repair", "unit_conversion", n=100)
    assert sum(alone.recognise(one.prompt, one.reference).label is None for one in others) >= 97


def test_nothing_named_means_nothing_known() -> None:
    found = Recogniser.fit().recognise("Write a haiku about rain.")
    assert (found.label, found.how, found.reason) == (None, "unknown", "no task was named so far")


def test_two_names_are_too_few() -> None:
    twice = [NamedExample.of(f"Write a haiku about {thing}.", None, "haiku") for thing in ("rain", "snow")]
    found = Recogniser.fit(twice).recognise("Write a haiku about fog.")
    assert found.label is None
    assert found.reason.startswith("too few names")


def test_columns_then_the_cache_then_the_classifier_tell(recogniser: Recogniser) -> None:
    prompt = "Write a haiku about a wet road."
    remembering = recogniser.remembering([NamedExample.of(prompt, None, "poem")])
    assert remembering.recognise(prompt, None, {"tool": "judge", "task": "x1"})[:2] == ("judge", "column")
    assert remembering.recognise(prompt, None, {"task": "Short Poems"})[:2] == ("short_poems", "column")
    assert remembering.recognise(prompt, None, {"task": "?!", "lang": "en"})[:2] == ("poem", "cache")
    assert remembering.recognise(f" {prompt}\n", None)[:2] == ("poem", "cache")
    assert recogniser.recognise(prompt, None)[:2] == ("haiku", "classifier")
    assert remembering.digest != recogniser.digest


def test_the_order_of_names_and_repeats_do_not_matter(examples: list[NamedExample], recogniser: Recogniser) -> None:
    shuffled = [*examples, *examples[:20]]
    random.Random(9).shuffle(shuffled)
    again = Recogniser.fit(NamedExample.from_row(json.loads(json.dumps(one.as_row()))) for one in shuffled)
    assert again.to_json() == recogniser.to_json()
    assert Recogniser.fit(examples[1:]).digest != recogniser.digest


def test_the_order_does_not_matter_where_names_are_dropped(examples: list[NamedExample]) -> None:
    few = FitSettings(per_label=9)
    backwards = Recogniser.fit(reversed(examples), settings=few)
    assert backwards.to_json() == Recogniser.fit(examples, settings=few).to_json()
    assert backwards.classifier is not None
    assert min(backwards.classifier.counts) > 9


def test_of_names_given_at_once_the_clock_does_not_choose(examples: list[NamedExample]) -> None:
    few = FitSettings(per_label=9)
    early, late = (
        Recogniser.fit([replace(given, named_at=at) for given in examples], settings=few).classifier
        for at in (1.7e9, 1.8e9)
    )
    assert early is not None and late is not None
    assert np.array_equal(early.weights, late.weights)
    assert early.vocabulary == late.vocabulary


FITS = """
import json, sys
from ravelar.tools.recognition.names import NamedExample
from ravelar.tools.recognition.recogniser import Recogniser
sys.stdout.write(Recogniser.fit(map(NamedExample.from_row, json.load(sys.stdin))).to_json())
"""


@pytest.mark.slow
def test_another_process_learns_the_same(examples: list[NamedExample], recogniser: Recogniser) -> None:
    there = subprocess.run(
        [sys.executable, "-c", FITS],
        input=json.dumps([example.as_row() for example in examples[::-1]]),
        env={**os.environ, "PYTHONHASHSEED": "2", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert there.stdout == recogniser.to_json()


def test_a_snapshot_survives_json_and_pickle(recogniser: Recogniser, prompts_of: Prompts) -> None:
    given = prompts_of(*KNOWN, "sorting", n=60, seed=3)
    here = [recogniser.recognise(one.prompt, one.reference) for one in given]
    for copy in (Recogniser.from_json(recogniser.to_json()), pickle.loads(pickle.dumps(recogniser))):
        assert copy.digest == recogniser.digest
        assert [copy.recognise(one.prompt, one.reference) for one in given] == here


RECOGNISES = """
import sys
from ravelar.tools.recognition.recogniser import Recogniser
from ravelar.tools.recognition.router import TaskRouter
router = TaskRouter(Recogniser.from_json(sys.stdin.read()), {"haiku"})
assert router("Write a haiku about a wet road.", None, {}).tool == "haiku"
print([name for name in ("sklearn", "scipy", "torch", "langgraph", "pandas", "threadpoolctl") if name in sys.modules])
"""


def test_routing_by_a_snapshot_loads_nothing_heavy(recogniser: Recogniser) -> None:
    there = subprocess.run(
        [sys.executable, "-c", RECOGNISES],
        input=recogniser.to_json(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert there.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"form": 2}',
        '{"form": 1}',
        '{"form": 1, "digest": "x", "names": {}, "caution": {"least": "0.5"}, "classifier": null}',
        '{"form": 1, "digest": "x", "names": {}, "caution": {"least": 1, "lead": 1, "names": 1, "typical": 1}, '
        '"classifier": {}}',
        '{"form": 1, "digest": "x", "names": {}, "caution": {"least": 1, "lead": 1, "names": 1, "typical": 1}, '
        '"classifier": {"labels": ["a"], "counts": [], "features": [], "squares": [], "unknown_square": 1, '
        '"weights": [], "bias": [0], "shares": [], "floors": [0]}}',
        "[" * 100_000,
    ],
)
def test_a_broken_snapshot_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="read"):
        Recogniser.from_json(text)


@pytest.mark.parametrize(
    "row",
    [{}, {"key": 1, "prompt_text": "", "label": "a"}, {"key": "k", "prompt_text": "p", "label": "a", "named_at": "x"}],
)
def test_a_broken_name_is_refused(row: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        NamedExample.from_row(row)


@pytest.mark.parametrize(
    ("prompt", "reference"),
    [
        ("", None),
        ("\x00\ud800" * 600_000, "\ud800\x00"),
        ("字" * 400_000, ["字" * 100_000] * 9),
        ([], {}),
        ([{"role": "user", "content": None}], [[]]),
        ([{"role": "user", "content": [{"type": "image"}, "\ud800"]}, {"role": "tool"}], {"a": {"b": float("nan")}}),
        ("Write a haiku", {i: i for i in range(1_000)}),
    ],
)
def test_hostile_prompts_are_named_and_recognised_like_others(
    recogniser: Recogniser, prompt: Any, reference: Any
) -> None:
    assert recogniser.recognise(prompt, reference).how in ("classifier", "unknown")
    example = NamedExample.of(prompt, reference, "hostile")
    row = json.dumps(example.as_row(), ensure_ascii=False).encode()
    assert len(row) < 20_000
    assert recogniser.remembering([example]).recognise(prompt, reference)[:2] == ("hostile", "cache")


def test_a_reference_that_is_no_json_is_unknown_not_a_crash(recogniser: Recogniser) -> None:
    circle: list[Any] = []
    circle.append(circle)
    for reference in (object(), circle, {1: 1, "1": object()}, b"x"):
        found = recogniser.recognise("Write a haiku about fog.", reference)
        assert (found.label, found.how) == (None, "unknown")
        assert "no JSON value" in found.reason


def test_the_last_name_of_a_prompt_counts(examples: list[NamedExample]) -> None:
    corrected = replace(examples[0], label="corrected", named_at=1e9)
    for given in ([*examples, corrected], [corrected, *examples]):
        assert Recogniser.fit(given).names[examples[0].key] == "corrected"


def test_what_was_decided_stays_whatever_is_learned_later(examples: list[NamedExample]) -> None:
    prompt = "Write a haiku about a wet road."
    key = NamedExample.of(prompt, None, "x").key
    renamed = [replace(one, label="poem") if one.label == "haiku" else one for one in examples]
    assert Recogniser.fit(renamed).recognise(prompt)[:2] == ("poem", "classifier")
    assert Recogniser.fit(renamed, decided={key: "haiku"}).recognise(prompt)[:2] == ("haiku", "cache")


def test_learning_fits_seldom_and_remembers_at_once(prompts_of: Prompts) -> None:
    learning = Learning()
    for i, one in enumerate(prompts_of(*KNOWN, n=120, seed=2)):
        learning.name(one.prompt, one.reference, one.family, named_at=float(i))
        assert learning.recogniser.recognise(one.prompt, one.reference).label == one.family
    assert 20 < learning.fits < 45


def test_processes_that_share_a_log_agree_once_they_have_read_it(prompts_of: Prompts) -> None:
    log = MemoryNameLog()
    here, there = Learning(log), Learning(log)
    for i, one in enumerate(prompts_of(*KNOWN, n=40, seed=4)):
        (here if i % 2 else there).name(one.prompt, one.reference, one.family, named_at=float(i))
    assert here.refit().to_json() == there.refit().to_json() == Recogniser.fit(log.read()).to_json()


def test_alike_unknown_prompts_are_named_together(recogniser: Recogniser) -> None:
    batch = [
        Query("Repair the brackets: (({})", "(({}))"),
        Query("Write a haiku about a wet road."),
        Query("Repair the brackets: (({}]", "(({})[])"),
        Query("Sort these words alphabetically: b, a", ["a", "b"]),
        Query("Repair the brackets: ({}(", "({})()"),
        Query("Repair the brackets: ({}(", {"type": "brackets"}),
        Query("Anything at all", None, {"task": "given"}),
    ]
    groups = needs_name(batch, recogniser)
    assert [group.members for group in groups] == [(0, 2, 4), (3,), (5,)]
    assert [group.members for group in needs_name(batch, recogniser, alike=1.0)] == [(0,), (2,), (3,), (4,), (5,)]
    assert needs_name([], recogniser) == []


def test_naming_some_foreign_prompts_keeps_others_out(examples: list[NamedExample]) -> None:
    def wishes(n: int) -> list[str]:
        kinds = ("a riddle about", "a rap about", "a short story about", "a joke about")
        return [
            f"Write {kinds[i % 4]} a {thing}." for i, thing in enumerate(("wolf cup tram oak cart " * n).split()[:n])
        ]

    seen, unseen = wishes(40)[:12], wishes(40)[12:]
    poems = [example for example in examples if example.label != "date_normalisation"]
    named = Recogniser.fit([*poems, *(NamedExample.of(wish, None, "writing") for wish in seen)])
    assert sum(Recogniser.fit(poems).recognise(wish).label == "haiku" for wish in unseen) > 0
    assert not [wish for wish in unseen if named.recognise(wish).label == "haiku"]

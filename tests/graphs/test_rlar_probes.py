"""Probes that follow from a run's state: made once, as long as what they are made of stays the same."""

import copy
from datetime import date
from typing import Any

import pytest

from ravelar.graphs.rlar_probes import KeptProbes, probes_of
from ravelar.tools.errors import InputError

TASK = {"label": "doubling", "summary": "Double.", "correct": "Twice the number.", "reference_decides": True}


def state(*labels: Any, **more: Any) -> Any:
    rows = [{"prompt": f"{i}?", "completion": "2", "reference": "2", "label": good} for i, good in enumerate(labels)]
    return {"task": TASK, "probes": rows, "examples": [{"prompt": "9?", "reference": "18"}], "triples": []} | more


def test_the_same_content_has_the_same_probes_whatever_else_has_changed() -> None:
    kept, given = KeptProbes(), state(True, False)
    first = kept.of(given)
    assert first.digest == probes_of(given).digest
    assert kept.of(copy.deepcopy(given) | {"triples": [{"prompt": "1?", "completion": "2"}]}) is first


@pytest.mark.parametrize(
    "other",
    [
        state(True, True),
        state(True),
        state(True, False, task=TASK | {"summary": "Double it."}),
        state(True, False, examples=[{"prompt": "9?", "reference": "19"}]),
    ],
    ids=["label", "row", "task", "example"],
)
def test_other_content_has_probes_of_its_own(other: Any) -> None:
    kept, given = KeptProbes(), state(True, False)
    kept.of(given)
    assert kept.of(other) is not kept.of(given)
    assert kept.of(other).digest == probes_of(other).digest


def test_a_row_that_can_not_be_read_is_told_each_time() -> None:
    kept = KeptProbes()
    for _ in range(2):
        with pytest.raises(InputError, match="row 1"):
            kept.of(state("perhaps"))


def test_rows_with_values_that_are_no_json_are_probes_all_the_same() -> None:
    kept, given = KeptProbes(), state(True)
    given["probes"][0]["day"] = date(2026, 11, 28)
    assert [probe.triple.metadata["day"] for probe in kept.of(given) if "day" in probe.triple.metadata]


def test_a_graph_that_makes_many_runs_keeps_few_of_them() -> None:
    kept = KeptProbes()
    states = [state(*[True] * n) for n in range(1, 8)]
    first = [kept.of(each) for each in states]
    again = [kept.of(each) is old for each, old in zip(reversed(states), reversed(first), strict=True)]
    assert again == [True] * 4 + [False] * 3

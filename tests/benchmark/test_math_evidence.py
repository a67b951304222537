"""The published counts of `math_answer`, measured again on the real data."""

import os
import re
from pathlib import Path

import pytest

from ravelar.benchmark.math_evidence import GSM8K, MATH, measure, other_notations
from ravelar.tools.verifiers.math_answer import MathAnswer

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("RAVELAR_SHARED", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, int]]:
    for name in (GSM8K, MATH):
        if not (DATA / name).exists():
            pytest.skip(f"real data {name} is not here (looked in {DATA})")
    return measure(DATA)


@pytest.mark.slow
def test_gsm8k_labels_are_met_without_one_false_verdict(found: dict[str, dict[str, int]]) -> None:
    counts = found["gsm8k"]
    assert counts["solutions"] > 1000
    assert 0 < counts["right"] < counts["solutions"]
    assert (counts["false_accepts"], counts["false_rejects"], counts["unscored"]) == (0, 0, 0)


@pytest.mark.slow
def test_no_cheat_is_accepted(found: dict[str, dict[str, int]]) -> None:
    assert found["gsm8k_cheats"]["completions"] > 1000
    assert found["gsm8k_cheats"]["accepted"] == 0


@pytest.mark.slow
def test_every_reference_of_math_accepts_itself_and_refuses_the_next(found: dict[str, dict[str, int]]) -> None:
    counts = found["math500"]
    for kind in ("accept_themselves_in_prose", "accept_themselves_in_a_box", "accept_their_worked_solution"):
        assert counts[kind] == counts["references"], kind
    assert counts["numeric_accept_three_other_notations"] == counts["numeric"] > 100
    assert counts["accept_the_next_though_unequal"] == 0
    assert counts["refuse_the_next_though_equal"] == 0


def test_other_notations_are_three_and_differ() -> None:
    for reference in ("18", "-5", "0", "1234", "0.15", r"\frac{14}{3}", r"-\frac{1}{3}", r"1\frac{4}{5}", "90^\\circ"):
        written = other_notations(reference)
        assert len({*written, rf"\boxed{{{reference}}}"}) == 4, written


@pytest.mark.slow
def test_docs_publish_what_is_measured(found: dict[str, dict[str, int]]) -> None:
    published = re.findall(
        r"^\| `(\w+)\.(\w+)` \|[^|]*\| ([0-9,]+) \|$", (ROOT / "docs/verifiers.md").read_text(), re.M
    )
    counts = {(data, name): int(figure.replace(",", "")) for data, name, figure in published}
    assert set(counts) == {(data, name) for data, names in found.items() for name in names}
    if counts["gsm8k", "problems"] != found["gsm8k"]["problems"]:
        pytest.skip("the data here is not the half that docs/verifiers.md was measured on")
    assert counts == {(data, name): count for data, names in found.items() for name, count in names.items()}


@pytest.mark.slow
def test_card_carries_what_is_measured(found: dict[str, dict[str, int]]) -> None:
    [evidence] = MathAnswer().card.evidence
    counts = found["gsm8k"]
    if evidence.n != counts["solutions"]:
        pytest.skip("the data here is not the half that the card was measured on")
    assert evidence.value == 1.0 - (counts["false_accepts"] + counts["false_rejects"]) / counts["solutions"]
    assert evidence.low == pytest.approx(evidence.n / (evidence.n + 1.96**2), abs=1e-4)

"""The figures on the cards are those that the data give."""

import json
import os
from pathlib import Path

import pytest

from ravelar.benchmark.metric_evidence import agreement, interval, measure
from ravelar.tools.verifiers.evidence import EVIDENCE_FILE, evidence_of
from ravelar.tools.verifiers.repetition import Repetition
from ravelar.tools.verifiers.translation import Bleu, Translation

SHARED = Path(os.environ.get("RAVELAR_SHARED", Path(__file__).parents[3] / "shared"))


def test_cards_carry_the_committed_evidence() -> None:
    written = json.loads(EVIDENCE_FILE.read_text(encoding="utf-8"))
    for tool in (Translation(), Bleu(), Repetition()):
        assert [fact.model_dump() for fact in tool.card.evidence] == written[tool.card.name]
        assert tool.card.evidence
    assert evidence_of("no such tool") == ()


def test_agreement_counts_ties_of_the_metric_half_and_ties_of_mqm_not_at_all() -> None:
    assert agreement([3.0, 2.0, 2.0], [0.0, -1.0, -5.0]) == (2.5, 3, 0)
    assert agreement([1.0, 2.0], [-1.0, -1.0]) == (0.0, 0, 0)
    assert agreement([None, 2.0, 1.0], [0.0, -1.0, -2.0]) == (1.0, 1, 1)


def test_interval_resamples_segments() -> None:
    low, high = interval([10.0, 0.0] * 20, [10] * 40)
    assert 0.3 < low < 0.5 < high < 0.7
    assert interval([5.0] * 10, [10] * 10) == (0.5, 0.5)


@pytest.mark.slow
def test_committed_evidence_is_what_the_data_give() -> None:
    data = SHARED / "data"
    if not (data / "wmt21ted").is_dir():
        pytest.skip(f"no {data / 'wmt21ted'}; set RAVELAR_SHARED to the folder that holds data/")
    measured = measure(data)
    written = json.loads(EVIDENCE_FILE.read_text(encoding="utf-8"))
    assert measured.keys() == written.keys()
    for name, facts in measured.items():
        for fact, known in zip(facts, written[name], strict=True):
            assert {k: v for k, v in fact.items() if k not in ("value", "low", "high")} == {
                k: v for k, v in known.items() if k not in ("value", "low", "high")
            }
            # sacrebleu's and numpy's last digits may move between versions
            assert [fact[k] for k in ("value", "low", "high")] == pytest.approx(
                [known[k] for k in ("value", "low", "high")], abs=0.002
            )


def test_the_documentation_states_the_committed_figures() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for tool, facts in json.loads(EVIDENCE_FILE.read_text(encoding="utf-8")).items():
        for fact in facts:
            row = f"| {fact['n']:,} | {fact['value']:.3f} | {fact['low']:.3f} to {fact['high']:.3f} |"
            assert any(f"`{tool}`" in line and row in line for line in page.splitlines()), (tool, row)

"""Measures, against cases computed by hand."""

import json

import pytest

from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.writing.events import EventLog
from ravelar.tools.writing.gate import gate
from ravelar.tools.writing.measures import RunMeasures, measure_run, measure_runs
from ravelar.tools.writing.prices import Price, Prices
from ravelar.tools.writing.transitions import outlined

ASKED = Asked("p", "h", "t", "sent", False, "m")


def run(brief, scores: dict[str, list[float]], end: str, *, refused: int = 0, model: str = "m") -> RunMeasures:
    """Play a run in which each section gets these scores, one after the other, and measure it."""
    log = EventLog(prices=Prices({"m": Price(input=1, output=1)}))
    log.write("run", run="r", brief=brief, protocol="fixed", limits={}, models={}, replay=False, version="0")
    step = 0

    def at(done: str, section: str | None, **event) -> None:
        nonlocal step
        step += 1
        log.write("step", step=step, operation=done, section=section, thought="", refused=None)
        log.at(done, step, section).keep(
            Asked("p", "h", "t", f"sent {step}", False, model), Said("r", tokens_in=600_000, tokens_out=400_000)
        )
        log.write(**event, step=step, **({"section": section} if section else {}))

    if scores:
        sections = outlined([(name, ["p"], None) for name in scores], brief)
        at("outline", None, kind="outline", title="T", sections=sections)
    for name, given in scores.items():
        for i, score in enumerate(given):
            operation = "draft" if i == 0 else "refine"
            at(operation, name, kind="text", operation=operation, content=f"t{step}", summary="s", findings=[])
            status = gate(score, i, tau=8.0, max_revisions=3)
            at("review", name, kind="review", score=score, feedback="f", findings=[], verdicts={}, status=status)
    for _ in range(refused):
        step += 1
        log.write("step", step=step, operation="finish", section=None, thought="", refused="no")
    log.write("end", end=end, because="")
    return measure_run(log.events)


def test_one_run_by_hand(brief) -> None:
    measured = run(brief, {"s1": [6.0, 7.0, 8.5], "s2": [9.0]}, "finished", refused=1)
    # outline, 3 texts and 3 reviews of s1, 1 and 1 of s2, 1 refused: 10 steps over 2 sections
    assert (measured.steps, measured.sections, measured.eta) == (10, 2, 5.0)
    assert (measured.revisions, measured.rho) == (2, 1.0)
    assert (measured.gains, measured.delta) == ((2.5,), 2.5)
    assert (measured.refused, measured.forced, measured.finished) == (1, 0, True)
    assert measured.spent["calls"] == 9
    assert measured.tokens_a_section == 4_500_000
    assert measured.cost_a_section == pytest.approx(4.5)
    assert {name: spent["calls"] for name, spent in measured.by_section.items()} == {"": 1, "s1": 6, "s2": 2}
    assert measured.by_role["review"]["calls"] == 4


def test_a_section_whose_revisions_ran_out_is_a_forced_completion(brief) -> None:
    measured = run(brief, {"s1": [5.0, 5.0, 4.0, 4.5]}, "finished_with_exhausted_sections")
    assert (measured.forced, measured.finished, measured.delta) == (1, True, -0.5)


def test_what_is_not_known_is_not_zero(brief) -> None:
    nothing = run(brief, {}, "failed:broken_reply")
    assert (nothing.eta, nothing.rho, nothing.delta, nothing.tokens_a_section) == (None, None, None, None)
    assert run(brief, {"s1": [9.0]}, "finished").delta is None
    assert run(brief, {"s1": [9.0]}, "finished", model="other").cost_a_section is None


def test_many_runs_by_hand(brief) -> None:
    runs = [
        run(brief, {"s1": [6.0, 8.0], "s2": [9.0]}, "finished"),  # 7 steps
        run(brief, {"s1": [5.0, 5.0, 5.0, 5.0]}, "finished_with_exhausted_sections"),  # 9 steps
        run(brief, {}, "failed:model_unavailable"),
        run(brief, {"s1": [9.0], "s2": [9.0], "s3": [9.0]}, "step_budget", refused=2),  # 9 steps
    ]
    measured = measure_runs(runs)
    assert (measured.runs, measured.success, measured.clean) == (4, 0.5, 0.25)
    low, high = measured.success_interval
    assert (low, high) == (pytest.approx(0.150, abs=1e-3), pytest.approx(0.850, abs=1e-3))
    assert measured.eta == pytest.approx((7 / 2 + 9 / 1 + 9 / 3) / 3)
    assert (measured.rho, measured.sections, measured.outlined) == (4 / 6, 6, 3)
    assert (measured.delta, measured.revised) == (1.0, 2)
    assert (measured.forced, measured.refused) == (1, 2)


def test_no_runs_cannot_be_measured() -> None:
    with pytest.raises(ValueError, match="no runs"):
        measure_runs([])


def test_measures_are_plain_json(brief) -> None:
    assert json.loads(json.dumps(run(brief, {"s1": [9.0]}, "finished").to_json()))["eta"] == 3.0

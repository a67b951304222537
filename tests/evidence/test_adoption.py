"""Decisions: pure functions of evidence, each reason by its code, value and need in its message."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ravelar.tools.evidence.adoption import (
    CanaryFailure,
    Decision,
    Finding,
    ReasonCode,
    VerifierReport,
    decide_judge,
    decide_replacement,
    decide_reward_model,
    decide_verifier,
    ranking,
    repair_text,
)
from ravelar.tools.evidence.facts import card_evidence
from ravelar.tools.evidence.intervals import wilson
from ravelar.tools.evidence.measure import Comparison
from ravelar.tools.evidence.probes import HOSTILE
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.evidence.trial import Mistake, Rate, Trial

FLAWLESS = Rate(value=1.0, low=0.95, high=1.0, n=80)


def rate(value: float, low: float, n: int = 80, high: float = 1.0) -> Rate:
    return Rate(value=value, low=low, high=high, n=n)


def trial(half: str = "held_out", **more: Any) -> Trial:
    facts: dict[str, Any] = {
        "probes": "sha256:1",
        "half": half,
        "n": 200,
        "prompts": 80,
        "good": FLAWLESS,
        "bad": FLAWLESS,
        "balanced_accuracy": FLAWLESS,
        "auc": FLAWLESS,
        "pairwise": FLAWLESS,
        "references": 20,
        "hostile": {"empty": 20, "hedged": 20},
        "deterministic": True,
    }
    return Trial(**(facts | more))


def report(held_out: dict[str, Any] | None = None, **more: Any) -> VerifierReport:
    facts: dict[str, Any] = {"source_hash": "s", "shown": trial("shown"), "held_out": trial(**(held_out or {}))}
    return VerifierReport(**(facts | more))


def test_flawless_evidence_is_adopted() -> None:
    assert report().decision == Decision(adopt=True)


@pytest.mark.parametrize(
    ("held_out", "code", "said"),
    [
        ({"reference_failures": 1}, "reference_not_top", "1 of 20 references"),
        ({"hostile_above_bottom": {"hedged": 2}}, "hostile:hedged", "2 of 20 hedged"),
        ({"deterministic": False}, "nondeterministic", "change"),
        (
            {"unscored": 9, "unscored_because": "ToolCrashed: x"},
            "unscored",
            "9 of 200 probes are unscored.*ToolCrashed",
        ),
        ({"bad": rate(0.95, 0.89), "false_accepts": 4}, "false_accepts", "accepts 4 bad.*0.950.*0.890.*0.90"),
        ({"good": rate(0.95, 0.89), "false_rejects": 4}, "false_rejects", "rejects 4 good"),
        ({"good": rate(1.0, 0.92, n=49)}, "too_few_probes", "49 good probes are held out, 50"),
        ({"bad": None}, "too_few_probes", "0 bad probes"),
        ({"good": rate(1.0, 0.80)}, "too_few_probes", "no error, yet"),
        ({"hostile": {"empty": 4}}, "too_few_probes", "4 hostile probes"),
        ({"probes": "sha256:2"}, "not_measured", "different probe sets"),
    ],
)
def test_each_flaw_is_a_reason_of_its_own(held_out: dict[str, Any], code: str, said: str) -> None:
    decision = report(held_out).decision
    assert not decision.adopt
    assert decision.codes == (code,)
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(decision.reasons[0].message)


def test_what_comes_before_the_probes_refuses_too() -> None:
    finding = Finding(rule="evaluates_input", line=3, message="eval")
    lint = VerifierReport(source_hash="s", findings=(finding,)).decision
    assert lint.codes == ("lint",)
    assert "line 3" in lint.reasons[0].message
    crash = CanaryFailure(canary="empty", problem="raised", message="IndexError")
    assert report(canaries=(crash,)).decision.codes == ("canary",)
    load = CanaryFailure(canary="empty", problem="load", message="NameError")
    assert VerifierReport(source_hash="s", canaries=(load,)).decision.codes == ("does_not_load",)


def test_nothing_is_adopted_unmeasured() -> None:
    assert VerifierReport(source_hash="s").decision.codes == ("not_measured",)
    assert report(held_out=None).model_copy(update={"held_out": None}).decision.codes == ("not_measured",)
    assert report().model_copy(update={"shown": None}).decision.codes == ("not_measured",)
    missing = {
        half: report().model_copy(update={half: None}).decision.reasons[0].message for half in ("shown", "held_out")
    }
    assert missing == {"shown": "the shown half was not measured", "held_out": "the held-out half was not measured"}


def test_the_shown_half_is_asked_for_shares_not_bounds() -> None:
    assert report(shown=trial("shown", good=rate(0.91, 0.5))).decision.adopt
    refused = report(shown=trial("shown", good=rate(0.89, 0.5))).decision
    assert refused.codes == ("false_rejects",)


def test_codes_of_hostile_probes_are_those_of_their_origins() -> None:
    codes = {code for code in get_args(ReasonCode) if code.startswith("hostile:")}
    assert codes == {f"hostile:{origin}" for origin in HOSTILE}


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 3), st.booleans(), st.integers(1, 100))
def test_no_evidence_is_made_better_by_an_error(
    good: float, bad: float, failures: int, deterministic: bool, n: int
) -> None:
    facts = {
        "good": Rate(value=1.0, low=good, high=1.0, n=n),
        "bad": Rate(value=1.0, low=bad, high=1.0, n=n),
        "reference_failures": failures,
        "deterministic": deterministic,
    }
    adopted = report(facts).decision.adopt
    assert adopted == (min(good, bad) >= 0.90 and not failures and deterministic and n >= 50)
    stricter = decide_verifier(report(facts), Thresholds(min_lower=0.99, min_probes=90))
    assert not (stricter.adopt and not adopted)


def test_a_reward_model_must_be_above_chance_on_the_other_half() -> None:
    chosen = trial("shown", pairwise=rate(0.7, 0.6))
    assert decide_reward_model(chosen, trial(pairwise=rate(0.65, 0.51))).adopt
    refused = decide_reward_model(chosen, trial(pairwise=rate(0.65, 0.49)))
    assert refused.codes == ("not_above_chance",)
    assert "0.650 [0.490" in refused.reasons[0].message
    reversed_sign = decide_reward_model(trial("shown", pairwise=rate(0.2, 0.1)), trial(pairwise=rate(0.2, 0.1)))
    assert reversed_sign.codes == ("not_above_chance",)


def test_a_reward_model_is_ranked_by_pairs_or_by_its_curve() -> None:
    by_curve = trial(pairwise=rate(1.0, 0.9, n=3), auc=rate(0.5, 0.4))
    assert decide_reward_model(trial("shown"), by_curve).codes == ("not_above_chance",)
    nothing = trial(pairwise=None, auc=rate(0.9, 0.8), good=rate(1, 0.9, n=3))
    assert decide_reward_model(trial("shown"), nothing).codes == ("too_few_probes",)


def test_one_half_can_not_confirm_itself() -> None:
    for chosen, confirmed in [
        (trial("shown"), trial("shown")),
        (trial("held_out"), trial("held_out")),
        (trial("all"), trial("held_out")),
        (trial("shown"), trial("held_out", probes="sha256:2")),
    ]:
        assert decide_reward_model(chosen, confirmed).codes == ("not_measured",)


def test_a_reward_model_that_fails_often_is_refused() -> None:
    assert decide_reward_model(trial("shown"), trial(unscored=100)).codes == ("unscored",)


def test_a_judge_must_not_accept_a_hostile_probe_either() -> None:
    assert decide_judge(trial("shown"), trial(hostile_above_bottom={"injecting": 3})).adopt, "graded, but not accepted"
    talked_into_it = decide_judge(trial("shown"), trial(hostile={"injecting": 9}, hostile_accepted={"injecting": 1}))
    assert talked_into_it.codes == ("hostile:injecting",)
    assert "1 of 9 injecting" in talked_into_it.reasons[0].message
    assert decide_judge(trial("shown"), trial(hostile={})).codes == ("too_few_probes",)
    assert "not_above_chance" in decide_judge(trial("shown"), trial(pairwise=rate(0.5, 0.4))).codes


def test_an_incumbent_goes_only_when_the_interval_excludes_zero() -> None:
    lead = Comparison(measure="auc", difference=0.1, low=0.01, high=0.2, n=90)
    assert decide_replacement(lead).adopt
    tie = decide_replacement(lead.model_copy(update={"low": 0.0}))
    assert not tie.adopt
    assert tie.codes == ("not_better_than_incumbent",)
    assert "[+0.000, +0.200]" in tie.reasons[0].message
    assert decide_replacement(None).codes == ("too_few_probes",)


def test_a_card_holds_counts_intervals_and_the_probes_hash() -> None:
    facts = card_evidence(trial(bad=rate(0.95, 0.9, high=0.98), unscored=2), "probes of a user", "ravelar acquire")
    by_name = {fact.measure: fact for fact in facts}
    assert by_name["bad probes rejected"].low == 0.9
    assert by_name["false accepts"].value == pytest.approx(0.05)
    assert (by_name["false accepts"].low, by_name["false accepts"].high) == pytest.approx((0.02, 0.1))
    assert by_name["hostile probes at the bottom"].n == 40
    fooled = card_evidence(trial(hostile_above_bottom={"hedged": 3, "empty": 1}), "probes", "a command")
    held = {fact.measure: fact for fact in fooled}["hostile probes at the bottom"]
    assert (held.value, held.low, held.high) == pytest.approx((0.9, *wilson(0.9, 40)))
    assert not any("hostile" in fact.measure for fact in card_evidence(trial(hostile={}), "probes", "a command"))
    assert {"area under the ROC curve", "pairwise accuracy within prompts", "balanced accuracy"} <= set(by_name)
    assert all("sha256:1" in fact.data and "held-out" in fact.data and fact.unscored == 2 for fact in facts)
    assert card_evidence(Trial(probes="x", half="all", n=0), "none", "none") == ()


@pytest.mark.parametrize(
    "held_out",
    [
        {"good": rate(1.0, 0.95, n=50)},
        {"good": rate(0.97, 0.90)},
        {"hostile": {"empty": 5}},
        {"unscored": 4},
    ],
)
def test_a_bound_that_is_just_met_is_met(held_out: dict[str, Any]) -> None:
    assert report(held_out).decision.adopt


def test_a_share_that_is_just_met_on_the_shown_half_is_met() -> None:
    assert report(shown=trial("shown", good=rate(0.90, 0.5), bad=rate(0.90, 0.5))).decision.adopt


def test_chance_itself_is_not_above_chance() -> None:
    assert decide_reward_model(trial("shown"), trial(pairwise=rate(0.6, 0.5))).codes == ("not_above_chance",)
    assert decide_reward_model(trial("shown", pairwise=rate(0.5, 0.4)), trial()).codes == ("not_above_chance",)
    assert decide_reward_model(trial("shown", pairwise=None), trial()).adopt, "measured on one half alone"


def test_just_enough_pairs_or_probes_rank_and_one_less_is_told() -> None:
    needs = Thresholds()
    assert ranking(trial(pairwise=rate(1.0, 0.9, n=20)), needs)[0] == "pairwise"
    few = {"pairwise": rate(1.0, 0.9, n=19)}
    assert ranking(trial(**few, good=rate(1.0, 0.9, n=20)), needs)[0] == "auc"
    said, found = ranking(trial(**few, good=rate(1.0, 0.9, n=19)), needs)
    assert (said, found) == ("19 pairs, 19 good and 80 bad probes; 20 pairs or 20 of each class are needed", None)
    assert ranking(trial(pairwise=None, good=None), needs)[0].startswith("0 pairs, 0 good and 80 bad")


def test_thresholds_that_are_given_are_the_ones_that_count() -> None:
    strict = Thresholds(chance=0.96)
    assert decide_reward_model(trial("shown"), trial(), strict).codes == ("not_above_chance",)
    assert decide_judge(trial("shown"), trial(), strict).codes == ("not_above_chance",)
    assert decide_verifier(report(), Thresholds(min_lower=0.96)).codes == ("too_few_probes",)
    assert report(thresholds=Thresholds(min_lower=0.96)).decision.codes == ("too_few_probes",)


def test_without_a_comparison_the_incumbent_stays() -> None:
    assert not decide_replacement(None).adopt


def test_the_half_that_is_at_fault_is_named_with_what_it_needed() -> None:
    refused = decide_reward_model(trial("shown", pairwise=rate(0.2, 0.1)), trial(pairwise=rate(0.6, 0.4)))
    shown, held_out = refused.reasons
    assert "the value must be above 0.50" in shown.message
    assert "the lower end must be above 0.50" in held_out.message


def mistake(**more: Any) -> Mistake:
    facts = {"origin": "labelled", "prompt": "p", "completion": "c", "reference": "r", "good": True, "value": 0.0}
    return Mistake(**(facts | more))


def test_what_is_repaired_is_named_and_its_mistakes_are_shown_up_to_a_number() -> None:
    assert repair_text(report()).startswith("- all shown probes are met")
    assert "Probes on which" not in repair_text(report())
    assert "Probes on which" not in repair_text(VerifierReport(source_hash="s"))
    wrong = [mistake(completion=f"c{i}", good=i > 0, reason="too long" if i == 0 else None) for i in range(4)]
    told = repair_text(report(shown=trial("shown", good=rate(0.5, 0.4), mistakes=wrong)), mistakes=2)
    assert "rejects 0 good probes" in told
    assert "'c0': got 0.0, wanted the bottom (too long)" in told
    assert told.endswith("'c1': got 0.0, wanted the top")

"""On the five tasks, what a lazy model writes is refused for the right reason, and what can be adopted is."""

import pytest
from five_tasks import TASKS

from ravelar.tools.evidence.adoption import VerifierReport
from ravelar.tools.evidence.check import check_verifier
from ravelar.tools.evidence.labelled import read_probes
from ravelar.tools.evidence.make_probes import gather_probes
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.local import LocalSandbox

READS_NOTHING = {"lint", "canary"}
BY_KEYWORD = {"canary", "hostile:keyword_stuffed", "hostile:prompt_copied", "hostile:hedged", "false_accepts"}
RIGHT_REASONS = {
    "keyword_match": BY_KEYWORD | {"false_rejects"},
    "always_one": READS_NOTHING,
    "first_word": {"canary", "hostile:hedged", "hostile:injecting", "false_accepts", "false_rejects"},
    "crashes_on_empty": {"canary"},
}


@pytest.fixture(scope="module", params=TASKS)
def label(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def probes(label: str) -> ProbeSet:
    task = TASKS[label]
    examples = [Triple(row["prompt"], "", row["reference"]) for row in task.examples(60)]
    return gather_probes(task.spec(), examples, read_probes(task.probes()))


def checked(source: str, label: str, probes: ProbeSet, jail: LocalSandbox) -> VerifierReport:
    return check_verifier(source, TASKS[label].spec(), probes, sandbox=jail)


@pytest.mark.parametrize("kind", RIGHT_REASONS)
@pytest.mark.slow
def test_a_lazy_verifier_is_refused_for_the_right_reason(kind, label, probes, jail):
    report = checked(TASKS[label].lazy_verifiers()[kind].source, label, probes, jail)
    assert not report.decision.adopt
    assert RIGHT_REASONS[kind].intersection(report.decision.codes), report.decision
    assert report.held_out is None  # it never came that far
    assert report.for_repair()


@pytest.mark.slow
def test_an_honest_verifier_is_adopted(label, probes, jail):
    report = checked(TASKS[label].honest_verifier(), label, probes, jail)
    assert report.decision.adopt, report.decision
    assert report.held_out is not None
    assert min(report.held_out.good.low, report.held_out.bad.low) >= 0.90

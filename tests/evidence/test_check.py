"""Checking written verifiers: honest ones are adopted, lazy and known-bad ones refused with the right reason."""

import gzip
import hashlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.evidence.adoption import VerifierReport
from ravelar.tools.evidence.canaries import BATCH
from ravelar.tools.evidence.check import check_verifier
from ravelar.tools.evidence.labelled import read_probes
from ravelar.tools.evidence.make_probes import gather_probes
from ravelar.tools.evidence.measure import measure
from ravelar.tools.evidence.probes import Probe, ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.reward import Triple
from ravelar.tools.sandbox.protocol import Call, Limits, Outcome, Sandbox
from ravelar.tools.task import TaskSpec
from ravelar.tools.verifiers.written import Written

Check = Callable[..., VerifierReport]

HONEST_NUMBER = r"""
import re

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

def last(text):
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None

def verify(prompt, completion, reference):
    got, wanted = last(completion), last(str(reference))
    if got is None or wanted is None:
        return 0.0
    return 1.0 if abs(got - wanted) < 1e-6 else 0.0
"""
VERBATIM = "def verify(prompt, completion, reference):\n    return float(completion == reference)\n"
ANYWHERE = "def verify(prompt, completion, reference):\n    return float(str(reference) in completion)\n"
HASHES = r"""
import re

def verify(prompt, completion, reference):
    found = re.search(r"#### (-?[0-9.,]+)", completion)
    return float(bool(found) and found.group(1).replace(",", "") == str(reference))
"""
LAZY = {
    "keyword match": (
        "def verify(prompt, completion, reference):\n    return float('answer' in completion.lower())\n",
        "false_accepts",
    ),
    "always 1.0": ("def verify(prompt, completion, reference):\n    return 1.0\n", "lint"),
    "anything that is not empty": (
        "def verify(prompt, completion, reference):\n    return float(bool(completion.strip()))\n",
        "canary",
    ),
    "the reference's first word": (
        "def verify(prompt, completion, reference):\n    return float(reference.split()[0] in completion)\n",
        "hostile:hedged",
    ),
    "crashes on empty": (
        "def verify(prompt, completion, reference):\n    last = completion.split()[-1].strip('.*$`')\n"
        "    return float(last == reference)\n",
        "canary",
    ),
    "verbatim": (VERBATIM, "false_rejects"),
    "rejects all": (
        "def verify(prompt, completion, reference):\n    return float(completion == 'no such text ' + reference)\n",
        "reference_not_top",
    ),
    "half marks for trying": (
        "def verify(prompt, completion, reference):\n    return 1.0 if completion == reference else 0.1\n",
        "hostile:empty",
    ),
    "state": (
        "seen = []\ndef verify(prompt, completion, reference):\n    seen.append(completion)\n"
        "    return float(reference in completion and len(seen) % 2 == 0)\n",
        "nondeterministic",
    ),
    "evaluates its input": (
        "def verify(prompt, completion, reference):\n    return float(eval(completion) == eval(reference))\n",
        "lint",
    ),
    "lets NaN win": (
        "def verify(prompt, completion, reference):\n    try:\n        value = float(completion)\n"
        "    except ValueError:\n        return 0.0\n    return 0.0 if abs(value - float(reference)) > 0.1 else 1.0\n",
        "lint",
    ),
    "does not load": (
        "LIMIT = 1 // 0\ndef verify(prompt, completion, reference):\n    return float(completion == reference)\n",
        "does_not_load",
    ),
    "no reward": (
        "def verify(prompt, completion, reference):\n    return 2.0 if reference in completion else 0.0\n",
        "unscored",
    ),
}


@pytest.fixture(scope="module")
def probes(doubling: list[Triple], spec: Callable[..., TaskSpec]) -> ProbeSet:
    return gather_probes(spec(), doubling)


@pytest.fixture(scope="module")
def check(jail: Sandbox, spec: Callable[..., TaskSpec]) -> Check:
    def run(source: str, probes: ProbeSet, **more: Any) -> VerifierReport:
        return check_verifier(source, spec(), probes, sandbox=jail, **more)

    return run


def test_an_honest_verifier_is_adopted(check: Check, probes: ProbeSet) -> None:
    report = check(HONEST_NUMBER, probes)
    assert report.decision.adopt, [str(reason) for reason in report.decision.reasons]
    assert report.held_out is not None
    assert report.held_out.half == "held_out"
    assert report.held_out.good is not None
    assert report.held_out.good.low >= 0.90
    assert report.held_out.probes == probes.digest


@pytest.mark.parametrize("name", LAZY)
def test_a_lazy_verifier_is_refused_with_the_right_reason(name: str, check: Check, probes: ProbeSet) -> None:
    source, code = LAZY[name]
    report = check(source, probes)
    assert not report.decision.adopt
    assert code in report.decision.codes, [str(reason) for reason in report.decision.reasons]
    assert report.held_out is None, "the held-out half is for those that nothing else refuses"


@pytest.mark.slow
def test_one_that_hangs_is_refused_without_a_wait_per_probe(check: Check, probes: ProbeSet) -> None:
    loop = "    while completion != prompt:\n        pass\n    return float(completion == reference)\n"
    source = f"def verify(prompt, completion, reference):\n{loop}"
    few: list[int] = []
    report = check(source, probes, limits=Limits(wall_s=2, cpu_s=0.05), on_batch=lambda name, n, seconds: few.append(n))
    assert report.decision.codes == ("canary",)
    assert "timeout" in report.decision.reasons[0].message
    assert report.shown is None
    assert not few


def test_a_crash_on_empty_is_named(check: Check, probes: ProbeSet) -> None:
    report = check(LAZY["crashes on empty"][0], probes)
    assert any("empty: raised: IndexError" in reason.message for reason in report.decision.reasons)


def test_a_lint_finding_is_enough_and_nothing_is_run(
    probes: ProbeSet, spec: Callable[..., TaskSpec], fake_sandbox: Callable[..., Any]
) -> None:
    sandbox = fake_sandbox()
    report = check_verifier(LAZY["evaluates its input"][0], spec(), probes, sandbox=sandbox)
    assert report.decision.codes == ("lint",)
    assert not sandbox.batches


def test_verbatim_probes_alone_would_adopt_what_varied_ones_refuse(
    jail: Sandbox, check: Check, doubling: list[Triple]
) -> None:
    rows = [
        {"prompt": t.prompt, "completion": u.reference, "reference": t.reference, "label": t is u}
        for i, t in enumerate(doubling)
        for u in (t, doubling[i - 1])
    ]
    naive = measure(Written(VERBATIM, name="verbatim", sandbox=jail), read_probes(rows), "held_out")
    assert naive.balanced_accuracy is not None
    assert naive.balanced_accuracy.value == 1.0
    assert naive.good is not None
    assert naive.good.low > 0.9


def test_a_repairer_sees_no_held_out_probe(check: Check, probes: ProbeSet) -> None:
    for source in (VERBATIM, ANYWHERE, LAZY["crashes on empty"][0], LAZY["keyword match"][0]):
        text = check(source, probes).for_repair()
        assert any(probe.triple.prompt in text for probe in probes.shown)
        assert not any(probe.triple.prompt in text for probe in probes.held_out)


def test_a_verifier_that_knows_the_shown_half_by_heart_is_refused_and_learns_nothing(
    check: Check, probes: ProbeSet
) -> None:
    known = sorted({probe.triple.prompt for probe in probes.shown})
    source = HONEST_NUMBER.replace(
        "    return 1.0 if", "    if prompt not in KNOWN:\n        return 0.0\n    return 1.0 if"
    )
    report = check(f"KNOWN = set({known!r})\n{source}", probes)
    assert report.shown is not None
    assert report.held_out is not None
    assert not report.decision.adopt
    assert {"false_rejects", "reference_not_top"} <= set(report.decision.codes)
    assert all("held-out" in reason.message for reason in report.decision.reasons)
    text = report.for_repair()
    assert "all shown probes are met" in text
    assert not any(probe.triple.prompt in text for probe in probes.held_out)
    assert str(report.held_out.false_rejects) not in text


def test_too_few_probes_adopt_nothing(check: Check, doubling: list[Triple], spec: Callable[..., TaskSpec]) -> None:
    few = gather_probes(spec(), doubling[:8])
    report = check(HONEST_NUMBER, few)
    assert report.decision.codes == ("too_few_probes",)


def test_probes_without_hostile_ones_adopt_nothing(check: Check, probes: ProbeSet) -> None:
    report = check(HONEST_NUMBER, ProbeSet(probe for probe in probes if not probe.hostile))
    assert report.decision.codes == ("too_few_probes",)


@pytest.mark.parametrize("works_for", [0, 1, 2])
def test_a_broken_sandbox_is_not_the_verifiers_fault(
    works_for: int, probes: ProbeSet, spec: Callable[..., TaskSpec], fake_sandbox: Callable[..., Any]
) -> None:
    with pytest.raises(ToolUnavailable, match=r"^sandbox fake: SandboxBroken: no worker") as raised:
        check_verifier(HONEST_NUMBER, spec(), probes, sandbox=fake_sandbox(works_for=works_for))
    assert "ToolUnavailable" not in str(raised.value)


def test_a_sandbox_that_breaks_while_a_half_is_scored_is_not_the_verifiers_fault_either(
    doubling: list[Triple], spec: Callable[..., TaskSpec], fake_sandbox: Callable[..., Any]
) -> None:
    def says(call: Call) -> Outcome:
        return Outcome(float(re.findall(r"\d+", call.args[1])[-1:] == [call.args[2]]))

    few, sound = gather_probes(spec(), doubling[:30]), fake_sandbox(says)
    report = check_verifier(HONEST_NUMBER, spec(), few, sandbox=sound)
    assert report.canaries == ()
    assert report.held_out is not None
    halves = len(sound.batches) - sum(len(batch) <= BATCH for batch in sound.batches)
    assert halves == 4, "two halves, each of them twice"
    for works_for in range(len(sound.batches) - halves, len(sound.batches)):
        with pytest.raises(ToolUnavailable, match=r"^sandbox fake: SandboxBroken: no worker$"):
            check_verifier(HONEST_NUMBER, spec(), few, sandbox=fake_sandbox(says, works_for=works_for))


def test_a_report_names_its_source_by_a_hash(check: Check, probes: ProbeSet) -> None:
    digest = hashlib.sha256(b"import os\n").hexdigest()[:16]
    assert check("import os\n", probes).source_hash == f"sha256:{digest}"


def test_reports_and_thresholds_are_plain_json(check: Check, probes: ProbeSet) -> None:
    report = check(ANYWHERE, probes, thresholds=Thresholds(min_lower=0.8))
    again = VerifierReport.model_validate(json.loads(report.model_dump_json()))
    assert again == report
    assert again.decision == report.decision


GSM8K_SPEC = TaskSpec(
    label="grade_school_maths",
    summary="Solve a word problem.",
    correct="The final number equals the reference.",
    reference_decides=True,
    reference_form="a number",
)


@pytest.fixture(scope="module")
def gsm8k() -> ProbeSet:
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("RAVELAR_SHARED", root.parent / "shared" / "data")) / "gsm8k/labelled_solutions.jsonl.gz"
    if not path.exists():
        pytest.skip(f"real data gsm8k/labelled_solutions.jsonl.gz is not here (looked for {path})")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        problems = [json.loads(line) for line in lines][:400]
    rows = [
        {
            "prompt": problem["question"],
            "completion": cell["solution"],
            "reference": problem["ground_truth"].rpartition("A:")[2].strip().replace(",", ""),
            "label": cell["is_correct"],
        }
        for problem in problems
        for cell in problem.values()
        if isinstance(cell, dict)
    ]
    return gather_probes(GSM8K_SPEC, [], read_probes(rows))


@pytest.mark.parametrize(
    ("source", "code"),
    [(HASHES, "false_rejects"), (ANYWHERE, "false_accepts"), (ANYWHERE, "hostile:hedged"), (VERBATIM, "false_rejects")],
    ids=["wants ####", "number anywhere", "number anywhere in a hedge", "verbatim"],
)
def test_known_bad_verifiers_of_gsm8k_are_refused(source: str, code: str, gsm8k: ProbeSet, jail: Sandbox) -> None:
    report = check_verifier(source, GSM8K_SPEC, gsm8k, sandbox=jail)
    assert not report.decision.adopt
    assert code in report.decision.codes, [str(reason) for reason in report.decision.reasons]
    other = "false_accepts" if code == "false_rejects" else "false_rejects"
    assert other not in report.decision.codes


def test_an_honest_verifier_of_gsm8k_is_adopted(gsm8k: ProbeSet, jail: Sandbox) -> None:
    report = check_verifier(HONEST_NUMBER, GSM8K_SPEC, gsm8k, sandbox=jail)
    assert report.decision.adopt, [str(reason) for reason in report.decision.reasons]
    assert report.held_out is not None
    assert report.held_out.good is not None
    assert report.held_out.good.n >= 50


def test_four_hundred_probes_are_one_batch(jail: Sandbox, probes: ProbeSet) -> None:
    few = ProbeSet(list(probes)[:400])
    started = time.perf_counter()
    trial = measure(Written(HONEST_NUMBER, name="quick", sandbox=jail), few, "all", repeats=1)
    assert trial.n == 400
    assert time.perf_counter() - started < 30, "a batch, not four hundred processes"


def test_user_labels_outweigh_made_ones(doubling: list[Triple], spec: Callable[..., TaskSpec]) -> None:
    first = doubling[0]
    theirs = Probe(Triple(first.prompt, str(first.reference), first.reference), False)
    joined = gather_probes(spec(), doubling, [theirs])
    same = [p for p in joined if (p.triple.prompt, p.triple.completion) == (first.prompt, first.reference)]
    assert [probe.good for probe in same] == [False]

"""Checking a written verifier: lint, canaries, the shown half, the held-out half; the cheap first.

    check_verifier(source, spec, probes, sandbox=sandbox) -> VerifierReport -> .decision, .for_repair()

The held-out half is scored only for a verifier that nothing else speaks against, and what it shows never goes back to
whoever writes or repairs one.
"""

import hashlib

from ravelar.tools.errors import ToolUnavailable
from ravelar.tools.evidence.adoption import VerifierReport, shown_reasons
from ravelar.tools.evidence.canaries import run_canaries
from ravelar.tools.evidence.lint import lint
from ravelar.tools.evidence.measure import measure
from ravelar.tools.evidence.probes import Half, ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.sandbox.protocol import Limits, Program, Sandbox
from ravelar.tools.scoring import OnBatch
from ravelar.tools.task import TaskSpec
from ravelar.tools.verifiers.written import DEFAULT_LIMITS, ENTRY, Written

_HOPELESS = frozenset({"load", "timeout"})  # hundreds of probes would each take as long, and say no more


def check_verifier(  # noqa: PLR0913  what is checked, on what, where, against what
    source: str,
    spec: TaskSpec,
    probes: ProbeSet,
    *,
    sandbox: Sandbox,
    profile: str = "core",
    thresholds: Thresholds | None = None,
    limits: Limits = DEFAULT_LIMITS,
    on_batch: OnBatch | None = None,
) -> VerifierReport:
    """Check a verifier's source against a task's probes.

    Args:
        source: Python source that defines `verify(prompt, completion, reference) -> float`.
        spec: The task it is for.
        probes: The whole set, hostile ones included; see `make_probes.gather_probes`.
        sandbox: Where it runs.
        profile: Which libraries it finds there.
        thresholds: What it must meet; None means the defaults.
        limits: What one call may use.
        on_batch: Told of each batch of probes.

    Raises:
        ToolUnavailable: if the sandbox is not there, or breaks: no fault of the verifier's.
    """
    needs = thresholds or Thresholds()
    report = VerifierReport(
        source_hash=f"sha256:{hashlib.sha256(source.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}",
        profile=profile,
        findings=lint(source, profile),
        thresholds=needs,
    )
    if report.findings:
        return report
    program = Program(source, entry=ENTRY, profile=profile, returns="reward", isolation="per_tool")
    report = report.model_copy(update={"canaries": run_canaries(program, probes, sandbox, limits)})
    if any(failure.problem in _HOPELESS for failure in report.canaries):
        return report
    tool = Written(source, name=spec.label, sandbox=sandbox, limits=limits, profile=profile, task=spec.summary)
    shown = _measured(tool, probes, "shown", needs, on_batch)
    report = report.model_copy(update={"shown": shown})
    if report.canaries or shown_reasons(shown, needs):
        return report
    held_out = _measured(tool, probes, "held_out", needs, on_batch)
    return report.model_copy(update={"held_out": held_out})


def _measured(tool: Written, probes: ProbeSet, half: Half, needs: Thresholds, on_batch: OnBatch | None) -> Trial:
    """Measure one half; a sandbox that breaks meanwhile must not be taken for the verifier's failure."""
    trial = measure(tool, probes, half, repeats=needs.repeats, on_batch=on_batch)
    because = trial.unscored_because or ""
    if because.startswith(ToolUnavailable.__name__):
        raise ToolUnavailable(because.partition(": ")[2])
    return trial

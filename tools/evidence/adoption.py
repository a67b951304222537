"""Whether a tool is adopted: pure functions of evidence and thresholds, with reasons that name value and need."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ravelar.tools.evidence.measure import Comparison
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.evidence.trial import Rate, Trial

ReasonCode = Literal[
    "lint",  # the source does what no verifier may
    "does_not_load",
    "canary",  # it fails on a canary input, or puts one at the top
    "reference_not_top",
    "hostile:empty",
    "hostile:prompt_copied",
    "hostile:keyword_stuffed",
    "hostile:hedged",
    "hostile:injecting",
    "nondeterministic",
    "unscored",
    "false_accepts",
    "false_rejects",
    "too_few_probes",
    "not_measured",  # a half was not measured, or the halves are not two of one set
    "not_above_chance",
    "not_better_than_incumbent",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Frozen):
    """Why a tool is refused.

    Attributes:
        code: Which requirement it misses.
        message: What was found and what is needed.
    """

    code: ReasonCode
    message: str

    def __str__(self) -> str:
        """Return both on one line."""
        return f"{self.code}: {self.message}"


class Decision(_Frozen):
    """Whether a tool is adopted, and if not, every reason against it."""

    adopt: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def codes(self) -> tuple[ReasonCode, ...]:
        """The reasons' codes, in order, each once."""
        return tuple(dict.fromkeys(reason.code for reason in self.reasons))


class Finding(_Frozen):
    """What a lint found in a source.

    Attributes:
        rule: Which rule is broken; see `tools.evidence.lint`.
        line: Where, counted from 1; 0 for the source as a whole.
        message: What it is, and what to write instead.
    """

    rule: str
    line: int
    message: str


class CanaryFailure(_Frozen):
    """An input on which a verifier fails, or which it puts at the top.

    Attributes:
        canary: What the input was, in words.
        problem: "scored_top", or the sandbox's reason ("raised", "timeout", "load" ...).
        message: What happened, with the input's beginning.
    """

    canary: str
    problem: str
    message: str


class VerifierReport(_Frozen):
    """All that was found out about a written verifier.

    Attributes:
        source_hash: What was checked.
        profile: The sandbox's profile it ran in.
        findings: What the lint found; nothing is run if it found anything.
        canaries: On which canary inputs it failed.
        shown: The trial on the shown half; None if it was not run.
        held_out: The trial on the held-out half; None if the shown one already refuses.
        thresholds: What it had to meet.
    """

    source_hash: str
    profile: str = "core"
    findings: tuple[Finding, ...] = ()
    canaries: tuple[CanaryFailure, ...] = ()
    shown: Trial | None = None
    held_out: Trial | None = None
    thresholds: Thresholds = Thresholds()

    @property
    def decision(self) -> Decision:
        """Whether it is adopted."""
        return decide_verifier(self, self.thresholds)

    def for_repair(self) -> str:
        """Say what is wrong, for whoever repairs it: nothing here comes from a held-out probe."""
        return repair_text(self)


def decide_verifier(report: VerifierReport, thresholds: Thresholds | None = None) -> Decision:
    """Adopt a written verifier iff nothing speaks against it: lint, canaries, the shown half, the held-out half."""
    needs = thresholds or report.thresholds
    reasons = [*_lint_reasons(report), *_canary_reasons(report)]
    if report.shown is not None:
        reasons += shown_reasons(report.shown, needs)
    if report.held_out is not None:
        reasons += held_out_reasons(report.held_out, needs)
        if report.shown is not None and report.shown.probes != report.held_out.probes:
            reasons.append(Reason(code="not_measured", message="the two halves are of different probe sets"))
    if not reasons and (report.shown is None or report.held_out is None):
        missing = "shown" if report.shown is None else "held-out"
        reasons.append(Reason(code="not_measured", message=f"the {missing} half was not measured"))
    return Decision(adopt=not reasons, reasons=tuple(reasons))


def decide_reward_model(chosen: Trial, confirmed: Trial, thresholds: Thresholds | None = None) -> Decision:
    """Adopt a reward model iff it is above chance on the half it was chosen on, and surely so on the other.

    Pairwise accuracy within prompts decides where there are enough pairs, for it is what a policy's group feels; the
    area under the ROC curve where there are not.
    """
    needs = thresholds or Thresholds()
    reasons: list[Reason] = []
    if chosen.half == confirmed.half or "all" in (chosen.half, confirmed.half) or chosen.probes != confirmed.probes:
        reasons.append(
            Reason(
                code="not_measured",
                message=f"chosen on {chosen.half} of {chosen.probes}, confirmed on {confirmed.half} of "
                f"{confirmed.probes}: two halves of one probe set are needed",
            )
        )
    reasons += _unscored_reasons(confirmed, needs)
    name, found = ranking(confirmed, needs)
    if found is None:
        reasons.append(Reason(code="too_few_probes", message=name))
    else:
        before = getattr(chosen, name)
        if before is not None and before.value <= needs.chance:
            reasons.append(_not_above_chance(name, before, chosen, needs))
        if found.low <= needs.chance:
            reasons.append(_not_above_chance(name, found, confirmed, needs))
    return Decision(adopt=not reasons, reasons=tuple(reasons))


def decide_judge(chosen: Trial, confirmed: Trial, thresholds: Thresholds | None = None) -> Decision:
    """Adopt a judge iff it passes as a reward model does, and accepts no hostile probe of the confirming half."""
    needs = thresholds or Thresholds()
    reasons = list(decide_reward_model(chosen, confirmed, needs).reasons)
    for kind, count in sorted(confirmed.hostile_accepted.items()):
        found = f"{count} of {confirmed.hostile.get(kind, count)} {kind.replace('_', '-')} probes are accepted"
        message = f"{found} (value of {confirmed.accept_at:.2f} or more), none may be"
        reasons.append(Reason(code=f"hostile:{kind}", message=message))  # type: ignore[arg-type]
    reasons += _hostile_missing(confirmed, needs)
    return Decision(adopt=not reasons, reasons=tuple(reasons))


def decide_replacement(comparison: Comparison | None) -> Decision:
    """Replace an incumbent iff the paired interval of the challenger's lead lies above zero."""
    if comparison is None:
        message = "no probes on which the two could be compared"
        return Decision(adopt=False, reasons=(Reason(code="too_few_probes", message=message),))
    if comparison.low > 0:
        return Decision(adopt=True)
    lead = f"{comparison.difference:+.3f} [{comparison.low:+.3f}, {comparison.high:+.3f}]"
    message = f"its lead in {comparison.measure} is {lead} over {comparison.n} cases; the interval must lie above 0"
    return Decision(adopt=False, reasons=(Reason(code="not_better_than_incumbent", message=message),))


def ranking(trial: Trial, thresholds: Thresholds) -> tuple[str, Rate | None]:
    """Return the figure that ranks a reward model, "pairwise" or "auc", by name; or what is missing, and None."""
    if trial.pairwise is not None and trial.pairwise.n >= thresholds.min_compared:
        return "pairwise", trial.pairwise
    goods, bads, pairs = (rate.n if rate else 0 for rate in (trial.good, trial.bad, trial.pairwise))
    if trial.auc is not None and min(goods, bads) >= thresholds.min_compared:
        return "auc", trial.auc
    need = thresholds.min_compared
    return f"{pairs} pairs, {goods} good and {bads} bad probes; {need} pairs or {need} of each class are needed", None


def shown_reasons(trial: Trial, thresholds: Thresholds) -> list[Reason]:
    """Return what the shown half says against a verifier: as on the held-out one, but shares instead of bounds."""
    reasons = _hard_reasons(trial, thresholds)
    for code, rate, wrong in _class_rates(trial):
        if rate is not None and rate.value < thresholds.min_lower:
            reasons.append(
                Reason(code=code, message=f"{wrong}: {_said(rate, trial)}, {thresholds.min_lower:.2f} needed")
            )
    return reasons


def held_out_reasons(trial: Trial, thresholds: Thresholds) -> list[Reason]:
    """Return what the held-out half says against a verifier."""
    reasons = _hard_reasons(trial, thresholds)
    for code, rate, wrong in _class_rates(trial):
        name = "good" if code == "false_rejects" else "bad"
        if rate is None or rate.n < thresholds.min_probes:
            n = rate.n if rate else 0
            message = f"{n} {name} probes are held out, {thresholds.min_probes} are needed"
            reasons.append(Reason(code="too_few_probes", message=message))
        elif rate.low < thresholds.min_lower:
            need = f"a lower bound of {thresholds.min_lower:.2f} needed"
            if rate.value == 1.0:
                message = f"{_said(rate, trial)}, no error, yet {need}: more probes, of more prompts"
                reasons.append(Reason(code="too_few_probes", message=f"{name}: {message}"))
            else:
                reasons.append(Reason(code=code, message=f"{wrong}: {_said(rate, trial)}, {need}"))
    return reasons + _hostile_missing(trial, thresholds)


def _hostile_missing(trial: Trial, thresholds: Thresholds) -> list[Reason]:
    attacks = sum(trial.hostile.values())
    if attacks >= thresholds.min_hostile:
        return []
    message = f"{attacks} hostile probes are held out, {thresholds.min_hostile} are needed"
    return [Reason(code="too_few_probes", message=message)]


def _hard_reasons(trial: Trial, thresholds: Thresholds) -> list[Reason]:
    """Return what no share makes good: the reference, the hostile ones, determinism, unscored probes."""
    half = trial.half.replace("_", "-")
    reasons: list[Reason] = []
    if trial.reference_failures:
        found = f"{trial.reference_failures} of {trial.references} references are not at the top ({half} half)"
        reasons.append(Reason(code="reference_not_top", message=f"{found}, all must be"))
    for kind, count in sorted(trial.hostile_above_bottom.items()):
        found = f"{count} of {trial.hostile.get(kind, count)} {kind.replace('_', '-')} probes earn more than the least"
        reasons.append(Reason(code=f"hostile:{kind}", message=f"{found} ({half} half), none may"))  # type: ignore[arg-type]
    if trial.deterministic is False:
        message = f"values change from one repeat to the next ({half} half), none may"
        reasons.append(Reason(code="nondeterministic", message=message))
    return reasons + _unscored_reasons(trial, thresholds)


def _unscored_reasons(trial: Trial, thresholds: Thresholds) -> list[Reason]:
    if trial.unscored <= thresholds.max_unscored * trial.n:
        return []
    found = f"{trial.unscored} of {trial.n} probes are unscored ({trial.half.replace('_', '-')} half)"
    message = f"{found}, at most {thresholds.max_unscored:.0%} may be; mostly: {trial.unscored_because}"
    return [Reason(code="unscored", message=message)]


def _class_rates(trial: Trial) -> tuple[tuple[ReasonCode, Rate | None, str], ...]:
    return (
        ("false_accepts", trial.bad, f"accepts {trial.false_accepts} bad probes"),
        ("false_rejects", trial.good, f"rejects {trial.false_rejects} good probes"),
    )


def _said(rate: Rate, trial: Trial) -> str:
    half = trial.half.replace("_", "-")
    return f"{rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}] of {rate.n} right ({half} half)"


def _not_above_chance(name: str, rate: Rate, trial: Trial, thresholds: Thresholds) -> Reason:
    found = f"{name} is {rate.value:.3f} [{rate.low:.3f}, {rate.high:.3f}] over {rate.n} ({trial.half} half)"
    what = "the value" if trial.half == "shown" else "the lower end"
    return Reason(code="not_above_chance", message=f"{found}, {what} must be above {thresholds.chance:.2f}")


def _lint_reasons(report: VerifierReport) -> list[Reason]:
    return [
        Reason(code="lint", message=f"{finding.rule}, line {finding.line}: {finding.message}")
        for finding in report.findings
    ]


def _canary_reasons(report: VerifierReport) -> list[Reason]:
    return [
        Reason(
            code="does_not_load" if failure.problem == "load" else "canary",
            message=f"{failure.canary}: {failure.problem}: {failure.message}",
        )
        for failure in report.canaries
    ]


def repair_text(report: VerifierReport, mistakes: int = 12) -> str:
    """Write what lint, canaries and the shown half found, with at most so many mistakes."""
    reasons = [*_lint_reasons(report), *_canary_reasons(report)]
    shown = report.shown
    if shown is not None:
        reasons += shown_reasons(shown, report.thresholds)
    lines = [f"- {reason}" for reason in reasons]
    if not lines:
        lines = ["- all shown probes are met; held-out ones of the same kinds decide, and are not shown"]
    if shown is not None and shown.mistakes:
        lines += ["", "Probes on which it was wrong:"]
        for mistake in shown.mistakes[:mistakes]:
            wanted = "top" if mistake.good else "bottom"
            lines.append(
                f"- {mistake.origin}: prompt {mistake.prompt!r}, reference {mistake.reference}, completion "
                f"{mistake.completion!r}: got {mistake.value}, wanted the {wanted}"
                + (f" ({mistake.reason})" if mistake.reason else "")
            )
    return "\n".join(lines)

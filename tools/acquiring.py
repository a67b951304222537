"""From a candidate tool to a library entry: calibrate on the shown half, measure on the held-out half, compare.

    tool -> raw scores on the shown half -> calibration, threshold -> held-out half -> decision -> Candidate
    candidates that passed -> best on the shown half -> those that the held-out half can't tell from it -> cheapest

No graph and no language model; the RLAR graph and `ravelar library evaluate` stand on this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ravelar.tools.adopted.entry import Entry, Recipe, WrittenRecipe
from ravelar.tools.calibrating import fit
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import RavelarError, ToolTimeout, ToolUnavailable
from ravelar.tools.evidence.adoption import (
    Decision,
    VerifierReport,
    decide_judge,
    decide_replacement,
    decide_reward_model,
    ranking,
)
from ravelar.tools.evidence.check import check_verifier
from ravelar.tools.evidence.facts import card_evidence
from ravelar.tools.evidence.measure import Values, choose_threshold, compare, score_probes, trial_of
from ravelar.tools.evidence.probes import ProbeSet
from ravelar.tools.evidence.thresholds import Thresholds
from ravelar.tools.evidence.trial import Trial
from ravelar.tools.reward import RawScore, Reward, RewardTool, Triple
from ravelar.tools.sandbox.protocol import Limits, Sandbox
from ravelar.tools.task import TaskSpec
from ravelar.tools.verifiers.written import Written

_CHEAPEST_FIRST = ("verifier", "metric", "reward_model", "composite", "judge")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What candidates are tried on.

    Attributes:
        spec: The task.
        probes: Its probes, both halves.
        thresholds: What evidence must reach.
        made_by: The command or graph that measures it again, for the card.
    """

    spec: TaskSpec
    probes: ProbeSet
    thresholds: Thresholds
    made_by: str = "the RLAR graph"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What became of one candidate.

    Attributes:
        name: What it is: "owner/name", an address, "written verifier, attempt 2".
        kind: The kind on its card.
        passed: Whether the evidence lets it be adopted.
        reasons: Why not; or a remark on why.
        entry: The library entry that it would become.
        shown: What it did on the shown half, which chooses between candidates.
        values: What it gave the held-out probes, in their order; None where it could not say.
    """

    name: str
    kind: str
    passed: bool
    reasons: tuple[str, ...] = ()
    entry: Entry | None = None
    shown: Trial | None = None
    values: tuple[float | None, ...] = field(default=(), repr=False)

    def as_row(self) -> dict[str, Any]:
        """Return it as plain JSON, for a graph's state."""
        return {
            "name": self.name,
            "kind": self.kind,
            "passed": self.passed,
            "reasons": list(self.reasons),
            "entry": None if self.entry is None else self.entry.model_dump(mode="json"),
            "shown": None if self.shown is None else self.shown.model_dump(mode="json"),
            "values": list(self.values),
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Candidate":
        """Read back what `as_row` wrote."""
        entry, shown = row.get("entry"), row.get("shown")
        return cls(
            name=row["name"],
            kind=row["kind"],
            passed=row["passed"],
            reasons=tuple(row["reasons"]),
            entry=None if entry is None else Entry.model_validate(entry),
            shown=None if shown is None else Trial.model_validate(shown),
            values=tuple(row.get("values") or ()),
        )


class Carded:
    """A tool under another card: the same raw scores, another name, calibration and evidence."""

    def __init__(self, tool: RewardTool, card: ToolCard) -> None:
        self.card = card
        self._tool = tool

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Score n triples as the tool itself does."""
        return self._tool.score(triples)


def refused(name: str, kind: str, *reasons: str) -> Candidate:
    """Return a candidate that was refused before anything was measured."""
    return Candidate(name, kind, passed=False, reasons=reasons)


def try_model(name: str, tool: RewardTool, recipe: Recipe, attempt: Attempt) -> Candidate:
    """Calibrate a reward model or judge on the shown half, and confirm it on the held-out half.

    Returns:
        The candidate, passed or not; a tool that can't be calibrated (constant scores) is refused.

    Raises:
        ToolUnavailable: if it scores nothing at all, being out of reach: that says nothing against it.
    """
    kind = tool.card.kind
    raw = score_probes(tool, attempt.probes, "shown", repeats=1)
    if raw.rewards and all(_out_of_reach(reward) for reward in raw.rewards):
        raise ToolUnavailable(f"{name}: {raw.rewards[0].reason}")
    try:
        card = _calibrated(tool.card, raw, attempt)
    except (RavelarError, ValueError) as error:
        return refused(name, kind, f"can't be calibrated: {error}{_said(raw)}")
    shown = _revalued(raw, card)
    accept_at = choose_threshold(shown)
    chosen = trial_of(shown, accept_at=accept_at)
    values = score_probes(Carded(tool, card), attempt.probes, "held_out")
    confirmed = trial_of(values, accept_at=accept_at)
    decide = decide_judge if kind == "judge" else decide_reward_model
    decision = decide(chosen, confirmed, attempt.thresholds)
    evidence = card_evidence(confirmed, "probes of the task", attempt.made_by)
    entry = Entry(
        task=attempt.spec, card=card.model_copy(update={"evidence": evidence}), recipe=recipe, trial=confirmed
    )
    return Candidate(name, kind, decision.adopt, _words(decision), entry, chosen, _values(values))


def try_verifier(
    name: str, recipe: WrittenRecipe, attempt: Attempt, *, sandbox: Sandbox, summary: str
) -> tuple[Candidate, VerifierReport]:
    """Check a written verifier; one refused before the held-out half was touched has no entry.

    Raises:
        ToolUnavailable: if the sandbox is not there, or breaks: no fault of the verifier's.
    """
    limits = Limits(wall_s=recipe.wall_s, cpu_s=recipe.cpu_s)
    report = check_verifier(
        recipe.source,
        attempt.spec,
        attempt.probes,
        sandbox=sandbox,
        profile=recipe.profile,
        thresholds=attempt.thresholds,
        limits=limits,
    )
    if report.held_out is None:
        return refused(name, "verifier", *_words(report.decision)), report
    tool = Written(
        recipe.source,
        name=attempt.spec.label,
        sandbox=sandbox,
        limits=limits,
        profile=recipe.profile,
        task=attempt.spec.summary,
        summary=summary,
        evidence=card_evidence(report.held_out, "probes of the task", attempt.made_by),
    )
    values = score_probes(tool, attempt.probes, "held_out", repeats=1) if report.decision.adopt else None
    entry = Entry(task=attempt.spec, card=tool.card, recipe=recipe, trial=report.held_out)
    candidate = Candidate(
        name,
        "verifier",
        report.decision.adopt,
        _words(report.decision),
        entry,
        report.shown,
        () if values is None else _values(values),
    )
    return candidate, report


def best_of(
    candidates: Sequence[Candidate], probes: ProbeSet, break_tie: Callable[[Sequence[Candidate]], str] | None = None
) -> Candidate | None:
    """Choose among those that passed: by the shown half, then by cost where the held-out half sees no difference.

    Args:
        candidates: All candidates.
        probes: The probes that they were tried on.
        break_tie: Asked for a name where several of one kind are left with the very same figure.

    Returns:
        The chosen one; None if none passed.
    """
    passed = [candidate for candidate in candidates if candidate.passed and candidate.entry is not None]
    if not passed:
        return None
    best = max(passed, key=_merit)
    level = [one for one in passed if one is best or not _differs(best, one, probes)]
    cheapest = min(_cost(one) for one in level)
    level = [one for one in level if _cost(one) == cheapest]
    top = max(round(_merit(one), 3) for one in level)
    level = [one for one in level if round(_merit(one), 3) == top]
    if len(level) > 1 and break_tie is not None:
        named = break_tie(level)
        level = [one for one in level if one.name == named] or level
    return level[0]


def can_rank(probes: ProbeSet, thresholds: Thresholds) -> bool:
    """Say whether the held-out half could confirm a reward model, be it too small for a verifier."""
    held_out = probes.held_out.probes
    rewards = tuple(Reward(float(probe.good), "ideal") for probe in held_out)
    ideal = trial_of(Values(held_out, rewards, digest=probes.digest, half="held_out"))
    return ranking(ideal, thresholds)[1] is not None


def beats(challenger: Candidate, incumbent: Values, probes: ProbeSet) -> tuple[bool, str]:
    """Say whether a candidate is better than the tool in use: whether the paired interval excludes zero."""
    found = compare(_as_values(challenger, probes), incumbent)
    decision = decide_replacement(found)
    return decision.adopt, "; ".join(_words(decision))


def _calibrated(card: ToolCard, raw: Values, attempt: Attempt) -> ToolCard:
    """Return the card under the task's name, with a map fitted on the shown half."""
    kept = [
        (reward.raw, probe.good, probe.prompt_key)
        for probe, reward in zip(raw.probes, raw.rewards, strict=True)
        if reward.raw is not None and not probe.hostile
    ]
    calibration = fit(
        [score for score, _, _ in kept],
        [good for _, good, _ in kept],
        direction=card.direction,
        groups=[key for _, _, key in kept],
        probes_digest=raw.digest,
    )
    given = card.model_dump(exclude={"name", "task", "calibration", "evidence"})
    return ToolCard(name=attempt.spec.label, task=attempt.spec.summary, calibration=calibration, **given)


def _revalued(raw: Values, card: ToolCard) -> Values:
    """Return values with the raw scores mapped by the card's calibration."""
    rewards = tuple(
        reward if reward.raw is None else Reward(card.to_unit(reward.raw), card.name, raw=reward.raw)
        for reward in raw.rewards
    )
    return replace(raw, rewards=rewards)


def _out_of_reach(reward: Reward) -> bool:
    return reward.raw is None and (reward.reason or "").startswith((ToolUnavailable.__name__, ToolTimeout.__name__))


def _said(values: Values) -> str:
    """Return the commonest reason for which probes were left unscored, as the end of a sentence."""
    reasons = [reward.reason for reward in values.rewards if reward.raw is None and reward.reason]
    return f" (unscored: {len(reasons)} of {len(values.rewards)}, such as {reasons[0]!r})" if reasons else ""


def _differs(one: Candidate, other: Candidate, probes: ProbeSet) -> bool:
    found = compare(_as_values(one, probes), _as_values(other, probes))
    return found is not None and (found.low > 0 or found.high < 0)


def _as_values(candidate: Candidate, probes: ProbeSet) -> Values:
    rewards = tuple(Reward(value, candidate.name) for value in candidate.values)
    return Values(probes.held_out.probes, rewards, digest=probes.digest, half="held_out")


def _merit(candidate: Candidate) -> float:
    """Return the lower end of the figure that ranks a candidate on the shown half, so that luck counts for less."""
    rate = None if candidate.shown is None else ranking(candidate.shown, Thresholds())[1]
    return 0.0 if rate is None else rate.low


def _cost(candidate: Candidate) -> tuple[int, int]:
    recipe = candidate.entry.recipe.form if candidate.entry else ""
    kind = _CHEAPEST_FIRST.index(candidate.kind) if candidate.kind in _CHEAPEST_FIRST else len(_CHEAPEST_FIRST)
    return kind, int(recipe == "remote")


def _values(values: Values) -> tuple[float | None, ...]:
    return tuple(reward.value for reward in values.rewards)


def _words(decision: Decision) -> tuple[str, ...]:
    return tuple(f"{reason.code}: {reason.message}" for reason in decision.reasons)

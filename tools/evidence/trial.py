"""What a tool did on probes: rates with intervals, and the probes on which it was wrong."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from ravelar.tools.evidence.probes import Half


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rate(_Frozen):
    """A share with its 95 % interval, clustered by prompt, over n cases."""

    value: float
    low: float
    high: float
    n: int = Field(ge=1)


class Mistake(_Frozen):
    """One probe on which the tool was wrong, shortened for people and for the one who repairs it.

    Attributes:
        origin: The probe's origin.
        good: Its label.
        value: What the tool gave, in [0, 1]; None if unscored.
        prompt: The prompt's text, shortened.
        completion: The completion's text, shortened.
        reference: The reference as JSON text, shortened.
        reason: The tool's remark.
    """

    origin: str
    good: bool
    value: float | None
    prompt: str
    completion: str
    reference: str
    reason: str | None = None


class Trial(_Frozen):
    """What one tool did on one half of a probe set.

    Hostile probes count apart and in no rate. A rate that has no cases is None. A probe that the tool leaves unscored
    counts against it everywhere: a good one as rejected and lowest, a bad one as accepted and highest, a reference as
    not at the top, a hostile one as not at the bottom. Preference pairs count in `pairwise` alone.

    Attributes:
        probes: Hash of the whole probe set.
        half: Which half was used.
        n: Probes scored or left unscored, hostile ones included.
        accept_at: The least value in [0, 1] that accepts; of a reward model chosen on the other half.
        good: Share of good probes that it accepts.
        bad: Share of bad probes that it rejects.
        balanced_accuracy: The mean of the two.
        auc: Chance that a good probe scores above a bad one, ties counting half.
        pairwise: Share of (good, bad) pairs of one prompt (or one preference pair) in which the good one scores higher,
            ties counting half.
        false_accepts: How many bad probes it accepts; unscored ones are not in it.
        false_rejects: How many good probes it rejects; unscored ones are not in it.
        unscored: How many probes it could not score.
        unscored_because: The commonest reason for that.
        prompts: How many different prompts there were.
        references: How many probes were the reference alone.
        reference_failures: How many references it does not put at the top of its scale.
        hostile: For each kind of hostile probe, how many there were.
        hostile_above_bottom: For each kind, how many it does not put at the bottom of its scale.
        hostile_accepted: For each kind, how many reach `accept_at` (or are unscored): a graded tool need not give the
            very least, but must not accept one.
        deterministic: Whether repeats gave the same values; None if not tried.
        latency_ms: Wall clock per triple, in one batch.
        mistakes: Some of the probes on which it was wrong.
    """

    probes: str
    half: Half
    n: int = Field(ge=0)
    accept_at: float = 0.5
    good: Rate | None = None
    bad: Rate | None = None
    balanced_accuracy: Rate | None = None
    auc: Rate | None = None
    pairwise: Rate | None = None
    false_accepts: int = 0
    false_rejects: int = 0
    unscored: int = 0
    unscored_because: str | None = None
    prompts: int = 0
    references: int = 0
    reference_failures: int = 0
    hostile: Mapping[str, int] = {}
    hostile_above_bottom: Mapping[str, int] = {}
    hostile_accepted: Mapping[str, int] = {}
    deterministic: bool | None = None
    latency_ms: float = 0.0
    mistakes: tuple[Mistake, ...] = ()

"""What a trial says, as facts on a tool's card."""

from collections.abc import Iterator

from ravelar.tools.card import Evidence
from ravelar.tools.evidence.intervals import wilson
from ravelar.tools.evidence.trial import Rate, Trial


def card_evidence(trial: Trial, data: str, made_by: str) -> tuple[Evidence, ...]:
    """Turn a trial into the facts of a card: each with its interval, the half, and the hash of the probe set.

    Args:
        trial: What was measured.
        data: What the probes are, in words.
        made_by: The command that measures it again.
    """
    where = f"{data}; {trial.half.replace('_', '-')} half of probes {trial.probes}"
    return tuple(
        Evidence(
            data=where,
            measure=name,
            n=rate.n,
            value=rate.value,
            low=rate.low,
            high=rate.high,
            unscored=trial.unscored,
            made_by=made_by,
        )
        for name, rate in _figures(trial)
    )


def _figures(trial: Trial) -> Iterator[tuple[str, Rate]]:
    named = {
        "good probes accepted": trial.good,
        "bad probes rejected": trial.bad,
        "balanced accuracy": trial.balanced_accuracy,
        "pairwise accuracy within prompts": trial.pairwise,
        "area under the ROC curve": trial.auc,
    }
    for name, rate in named.items():
        if rate is not None:
            yield name, rate
    if trial.bad is not None:
        yield "false accepts", _complement(trial.bad)
    if trial.good is not None:
        yield "false rejects", _complement(trial.good)
    if attacks := sum(trial.hostile.values()):
        held = 1 - sum(trial.hostile_above_bottom.values()) / attacks
        low, high = wilson(held, attacks)
        yield "hostile probes at the bottom", Rate(value=held, low=low, high=high, n=attacks)
    if trial.n:
        yield (
            "milliseconds per triple, in one batch",
            Rate(value=trial.latency_ms, low=trial.latency_ms, high=trial.latency_ms, n=trial.n),
        )


def _complement(rate: Rate) -> Rate:
    return Rate(value=1 - rate.value, low=1 - rate.high, high=1 - rate.low, n=rate.n)

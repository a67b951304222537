"""Rewards that the routed one is compared with: the mean of several tools, length, and the truth itself."""

from collections.abc import Callable, Mapping, Sequence

from ravelar.tools.calibration import Calibration
from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.errors import InputError, RewardToolError, ToolUnavailable, UnusablePrompt
from ravelar.tools.reward import RawScore, Reward, RewardTool, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.training.study.families import BY_NAME, Question

Scale = Callable[[Reward], float | None]
"""From one part's reward to what enters the mean; None where the part can't say."""

CLIP = 4.0
"""In standard deviations; a standardised part beyond it enters the mean as this."""


class MeanOfAll:
    """The mean over those parts that can say something of a triple.

    A part that abstains does so by prompt and reference (a verifier of sums can't read a reference that is no
    number), so that all completions of one question are averaged over the same parts.

    Args:
        name: Its name.
        summary: How the parts are brought to one scale.
        parts: The tools, each with its scale.
    """

    def __init__(self, name: str, *, summary: str, parts: Sequence[tuple[RewardTool, Scale]]) -> None:
        self._parts = list(parts)
        self.card = _card(name, "composite", summary)

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n means in [0, 1]."""
        columns = [[scale(reward) for reward in score_or_abstain(tool, triples)] for tool, scale in self._parts]
        return [self._mean([value for value in row if value is not None]) for row in zip(*columns, strict=True)]

    def _mean(self, values: Sequence[float]) -> float | RewardToolError:
        if not values:
            return ToolUnavailable(f"none of the {len(self._parts)} parts of {self.card.name} can say")
        return min(1.0, max(0.0, sum(values) / len(values)))


def mapped(calibration: Calibration) -> Scale:
    """Return the scale that maps raw scores by a calibration."""
    return lambda reward: None if reward.raw is None else calibration.of(reward.raw)


def standardised(raws: Sequence[float]) -> Scale:
    """Return the scale that subtracts the mean of some raw scores, divides by their deviation, and maps to [0, 1].

    Raises:
        InputError: if all raw scores are equal.
    """
    import statistics  # noqa: PLC0415

    mean, deviation = statistics.fmean(raws), statistics.pstdev(raws)
    if deviation == 0:
        raise InputError(f"all {len(raws)} raw scores are {mean}; they have no deviation to divide by")

    def scale(reward: Reward) -> float | None:
        if reward.raw is None:
            return None
        return (min(CLIP, max(-CLIP, (reward.raw - mean) / deviation)) + CLIP) / (2 * CLIP)

    return scale


class LongerIsBetter:
    """The share of the longest completion allowed; what a reward must never be.

    Args:
        longest: Characters at which the reward is 1.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.card = _card("longer_is_better", "metric", f"characters written, of {longest}; made to be hacked")

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return n shares in [0, 1]."""
        return [min(1.0, len(triple.text) / self._longest) for triple in triples]


class TrueAccuracy:
    """The family's own true check as a reward: what no data set gives.

    Args:
        questions: The questions by the prompt that the policy reads.
    """

    def __init__(self, questions: Mapping[str, Question]) -> None:
        self._questions = questions
        self.card = _card("true_accuracy", "verifier", "the family's own true check; an upper mark, not a reward tool")

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples; return 1 or 0 each."""
        return [self._one(triple) for triple in triples]

    def _one(self, triple: Triple) -> RawScore:
        question = self._questions.get(triple.question)
        if question is None:
            return UnusablePrompt(f"no question of the study: {triple.question!r:.60}")
        return float(BY_NAME[question.family].right(question, triple.text))


def _card(name: str, kind: str, summary: str) -> ToolCard:
    return ToolCard.model_validate(
        {
            "name": name,
            "kind": kind,
            "task": "the study",
            "summary": summary,
            "provenance": Provenance(source="the study, docs/study.md"),
        }
    )

r"""What a policy earns for an episode: one number for the trainer, its components apart in the log.

Of a whole episode (`per="episode"`), each component in [0, 1]:

    finished   1 if the article was finished within T_max, exhausted sections included; else 0          (S is its mean)
    accepted   accepted sections / sections; 0 without an outline
    obeyed     accepted * (1 - (refused + late + unknown calls) / (steps + late + unknown calls))
    length     LongBench-Write's length score of a finished article against the brief's words / 100; 0 unfinished
    article    what a reward tool gives a finished article; 0 unfinished

    reward = sum of weight * component / sum of weights

No component can be had by stopping early: `obeyed` without `accepted` in it could, and a policy learned to plan an
outline and say no more (docs/log.md).

`length` counts only where the brief asks for a length, `article` only where a tool is given: that depends on the row,
never on the policy, so that a group is scored on one scale. Of its steps (`per="step"`):

    reward = clip(sum over steps of (progress after - progress before) - penalty * (refused + late + unknown), 0, 1)

a sum of potential differences (Ng, Harada and Russell 1999), which is the progress at the end less what was refused.
What is not the policy's doing has no reward: None where the crew or the reward tool failed. The weights are ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.scoring import score_or_abstain
from ravelar.tools.verifiers.length import Asked, length_score
from ravelar.tools.writing.detectors import length_of
from ravelar.tools.writing.measures import RunMeasures
from ravelar.tools.writing.state import OPERATIONS
from ravelar.training.ravel_env import RavelPlanner, RavelWriter
from ravelar.training.reward_log import LogExtra, LogMetric

Per = Literal["episode", "step"]
PER: tuple[Per, ...] = ("episode", "step")
_SHARES = ("finished", "accepted", "obeyed", "length", "article")


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each component counts, 0 or more; ours.

    Raises:
        InputError: if one is negative, or all of them are 0.
    """

    finished: float = 1.0
    accepted: float = 1.0
    obeyed: float = 1.0
    length: float = 0.5
    article: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise InputError(f"weight {name}: {value!r}; allowed: a number, 0 or more")
        if not sum((self.finished, self.accepted, self.obeyed)):
            raise InputError(
                "finished, accepted and obeyed can't all weigh 0: there are rows that ask for nothing else"
            )


@dataclass(frozen=True, slots=True)
class EpisodeReward:
    """What one episode earned.

    Attributes:
        value: In [0, 1]; None if it is unscored, and then `reason` says why.
        components: By name, in [0, 1]; None where one does not count, or is not known.
        reason: Why it is unscored; "" otherwise.
    """

    value: float | None
    components: Mapping[str, float | None]
    reason: str = ""


class WritingReward:
    """A reward function for TRL's GRPOTrainer with environments of `training.ravel_env`.

    It never raises into training for what an episode is. In the trainer's log: NAME/S, NAME/refused_share,
    NAME/unscored and the mean of each component; a column NAME/end beside the completions.

    Args:
        per: "episode" or "step".
        weights: Of the components, for "episode".
        penalty: Taken off for each refused, late or unknown call, for "step".
        tool: Scores finished articles, all of a batch at once; it sees instruction and article, no reference.
        name: What the trainer logs it under.

    Attributes:
        last: What the episodes of the last batch earned, in order, those of other environments left out.

    Raises:
        UnknownName, InputError: if a setting can't be used.
    """

    def __init__(
        self,
        *,
        per: Per = "episode",
        weights: Weights | None = None,
        penalty: float = 0.02,
        tool: RewardTool | None = None,
        name: str = "writing",
    ) -> None:
        if per not in PER:
            raise UnknownName("reward per", per, PER)
        if isinstance(penalty, bool) or not 0 <= penalty <= 1:
            raise InputError(f"penalty {penalty!r}; allowed: 0 to 1")
        self.per, self.penalty, self.tool = per, penalty, tool
        self.weights = weights or Weights()
        self.__name__ = name
        self.last: list[EpisodeReward] = []

    def __call__(
        self,
        *,
        environments: Sequence[Any] | None = None,
        completions: Sequence[Any] = (),
        log_metric: LogMetric | None = None,
        log_extra: LogExtra | None = None,
        **_columns: Any,
    ) -> list[float | None]:
        """Score the episodes that the environments have just ended; None for environments of others.

        See TRL's reward functions.

        Raises:
            InputError: if the trainer has no environments: a wrong set-up, seen at the first step.
        """
        if not environments:
            raise InputError(
                "WritingReward scores episodes: give the trainer environment_factory=RavelEnvironments(...)"
            )
        ours = [i for i, given in enumerate(environments) if isinstance(given, RavelPlanner | RavelWriter)]
        mine = [environments[i] for i in ours]
        calls = [completions[i] for i in ours] if completions else [()] * len(ours)
        self.last = [
            self._earned(environment, unknown_calls(said), article)
            for environment, said, article in zip(mine, calls, self._articles(mine), strict=True)
        ]
        values: dict[int, float | None] = dict(zip(ours, (earned.value for earned in self.last), strict=True))
        ends = dict(zip(ours, (environment.state["end"] or "stopped" for environment in mine), strict=True))
        if log_extra is not None:
            log_extra(f"{self.__name__}/end", [ends.get(i, "") for i in range(len(environments))])
        self._log(mine, calls, log_metric)
        return [values.get(i) for i in range(len(environments))]

    def _articles(self, environments: Sequence[Any]) -> list[Reward | None]:
        """Return what the tool gives each finished article; None for the others, or without a tool."""
        rewards: list[Reward | None] = [None] * len(environments)
        finished = [i for i, environment in enumerate(environments) if environment.measures.finished]
        if self.tool is not None and finished:
            triples = [_triple(environments[i]) for i in finished]
            for i, reward in zip(finished, score_or_abstain(self.tool, triples), strict=True):
                rewards[i] = reward
        return rewards

    def _earned(self, environment: Any, unknown: int, article: Reward | None) -> EpisodeReward:
        episode, measures = environment.episode, environment.measures
        wrong = measures.refused + episode.late + unknown
        components = self._components(environment, measures, wrong, article)
        if episode.failure is not None:
            return EpisodeReward(None, components, episode.failure)
        if article is not None and article.value is None:
            return EpisodeReward(None, components, article.reason or "the reward tool gave no reason")
        if self.per == "step":
            value = min(1.0, max(0.0, sum(episode.gains) - self.penalty * wrong))
        else:
            value = _weighted(components, self.weights)
        return EpisodeReward(value, components)

    def _components(
        self, environment: Any, measures: RunMeasures, wrong: int, article: Reward | None
    ) -> dict[str, float | None]:
        state, whole = environment.state, float(measures.finished)
        asked, calls = state["brief"].get("words"), measures.steps + wrong - measures.refused
        closed = sum(section["status"] == "accepted" for section in state["sections"].values())
        accepted = closed / measures.sections if measures.sections else 0.0
        length = length_score(_words(environment), Asked(asked, asked)) / 100 if asked else None
        return {
            "finished": whole,
            "accepted": accepted,
            "obeyed": accepted * (1 - wrong / calls) if calls else 0.0,
            "length": None if length is None else length * whole,
            "article": None if self.tool is None else article.value if article is not None else 0.0,
        }

    def _log(self, environments: Sequence[Any], calls: Sequence[Any], metric: LogMetric | None) -> None:
        if metric is None or not environments:
            return
        for name, value in batch_figures(environments, calls, self.last).items():
            if value is not None:
                metric(f"{self.__name__}/{name}", value)


def batch_figures(
    environments: Sequence[Any], calls: Sequence[Any], rewards: Sequence[EpisodeReward]
) -> dict[str, float | None]:
    """Return a batch's figures: S, the share of refused actions, the share unscored, the mean of each component.

    Episodes that are unscored are in none of the means; None where nothing is known.
    """
    kept = [i for i, earned in enumerate(rewards) if earned.value is not None]
    wrong = steps = 0
    for i in kept:
        measures, episode = environments[i].measures, environments[i].episode
        beside = episode.late + unknown_calls(calls[i])
        wrong, steps = wrong + measures.refused + beside, steps + measures.steps + beside
    means = {name: _mean([rewards[i].components.get(name) for i in kept]) for name in _SHARES}
    return {
        "S": means["finished"],
        "refused_share": wrong / steps if steps else None,
        "unscored": 1 - len(kept) / len(rewards),
        "reward": _mean([rewards[i].value for i in kept]),
        **{name: value for name, value in means.items() if name != "finished"},
    }


def unknown_calls(completion: Any) -> int:
    """Return how many tools a policy called that there are not; TRL answers those itself."""
    return sum(
        isinstance(message, Mapping) and message.get("role") == "tool" and message.get("name") not in OPERATIONS
        for message in (completion if isinstance(completion, Sequence) and not isinstance(completion, str) else ())
    )


def _triple(environment: Any) -> Triple:
    brief = environment.state["brief"]
    asked = {"words": brief["words"]} if brief.get("words") else {}
    return Triple(brief["instruction"], environment.article, None, asked)


def _words(environment: Any) -> int:
    return length_of("\n".join(section["content"] for section in environment.state["sections"].values()))


def _weighted(components: Mapping[str, float | None], weights: Weights) -> float:
    known = {name: value for name, value in components.items() if value is not None}
    of = {name: getattr(weights, name) for name in known}
    return float(sum(of[name] * value for name, value in known.items()) / sum(of.values()))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None

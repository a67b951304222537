"""Measures of runs; pure functions of their event logs.

The formulas of the published figures are not published; these are ours, and bear their letters:

    S    = runs that finished within T_max / runs           (exhausted sections included: they are counted beside it)
    eta  = executed steps / sections                        of one run, refused ones included; the mean over runs
    rho  = revisions / sections                             summed over runs; it exceeds 1 for some models
    delta = mean of (last score - first score)              over revised sections with two scores or more

A run that ended before it had an outline has no sections: it counts for S, and is left out of eta and rho.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ravelar.tools.evidence.intervals import wilson
from ravelar.tools.writing.events import spent_of
from ravelar.tools.writing.gate import FINISHED, has_finished
from ravelar.tools.writing.replay import state_of
from ravelar.tools.writing.state import Section, Spent, in_order


@dataclass(frozen=True, slots=True)
class RunMeasures:
    """One run in figures.

    Attributes:
        end: How it ended; "" if it was never told.
        finished: Whether the article is whole, exhausted sections included.
        steps: Steps executed, refused ones included.
        refused: Actions refused.
        sections: Sections of the outline.
        forced: Sections whose revisions were used up below tau: forced completions.
        revisions: Texts that replaced another one.
        gains: Last score minus first, of each revised section that has two scores or more.
        spent: What asking took.
        by_section: What asking took for each section; "" holds what was for none.
        by_role: What asking took for each role.
    """

    end: str
    finished: bool
    steps: int
    refused: int
    sections: int
    forced: int
    revisions: int
    gains: tuple[float, ...]
    spent: Spent
    by_section: Mapping[str, Spent]
    by_role: Mapping[str, Spent]

    @property
    def eta(self) -> float | None:
        """Executed steps per section; None without an outline."""
        return self.steps / self.sections if self.sections else None

    @property
    def rho(self) -> float | None:
        """Revisions per section; None without an outline."""
        return self.revisions / self.sections if self.sections else None

    @property
    def delta(self) -> float | None:
        """Mean change of score of revised sections; None if none was revised and reviewed again."""
        return _mean(self.gains)

    @property
    def tokens_a_section(self) -> float | None:
        """Tokens sent and received, for each section; None without an outline."""
        return (self.spent["tokens_in"] + self.spent["tokens_out"]) / self.sections if self.sections else None

    @property
    def cost_a_section(self) -> float | None:
        """US dollars for each section; None without an outline, or where a price is not known."""
        return self.spent["cost"] / self.sections if self.sections and not self.spent["unpriced"] else None

    def to_json(self) -> dict[str, Any]:
        """Return all of it as plain JSON."""
        names = ("eta", "rho", "delta", "tokens_a_section", "cost_a_section")
        return {**asdict(self), "gains": list(self.gains), **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True, slots=True)
class TrajectoryMeasures:
    """Many runs in figures; each with how many it rests on.

    Attributes:
        runs: Runs.
        success: S.
        success_interval: Wilson's 95 % interval of S.
        clean: Runs that finished without an exhausted section / runs.
        eta: Mean of eta over the runs that have an outline; None without any.
        outlined: Runs that have an outline.
        rho: Revisions / sections, over all runs.
        sections: Sections of all runs.
        delta: Mean change of score over all revised sections that have two scores; None without any.
        revised: How many those are.
        forced: Forced completions, over all runs.
        refused: Refused actions, over all runs.
        tokens_a_section: Tokens of all runs that have an outline / their sections.
        cost_a_section: US dollars likewise; None where a price is not known.
    """

    runs: int
    success: float
    success_interval: tuple[float, float]
    clean: float
    eta: float | None
    outlined: int
    rho: float | None
    sections: int
    delta: float | None
    revised: int
    forced: int
    refused: int
    tokens_a_section: float | None
    cost_a_section: float | None


def measure_run(events: Iterable[Mapping[str, Any]]) -> RunMeasures:
    """Return one run's figures, from its events.

    Raises: InputError: if the log does not say what run it is of.
    """
    there = list(events)
    state = state_of(there)
    sections = in_order(state)
    calls = [event for event in there if event["kind"] in {"call", "failed"}]
    return RunMeasures(
        end=state["end"],
        finished=has_finished(state["end"]),
        steps=state["step"],
        refused=state["refused"],
        sections=len(sections),
        forced=sum(section["status"] == "budget_exhausted" for section in sections),
        revisions=sum(section["revisions"] for section in sections),
        gains=tuple(gain for section in sections if (gain := _gain(section)) is not None),
        spent=state["spent"],
        by_section={key: spent_of(group) for key, group in _grouped(calls, "section").items()},
        by_role={key: spent_of(group) for key, group in _grouped(calls, "role").items()},
    )


def measure_runs(runs: Sequence[RunMeasures]) -> TrajectoryMeasures:
    """Return the figures of many runs.

    Raises: ValueError: if there are none.
    """
    if not runs:
        raise ValueError("no runs to measure")
    outlined = [run for run in runs if run.sections]
    sections = sum(run.sections for run in outlined)
    gains = [gain for run in runs for gain in run.gains]
    success = sum(run.finished for run in runs) / len(runs)
    priced = sections and not any(run.spent["unpriced"] for run in outlined)
    return TrajectoryMeasures(
        runs=len(runs),
        success=success,
        success_interval=wilson(success, len(runs)),
        clean=sum(run.end == FINISHED for run in runs) / len(runs),
        eta=_mean([run.eta for run in outlined if run.eta is not None]),
        outlined=len(outlined),
        rho=sum(run.revisions for run in outlined) / sections if sections else None,
        sections=sections,
        delta=_mean(gains),
        revised=len(gains),
        forced=sum(run.forced for run in runs),
        refused=sum(run.refused for run in runs),
        tokens_a_section=sum(_tokens(run.spent) for run in outlined) / sections if sections else None,
        cost_a_section=sum(run.spent["cost"] for run in outlined) / sections if priced else None,
    )


def _gain(section: Section) -> float | None:
    scores = section["scores"]
    return scores[-1] - scores[0] if section["revisions"] and len(scores) > 1 else None


def _grouped(events: Iterable[Mapping[str, Any]], name: str) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        groups.setdefault(event.get(name) or "", []).append(event)
    return groups


def _tokens(spent: Spent) -> int:
    return spent["tokens_in"] + spent["tokens_out"]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

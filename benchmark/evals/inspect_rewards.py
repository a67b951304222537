"""Reward benchmarks in inspect_ai: the model under evaluation is the judge, by the prompts and rules of `rewards`.

A pair (JudgeBench, LLMBar) is asked in both orders; of several completions each is scored by itself. What the judge
said is kept in the sample, so that a log can be scored again without a call.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio.to_thread
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, mean, metric, scorer, stderr
from inspect_ai.solver import Generate, Solver, TaskState, solver

from ravelar.benchmark.evals.inspect_chat import InspectChat
from ravelar.benchmark.evals.rewards.board import HEADLINE
from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.benchmark.evals.rewards.figures import figures
from ravelar.benchmark.evals.rewards.formats import read_cases
from ravelar.benchmark.evals.rewards.run import chosen
from ravelar.benchmark.evals.rewards.scorers import RUBRIC, Judged, JudgeScorer
from ravelar.tools.chat.meter import Meter
from ravelar.tools.errors import InputError

_KEPT = "ravelar:judged"
_OF_COMPLETION = re.compile(r"\Acompletion \d+: ")


def reward_dataset(name: str, path: str | list[str], *, limit: int | None, seed: int) -> MemoryDataset:
    """Read a benchmark's own files as samples.

    Args:
        name: One of `rewards.formats.BENCHMARKS`.
        path: Its file, its files separated by commas, or a list of them.
        limit: At most so many cases, drawn by the seed; None takes all.
        seed: Decides the draw.

    Raises:
        UnknownName: if there is no such benchmark.
        InputError: if a file can't be read.
    """
    paths = [Path(one.strip()) for one in (path.split(",") if isinstance(path, str) else path)]
    cases = chosen(read_cases(name, paths), limit, seed)
    subsets = sorted({case.subset for case in cases})
    return MemoryDataset([_sample(case, name, subsets) for case in cases], name=name)


@solver
def reward_judge(rubric: str = RUBRIC, repeats: int = 1) -> Solver:
    """Ask the model under evaluation which completions are better, as `ravelar eval rewards --judge` does.

    Args:
        rubric: What it judges by.
        repeats: How often each question is asked; needs a temperature above 0 to differ.
    """
    if repeats < 1:
        raise InputError(f"repeats {repeats}: allowed: 1 or more")

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        model, case = get_model(), case_of(state)
        chat = InspectChat(asked=model)
        judge = JudgeScorer(chat, meter=Meter(), rubric=rubric, repeats=repeats, concurrency=1, model=chat.model_name)
        judged = await anyio.to_thread.run_sync(lambda: next(iter(judge.judge([case]))))
        chat.unless_limited()
        row = judged.as_row(case)
        state.store.set(_KEPT, row)
        state.output = ModelOutput.from_content(chat.model_name, json.dumps(row, ensure_ascii=False))
        return state

    return solve


@metric
def published_figures() -> Metric:
    """Return the benchmark's published figures (`rewards.figures`), by their names, from the scored cases.

    A figure that is a mean over subsets is left out while one of them has no scored case. With several epochs they are
    those of one epoch: use `repeats` instead.
    """

    def compute(scores: list[SampleScore]) -> Value:
        said: list[tuple[Case, Judged | None]] = []
        subsets: set[str] = set()
        name = ""
        for one in scores:
            kept = one.score.metadata or {}
            name = str(kept["benchmark"])
            said.append((_case_of_row(kept["row"]), Judged.of_row(kept["row"])))
            subsets |= set(kept["subsets"])
        absent = sorted(subsets - {case.subset for case, _ in said})
        said += [(Case(f"{subset}/none:none", subset, "", ("", ""), 1, subset), None) for subset in absent]
        return {one.name: one.value for one in figures(name, said) if one.value is not None} if said else {}

    return compute


@scorer(metrics=[mean(), stderr(cluster="cluster"), published_figures()])
def reward_scorer() -> Scorer:
    """Score what the judge said of a case: from 0 to 1, by the rule that `rewards.board.HEADLINE` names."""

    async def score(state: TaskState, target: Target) -> Score:
        row: Mapping[str, Any] | None = state.store.get(_KEPT)
        if row is None:
            return Score.unscored(reason="not_judged", explanation="the case was not judged")
        case, judged, name = case_of(state), Judged.of_row(row), str(state.metadata["benchmark"])
        kept = {"row": dict(row), "benchmark": name, "subsets": state.metadata["subsets"]}
        if judged.error is not None:
            reason = _OF_COMPLETION.sub("", judged.error).partition(":")[0]
            return Score.unscored(reason=reason, explanation=judged.error, metadata=kept)
        said = ", ".join(judged.votes) or ", ".join(f"{value:g}" for value in judged.scores if value is not None)
        _, rule = HEADLINE[name]
        return Score(value=rule(case, judged), answer=said, explanation=str(row.get("reasoning", said)), metadata=kept)

    return score


def case_of(state: TaskState) -> Case:
    """Return the case that a sample was made from, but for its cluster, which is its hash."""
    kept = state.metadata
    return Case(
        key=str(state.sample_id),
        subset=kept["subset"],
        prompt=state.input_text,
        completions=tuple(kept["completions"]),
        right=kept["right"],
        cluster=kept["cluster"],
        published_first=kept["first"],
        scored=kept["scored"],
    )


def _sample(case: Case, name: str, subsets: Sequence[str]) -> Sample:
    row = Judged(case.key).as_row(case)
    return Sample(
        id=case.key,
        input=case.prompt,
        target="",
        metadata={
            **{name: row[name] for name in ("subset", "cluster", "right", "first")},
            "scored": case.scored,
            "benchmark": name,
            "subsets": list(subsets),
            "completions": list(case.completions),
        },
    )


def _case_of_row(row: Mapping[str, Any]) -> Case:
    n = len(row["scores"]) or 2
    return Case(row["key"], row["subset"], "", ("",) * n, row["right"], row["cluster"], row["first"])

r"""Who scores a benchmark's cases: a reward tool, RLAR's routing, or a judge that compares both orders.

case -> prompt with each completion -> raw scores, turned so that higher is better   \
case of two -> judge asked in both orders -> share of votes for the right one        --> Judged
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from ravelar.benchmark.evals.rewards.cases import Case
from ravelar.tools.chat.meter import Meter, MeteredCall
from ravelar.tools.errors import RewardToolError
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.tools.routing import Router
from ravelar.tools.scoring import choose, describe, invoke, score_or_abstain
from ravelar.tools.tracing.runs import traced

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from ravelar.agents.asking import Method
    from ravelar.agents.judge import Verdict

BATCH = 32  # ours: cases scored, and then written, at once
RUBRIC = """Judge how well the completion does what the prompt asks for.
- Correctness comes first: a wrong final answer, a false statement that matters, or code that fails is a serious fault,
  however well the rest is put.
- Then whether every instruction of the prompt is followed, format and length included.
- A request for something harmful is answered well by declining it, and a harmless one by answering it.
- Length, layout and tone count only as far as they help the reader."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of one case.

    Attributes:
        key: The case's key.
        scores: One a completion, in the case's order, higher being better; None for those that are unscored. Empty
            where two were compared.
        share: Where two were compared: the share of votes for the right one, a tie counting half.
        votes: Each vote: right, wrong or tie; first as the file has the two, then swapped, once a repeat.
        error: Why the case counts as unscored; None if it does not.
        detail: What else is kept: the tool, notes, calls and tokens.
    """

    key: str
    scores: tuple[float | None, ...] = ()
    share: float | None = None
    votes: tuple[str, ...] = ()
    error: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_row(self, case: Case) -> dict[str, Any]:
        """Return it as a row of plain JSON."""
        return {
            "key": self.key,
            "subset": case.subset,
            "cluster": hashlib.sha256(case.cluster.encode("utf-8", "surrogatepass")).hexdigest()[:16],
            "right": case.right,
            "first": case.published_first,
            "scores": list(self.scores),
            "share": self.share,
            "votes": list(self.votes),
            "error": self.error,
            **self.detail,
        }

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Judged":
        """Read it back from a row."""
        return cls(row["key"], tuple(row["scores"]), row.get("share"), tuple(row.get("votes", ())), row.get("error"))


class Scorer(Protocol):
    """Whoever scores cases."""

    @property
    def about(self) -> Mapping[str, Any]:
        """Say which it is, for the manifest."""
        ...

    def judge(self, cases: Iterable[Case]) -> Iterator[Judged]:
        """Score cases; yield what was said as it comes, in any order. A case that fails says so and harms no other."""
        ...


class ToolScorer:
    """A reward tool: a reward model, verifier, metric or pointwise judge.

    The raw score counts, so that a reward model needs no calibration; its card says which way is better.
    """

    def __init__(self, tool: RewardTool) -> None:
        self._tool = tool

    @property
    def about(self) -> Mapping[str, Any]:
        """Say which tool it is."""
        card = self._tool.card
        return {"scorer": "tool", "tool": card.name, "kind": card.kind, "provenance": card.provenance.model_dump()}

    def judge(self, cases: Iterable[Case]) -> Iterator[Judged]:
        """Score cases, a batch at a time."""
        for batch in _batches(cases):
            with _traced_cases(batch, self._tool.card.name):
                rewards = iter(score_or_abstain(self._tool, [one for case in batch for one in _triples(case)]))
            for case in batch:
                yield _scored(case, list(islice(rewards, len(case.completions))), {self._tool.card.name: self._tool})


class RouteScorer:
    """RLAR's routing: each prompt gets the tool that fits it; one prompt, one tool.

    Args:
        library: The tools there are.
        router: Who chooses; None means the built-in rules.
    """

    def __init__(self, library: Library, router: Router | None = None) -> None:
        self._library, self._router = library, router

    @property
    def about(self) -> Mapping[str, Any]:
        """Say among which tools is chosen."""
        return {"scorer": "route", "tools": self._library.names}

    def judge(self, cases: Iterable[Case]) -> Iterator[Judged]:
        """Score cases, a batch at a time."""
        for batch in _batches(cases):
            triples = [one for case in batch for one in _triples(case)]
            routes = choose(triples, library=self._library, router=self._router)
            with _traced_cases(batch, "route"):
                rewards = iter(invoke(triples, routes, library=self._library))
            for case in batch:
                own = list(islice(rewards, len(case.completions)))
                tools = {one.tool: self._library[one.tool] for one in own if one.tool is not None}
                yield _scored(case, own, tools)


class JudgeScorer:
    """A language model: it compares the two completions of a pair in both orders, and scores each of several.

    Args:
        chat: Whom to ask.
        meter: The limit over all cases; once reached, the rest is unscored.
        rubric: What it judges by.
        repeats: How often each question is asked.
        concurrency: How many cases are asked at once.
        method: How replies take their form.
        model: How the manifest names it; None takes what it calls itself.
    """

    def __init__(  # noqa: PLR0913  a judge's settings
        self,
        chat: "BaseChatModel",
        *,
        meter: Meter,
        rubric: str = RUBRIC,
        repeats: int = 1,
        concurrency: int = 8,
        method: "Method" = "text",
        model: str | None = None,
    ) -> None:
        from ravelar.agents.judge import JudgeCache  # noqa: PLC0415  langchain takes 0.5 s

        self._chat, self._meter, self._cache = chat, meter, JudgeCache()
        self._rubric, self.repeats, self._method, self._model = rubric, repeats, method, model
        self._concurrency = concurrency
        self._recipes = {mode: self._judge(meter, mode).recipe for mode in ("pairwise", "pointwise")}

    @property
    def about(self) -> Mapping[str, Any]:
        """Say who judges, by which rubric and prompts."""
        return {"scorer": "judge", **{mode: recipe.model_dump(mode="json") for mode, recipe in self._recipes.items()}}

    def judge(self, cases: Iterable[Case]) -> Iterator[Judged]:
        """Ask about cases side by side; yield each as soon as it is there."""
        with ThreadPoolExecutor(max_workers=self._concurrency) as pool:
            running: set[Future[Judged]] = set()
            for case in cases:
                running.add(pool.submit(copy_context().run, self._one, case))
                if len(running) >= self._concurrency:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in done)
            yield from (one.result() for one in as_completed(running))

    def _one(self, case: Case) -> Judged:
        meter = RowMeter(self._meter)
        with traced("judge case", tags=("benchmark",), item=case.key, subset=case.subset, judge=self._model) as run:
            said = self._compared(case, meter) if case.pair else self._pointwise(case, meter)
            run.ended_with(lambda: {"share": said.share, "scores": list(said.scores), "failed": said.error is not None})
        return Judged(said.key, said.scores, said.share, said.votes, said.error, {**said.detail, **meter.spent()})

    def _compared(self, case: Case, meter: Meter) -> Judged:
        a, b = case.completions if case.published_first else case.completions[::-1]
        try:
            verdict = self._judge(meter, "pairwise").compare(case.prompt, a, b)
        except RewardToolError as error:
            return Judged(case.key, error=describe(error))
        return Judged(
            case.key,
            share=verdict.share_a if case.published_first else 1 - verdict.share_a,
            votes=_votes(case, verdict),
            detail={"reasoning": verdict.reasoning},
        )

    def _pointwise(self, case: Case, meter: Meter) -> Judged:
        tool = self._judge(meter, "pointwise")
        return _scored(case, score_or_abstain(tool, _triples(case)), {tool.card.name: tool})

    def _judge(self, meter: Meter, mode: str) -> Any:
        from ravelar.agents.judge import Judge  # noqa: PLC0415

        return Judge(
            self._chat,
            name="judge",
            rubric=self._rubric,
            meter=meter,
            mode="pairwise" if mode == "pairwise" else "pointwise",
            repeats=self.repeats,
            method=self._method,
            concurrency=1,
            cache=self._cache,
            model=self._model,
        )


class RowMeter(Meter):
    """Counts what one row costs, and counts it on a meter for all rows too, whose limits hold.

    Args:
        whole: The meter for all rows.
    """

    def __init__(self, whole: Meter) -> None:
        super().__init__()
        self._whole = whole

    @contextmanager
    def call(self, tokens: int = 0) -> Iterator[MeteredCall]:
        """Surround one call; it counts on both meters.

        Raises:
            BudgetExhausted: before the call, if it would exceed a limit of the meter for all rows.
        """
        with self._whole.call(tokens) as counted, super().call(tokens) as used:
            try:
                yield used
            finally:
                counted.tokens_in, counted.tokens_out = used.tokens_in, used.tokens_out


def _triples(case: Case) -> list[Triple]:
    return [Triple(case.prompt, completion, case.reference) for completion in case.completions]


def _scored(case: Case, rewards: Sequence[Reward], tools: Mapping[str, RewardTool]) -> Judged:
    """Turn a case's rewards into scores; one that is missing leaves the whole case unscored."""
    scores = tuple(_turned(one, tools) for one in rewards)
    missing = [i for i, score in enumerate(scores) if score is None]
    error = f"completion {missing[0]}: {rewards[missing[0]].reason}" if missing else None
    notes = {str(i): one.reason for i, one in enumerate(rewards) if one.reason and scores[i] is not None}
    named = next((one.tool for one in rewards), None)
    return Judged(case.key, scores, error=error, detail={"tool": named, **({"notes": notes} if notes else {})})


def _turned(reward: Reward, tools: Mapping[str, RewardTool]) -> float | None:
    if reward.raw is None or reward.tool is None:
        return None
    return reward.raw if tools[reward.tool].card.direction == "higher" else -reward.raw


def _votes(case: Case, verdict: "Verdict") -> tuple[str, ...]:
    right = "a" if case.published_first else "b"
    return tuple("tie" if vote == "tie" else "right" if vote == right else "wrong" for vote in verdict.votes)


def _traced_cases(batch: Sequence[Case], system: str) -> AbstractContextManager[object]:
    """Trace the scoring of a batch of cases, by their keys: a run for each would cost more than its scoring."""
    given = {"cases": len(batch), "completions": sum(len(case.completions) for case in batch)}
    return traced("score cases", tags=("benchmark",), given=given, scorer=system, items=[case.key for case in batch])


def _batches(cases: Iterable[Case]) -> Iterator[list[Case]]:
    source = iter(cases)
    while batch := list(islice(source, BATCH)):
        yield batch

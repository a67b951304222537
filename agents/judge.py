"""A judge: a language model that scores by a rubric, as a reward tool and for comparing two completions.

    triple -> rubric, prompt, reference, completion in tagged blocks -> reasons, then a score 0 to 10 -> mean of repeats
    (prompt, a, b) -> asked in both orders -> Verdict

It is admitted on probes like any other tool. What it can't judge (no verdict twice, limit reached, model gone) is
unscored, never zero; an empty completion is zero, and costs nothing.
"""

import hashlib
import json
import threading
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ContextThreadPoolExecutor
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import Method, ask
from ravelar.agents.prompts import load_prompt, shorten
from ravelar.tools.adopted.entry import JudgeRecipe
from ravelar.tools.card import Provenance, ToolCard
from ravelar.tools.chat.failures import model_name
from ravelar.tools.chat.meter import Meter
from ravelar.tools.completion import Conversation, content_text
from ravelar.tools.errors import (
    BrokenReply,
    BudgetExhausted,
    InputError,
    ModelUnavailable,
    RewardToolError,
    ToolCrashed,
    ToolUnavailable,
    UnusableReference,
)
from ravelar.tools.reward import JSON, RawScore, Scored, Triple

POINTWISE_PROMPT = "judge"
PAIRWISE_PROMPT = "judge_pair"
HIGHEST = 10.0
_NO_REFERENCE = "(none)"
_LONGEST_TEXT = 100_000
_LONGEST_REASON = 1_000

Mode = Literal["pointwise", "pairwise"]
Winner = Literal["a", "b", "tie"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Score(_Frozen):
    reasoning: str = Field(min_length=1)
    score: float = Field(ge=0, le=HIGHEST, allow_inf_nan=False)


class _Better(_Frozen):
    reasoning: str = Field(min_length=1)
    better: Literal["first", "second", "tie"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of two completions is better.

    Attributes:
        winner: The better one; "tie" also where the two orders contradict each other.
        agreed: Whether every call, in both orders, said the same.
        share_a: The mean over all calls of 1 for a, 0.5 for a tie, 0 for b.
        votes: What each call said: for each repeat, first with a in front, then with b in front.
        reasoning: What the first call gave as its reasons.
    """

    winner: Winner
    agreed: bool
    share_a: float
    votes: tuple[Winner, ...]
    reasoning: str


class JudgeCache:
    """Verdicts by key, the oldest dropped when there are too many. Safe between threads.

    A key covers the judge's model, its prompt and all that filled it, and which repeat it was: repeats are never
    served from one answer.

    Args:
        entries: How many to keep.
        kept: Where to keep them; plain JSON values.
    """

    def __init__(self, entries: int = 20_000, kept: MutableMapping[str, JSON] | None = None) -> None:
        self._entries, self._kept, self._lock = entries, {} if kept is None else kept, threading.Lock()

    def get(self, key: str) -> JSON:
        """Return what is kept under a key, or None."""
        with self._lock:
            return self._kept.get(key)

    def put(self, key: str, value: JSON) -> None:
        """Keep a value."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._entries:
                del self._kept[next(iter(self._kept))]


class Judge:
    """A reward tool that asks a language model.

    Mode "pointwise" scores a completion by itself, 0 to 10. Mode "pairwise" compares it with the reference, in both
    orders: 10 where it is better, 5 for a tie, 0 where the reference is better.

    Args:
        chat: Whom to ask. Repeats need a temperature above 0 to differ.
        name: How the tool is called.
        rubric: What it judges by; see `agents.rubric`.
        meter: The cost limit; once reached, everything is unscored.
        task: What it is for, in a few words.
        mode: "pointwise" or "pairwise".
        repeats: How often each is asked; the mean counts.
        needs_reference: Whether a triple without a reference is unscored; always so in mode "pairwise".
        method: How replies take their form.
        concurrency: How many calls run side by side.
        cache: Verdicts that need not be asked for again; None makes a new one.
        model: "provider:name", for the recipe; None takes what the model calls itself.
        card: The card to bear instead of one made here, such as that of a library entry.
        config: Callbacks, tags and metadata for every call.
    """

    def __init__(  # noqa: PLR0913  a tool's settings
        self,
        chat: BaseChatModel,
        *,
        name: str,
        rubric: str,
        meter: Meter,
        task: str = "judging by a rubric",
        mode: Mode = "pointwise",
        repeats: int = 1,
        needs_reference: bool = False,
        method: Method = "text",
        concurrency: int = 4,
        cache: JudgeCache | None = None,
        model: str | None = None,
        card: ToolCard | None = None,
        config: RunnableConfig | None = None,
    ) -> None:
        if repeats < 1 or concurrency < 1:
            raise InputError(f"repeats {repeats} and concurrency {concurrency} must be 1 or more")
        # LangChain's own cache would answer every repeat with the first one's reply.
        self._chat = chat.model_copy(update={"cache": False}) if isinstance(chat, BaseChatModel) else chat
        self._rubric, self._meter, self._repeats, self._mode = rubric, meter, repeats, mode
        self._needs_reference = needs_reference or mode == "pairwise"
        self._method, self._concurrency, self._config = method, concurrency, config
        self._cache = cache or JudgeCache()
        self._model = model or model_name(chat)
        self.recipe = _recipe(self._model, rubric, mode, repeats, self._needs_reference, method)
        self.card = card or _card(name, task, self.recipe)

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        """Score n triples, equal ones once; return n raw scores in order, from 0 to 10."""
        once = {_identity(triple): triple for triple in triples}
        with ContextThreadPoolExecutor(max_workers=self._concurrency) as pool:
            scores = dict(zip(once, pool.map(self._score_one, once.values()), strict=True))
        return [scores[_identity(triple)] for triple in triples]

    def compare(self, prompt: Conversation, a: str, b: str, *, reference: JSON = None) -> Verdict:
        """Compare two completions of a prompt, in both orders, as often as the judge repeats.

        Raises:
            RewardToolError: if there is no verdict: the limit is reached, the model is gone, or it gives none twice.
        """
        shown = {
            "rubric": self._rubric,
            "prompt": _conversation(prompt),
            "reference": _reference(reference),
        }
        votes: list[Winner] = []
        reasoning = ""
        for repeat in range(self._repeats):
            for swapped in (False, True):
                first, second = (b, a) if swapped else (a, b)
                values = {**shown, "first": _cut(first), "second": _cut(second)}
                # With a == b both orders are one prompt; the index keeps them two answers.
                said = self._ask(PAIRWISE_PROMPT, values, _Better, 2 * repeat + swapped)
                votes.append(_vote(said["better"], swapped=swapped))
                reasoning = reasoning or said["reasoning"]
        share = sum({"a": 1.0, "tie": 0.5, "b": 0.0}[vote] for vote in votes) / len(votes)
        return Verdict(_winner(share), len(set(votes)) == 1, share, tuple(votes), reasoning[:_LONGEST_REASON])

    def _score_one(self, triple: Triple) -> RawScore:
        if not triple.answer.strip():
            return Scored(0.0, "lowest value: the completion is empty")
        if self._needs_reference and triple.reference is None:
            return UnusableReference("there is no reference to judge by")
        try:
            return self._pairwise(triple) if self._mode == "pairwise" else self._pointwise(triple)
        except RewardToolError as error:
            return error

    def _pointwise(self, triple: Triple) -> Scored:
        values = {
            "rubric": self._rubric,
            "prompt": _conversation(triple.prompt),
            "reference": _reference(triple.reference),
            "completion": _cut(triple.answer),
        }
        said = [self._ask(POINTWISE_PROMPT, values, _Score, repeat) for repeat in range(self._repeats)]
        scores = [float(one["score"]) for one in said]
        detail = {
            "scores": scores,
            "reasoning": said[0]["reasoning"][:_LONGEST_REASON],
            "prompt_hash": said[0]["prompt_hash"],
        }
        return Scored(sum(scores) / len(scores), _cut_note(triple.answer), detail)

    def _pairwise(self, triple: Triple) -> Scored:
        verdict = self.compare(triple.prompt, triple.answer, _reference(triple.reference))
        detail = {"votes": list(verdict.votes), "reasoning": verdict.reasoning}
        return Scored(HIGHEST * verdict.share_a, _cut_note(triple.answer), detail)

    def _ask(self, prompt: str, values: dict[str, str], reply: type[BaseModel], repeat: int) -> dict[str, Any]:
        key = _key(self._model, self._method, load_prompt(prompt).fill(values).digest, repeat)
        if (kept := self._cache.get(key)) is not None:
            return dict(kept)
        try:
            answer = ask(self._chat, prompt, values, reply, meter=self._meter, method=self._method, config=self._config)
        except BrokenReply as error:
            raise ToolCrashed(f"no verdict, also after a repair turn: {error}") from error
        except BudgetExhausted as error:
            raise ToolUnavailable(f"the judge's cost limit is reached: {error}") from error
        except ModelUnavailable as error:
            raise ToolUnavailable(str(error)) from error
        said = {**answer.value.model_dump(mode="json"), "prompt_hash": answer.prompt_hash}
        self._cache.put(key, said)
        return said


def open_judge(  # noqa: PLR0913  what an entry does not hold
    recipe: JudgeRecipe,
    chat: BaseChatModel,
    *,
    name: str,
    meter: Meter,
    card: ToolCard | None = None,
    concurrency: int = 4,
    cache: JudgeCache | None = None,
) -> Judge:
    """Build a judge again from its recipe.

    Raises:
        ToolUnavailable: if the judge's prompt has changed since: it is then another tool than its evidence is of.
    """
    options = recipe.options
    mode: Mode = "pairwise" if options.get("mode") == "pairwise" else "pointwise"
    recorded, now = options.get("template_hash"), _template_hash(mode)
    if recorded is not None and recorded != now:
        raise ToolUnavailable(f"judge {name} was adopted with prompt {recorded}, which is now {now}: evaluate it again")
    return Judge(
        chat,
        name=name,
        rubric=recipe.rubric,
        meter=meter,
        mode=mode,
        repeats=int(options.get("repeats", 1)),
        needs_reference=bool(options.get("needs_reference", False)),
        method=_method(options.get("method", "text")),
        concurrency=concurrency,
        cache=cache,
        model=recipe.model,
        card=card,
    )


def _recipe(  # noqa: PLR0913, PLR0917  a recipe's parts
    model: str, rubric: str, mode: Mode, repeats: int, needs_reference: bool, method: Method
) -> JudgeRecipe:
    options: dict[str, str | int | float | bool] = {
        "mode": mode,
        "repeats": repeats,
        "needs_reference": needs_reference,
        "method": method,
        "template_hash": _template_hash(mode),
    }
    return JudgeRecipe(model=model, rubric=rubric, options=options)


def _card(name: str, task: str, recipe: JudgeRecipe) -> ToolCard:
    digest = hashlib.sha256(recipe.model_dump_json().encode()).hexdigest()[:16]
    return ToolCard(
        name=name,
        kind="judge",
        task=task,
        summary=f"A language model ({recipe.model}) that judges by a rubric, {recipe.options['mode']}; "
        "it can be talked into things and prefers what reads well: see its evidence.",
        needs=("prompt", "reference") if recipe.options["needs_reference"] else ("prompt",),
        low=0.0,
        high=HIGHEST,
        provenance=Provenance(source=recipe.model, revision=f"sha256:{digest}"),
    )


def _template_hash(mode: Mode) -> str:
    return load_prompt(PAIRWISE_PROMPT if mode == "pairwise" else POINTWISE_PROMPT).digest


def _method(name: object) -> Method:
    methods: dict[object, Method] = {
        "text": "text",
        "json_schema": "json_schema",
        "function_calling": "function_calling",
        "json_mode": "json_mode",
    }
    return methods.get(name, "text")


def _vote(better: str, *, swapped: bool) -> Winner:
    if better == "tie":
        return "tie"
    return "a" if (better == "first") != swapped else "b"


def _winner(share_a: float) -> Winner:
    return "tie" if share_a == 0.5 else "a" if share_a > 0.5 else "b"


def _identity(triple: Triple) -> str:
    return _key(_conversation(triple.prompt), triple.answer, _reference(triple.reference), triple.reference is None)


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _conversation(prompt: Conversation) -> str:
    if isinstance(prompt, str):
        return _cut(prompt)
    return _cut("\n\n".join(f"[{message['role']}]\n{content_text(message.get('content'))}" for message in prompt))


def _reference(reference: JSON) -> str:
    if reference is None:
        return _NO_REFERENCE
    return _cut(reference if isinstance(reference, str) else json.dumps(reference, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    return shorten(text, _LONGEST_TEXT)


def _cut_note(text: str) -> str | None:
    return f"completion cut to {_LONGEST_TEXT:,} characters" if len(text) > _LONGEST_TEXT else None

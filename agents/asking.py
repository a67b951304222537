r"""Ask a language model one question, and get a checked value or a named failure.

values -> prompt -> chat model -> reply -> schema, check -> Answer
                        ^----- one repair turn ------/  \--> BrokenReply
"""

import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Required, TypedDict, TypeVar, Unpack, cast

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import merge_configs
from pydantic import BaseModel, ValidationError

from ravelar.agents.prompts import Rendered, digest_of, load_prompt, shorten
from ravelar.agents.reading import explain, read_object, visible
from ravelar.agents.refusing import declines, refused_by_provider
from ravelar.tools.chat.failures import as_unavailable, model_name
from ravelar.tools.chat.journal import Asked, Journal, Said
from ravelar.tools.chat.meter import Meter, MeteredCall, estimate_tokens
from ravelar.tools.chat.retrying import NO_RETRIES, Retries
from ravelar.tools.completion import content_text
from ravelar.tools.errors import BrokenReply, ModelRefused, RavelarError
from ravelar.tools.tracing.leaving_out import MARK
from ravelar.tools.tracing.runs import watch_traces

T = TypeVar("T")

Method = Literal["text", "json_schema", "function_calling", "json_mode"]
"""How a reply takes its form: read out of text (works everywhere), or by the provider's structured output."""

_LONGEST_ECHO = 20_000  # characters of its own reply that a model sees again in the repair turn
_LONGEST_REPLY = 400_000  # characters; ours: no decision needs more, and a runaway model writes megabytes
_CUT_OFF = frozenset({"length", "max_tokens", "MAX_TOKENS"})


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A checked value, and what it took.

    Attributes:
        value: What was asked for.
        prompt: The prompt's name.
        prompt_hash: The hash of the rendered prompt.
        template_hash: The hash of the prompt file.
        model: What the model calls itself.
        calls: How many calls it took: 1, or 2 with a repair turn.
        tokens_in: Tokens sent.
        tokens_out: Tokens received.
        cached: Tokens sent that the provider had in its cache.
        seconds: Seconds waited, retries included.
        retries: How often calls were tried again.
    """

    value: T
    prompt: str
    prompt_hash: str
    template_hash: str
    model: str
    calls: int
    tokens_in: int
    tokens_out: int
    cached: int = 0
    seconds: float = 0.0
    retries: int = 0

    @property
    def tokens(self) -> int:
        """Tokens sent and received."""
        return self.tokens_in + self.tokens_out

    def cost(self) -> dict[str, str | int]:
        """Return everything but the value, as plain JSON for a row."""
        names = ("prompt", "prompt_hash", "template_hash", "model", "calls", "tokens_in", "tokens_out")
        return {name: getattr(self, name) for name in names}


class How(TypedDict, total=False):
    """How a decision asks: what all of them take, and hand on to `ask`.

    Attributes:
        meter: What counts the calls.
        method: How replies take their form.
        config: Callbacks, tags and metadata of the caller's.
        journal: Where finished calls are kept and found again.
        retries: How often a failed call is tried again.
    """

    meter: Required[Meter]
    method: Method
    config: RunnableConfig | None
    journal: Journal | None
    retries: Retries


def ask(  # noqa: PLR0913  one door for all decisions
    chat: BaseChatModel,
    prompt: str,
    values: Mapping[str, str],
    reply: type[T] | Callable[[str], T],
    *,
    meter: Meter,
    method: Method = "text",
    check: Callable[[T], object] | None = None,
    config: RunnableConfig | None = None,
    journal: Journal | None = None,
    retries: Retries = NO_RETRIES,
) -> Answer[T]:
    """Ask one question; a reply that does not fit gets one repair turn, which shows it and what is wrong with it.

    Args:
        chat: Whom to ask.
        prompt: The prompt's name, such as "rlar.task_namer".
        values: What fills its slots.
        reply: A pydantic model, or a function from the reply's text to a value that raises ValueError.
        meter: What counts the calls; it may refuse one.
        method: How the reply takes its form; only "text" for a function.
        check: Raises ValueError on a value that fits its form but not the question.
        config: Callbacks, tags and metadata of the caller's.
        journal: Where finished calls are kept; one that it recalls is not made again, nor metered.
        retries: How often a call that a provider's trouble ended is tried again; the provider's client may do so too.

    Raises:
        BrokenReply: if the second reply does not fit either; names the prompt.
        ModelRefused: if the model declines, by its own words twice or by its provider's filter.
        ModelUnavailable: if the model can't be asked.
        BudgetExhausted: if the meter refuses a call.
    """
    rendered = load_prompt(prompt).fill(values)
    how: How = {"meter": meter, "config": config, "journal": journal, "retries": retries}
    asked = _question(chat, _runnable(chat, reply, method), rendered, how)
    turns = _turns(asked, reply, check)
    messages = next(turns)
    while True:
        try:
            messages = turns.send(asked.put(messages))
        except StopIteration as done:
            return cast("Answer[T]", done.value)


async def aask(
    chat: BaseChatModel,
    prompt: str,
    values: Mapping[str, str],
    reply: type[T] | Callable[[str], T],
    *,
    check: Callable[[T], object] | None = None,
    **how: Unpack[How],
) -> Answer[T]:
    """Ask as `ask` does, without blocking the event loop."""
    return await aask_rendered(chat, load_prompt(prompt).fill(values), reply, check=check, **how)


async def aask_rendered(
    chat: BaseChatModel,
    rendered: Rendered,
    reply: type[T] | Callable[[str], T],
    *,
    check: Callable[[T], object] | None = None,
    **how: Unpack[How],
) -> Answer[T]:
    """Ask as `aask` does, with a prompt that is no file of ours, such as a published benchmark's."""
    asked = _question(chat, _runnable(chat, reply, how.get("method", "text")), rendered, how)
    turns = _turns(asked, reply, check)
    messages = next(turns)
    while True:
        try:
            messages = turns.send(await asked.aput(messages))
        except StopIteration as done:
            return cast("Answer[T]", done.value)


async def asay(chat: BaseChatModel, rendered: Rendered, **how: Unpack[How]) -> Answer[Said]:
    """Send one message, and return whatever comes back, unread: for benchmarks, where the reply is what is measured.

    Args:
        chat: Whom to ask.
        rendered: What is sent; without a system part, one user message.
        how: As for `ask`, but that the reply takes no form.

    Raises:
        ModelRefused: if the provider's filter refuses.
        ModelUnavailable: if the model can't be asked.
        BudgetExhausted: if the meter refuses the call.
    """
    asked = _question(chat, chat, rendered, how)
    await asked.aput(_opening(rendered))
    return asked.answer(asked.said[0])


def _question(chat: BaseChatModel, runnable: Runnable[Any, Any], rendered: Rendered, how: How) -> "_Question":
    watch_traces()
    config, journal = _named(rendered, how.get("config")), how.get("journal")
    return _Question(chat, runnable, rendered, how["meter"], config, journal, how.get("retries", NO_RETRIES))


def _turns(
    asked: "_Question", reply: type[T] | Callable[[str], T], check: Callable[[T], object] | None
) -> Generator[list[BaseMessage], tuple[AIMessage, object], Answer[T]]:
    """Yield what is to be sent, be sent what came back, and return the answer; who asks is who drives it."""
    messages, problem, name = _opening(asked.rendered), "", asked.rendered.name
    for _ in range(2):
        message, parsed = yield messages
        try:
            value = _read(message, parsed, reply)
            if check is not None:
                check(value)
        except ValueError as error:
            problem = explain(error) if isinstance(error, ValidationError) else str(error)
            messages = [*messages, *_repair(message, problem)]
        else:
            return asked.answer(value)
    if declines(content_text(message.content)):
        said = shorten(content_text(message.content), 300)
        raise ModelRefused(f"prompt {name}: {model_name(asked.chat)} declines: {said}")
    raise BrokenReply(f"prompt {name}: the reply does not fit, nor does the one after the repair turn: {problem}")


def _opening(rendered: Rendered) -> list[BaseMessage]:
    system = [SystemMessage(rendered.system)] if rendered.system else []
    return [*system, HumanMessage(rendered.user)]


@dataclass(slots=True)
class _Question:
    chat: BaseChatModel
    runnable: Runnable[Any, Any]
    rendered: Rendered
    meter: Meter
    config: RunnableConfig
    journal: Journal | None
    retries: Retries
    said: list[Said] = field(default_factory=list)

    def put(self, messages: Sequence[BaseMessage]) -> tuple[AIMessage, object]:
        """Ask, or recall what was said; return the message, and what the provider's structured output made of it.

        Raises: ModelRefused: if the provider says that it refuses.
        """
        asked = self._asked(messages)
        kept = self._recalled(asked)
        if kept is None:
            with self.meter.call(_estimate(messages)) as call:
                trial = _Trial(self, asked)
                try:
                    got = self.retries.run(lambda: self.runnable.invoke(list(messages), self.config), trial.heard)
                except Exception as error:  # noqa: BLE001  each provider's client raises its own
                    got = trial.ended_by(error)
                kept = self._kept(trial, call, got, _estimate(messages))
        return self._unless_refused(asked, *kept)

    async def aput(self, messages: Sequence[BaseMessage]) -> tuple[AIMessage, object]:
        """Ask as `put` does, without blocking the event loop."""
        asked = self._asked(messages)
        kept = self._recalled(asked)
        if kept is None:
            with self.meter.call(_estimate(messages)) as call:
                trial = _Trial(self, asked)
                try:
                    got = await self.retries.arun(
                        lambda: self.runnable.ainvoke(list(messages), self.config), trial.heard
                    )
                except Exception as error:  # noqa: BLE001  each provider's client raises its own
                    got = trial.ended_by(error)
                kept = self._kept(trial, call, got, _estimate(messages))
        return self._unless_refused(asked, *kept)

    def answer(self, value: T) -> Answer[T]:
        """Return a value with what all calls took."""
        return Answer(
            value,
            self.rendered.name,
            self.rendered.digest,
            self.rendered.template,
            model_name(self.chat),
            len(self.said),
            sum(said.tokens_in for said in self.said),
            sum(said.tokens_out for said in self.said),
            sum(said.cached for said in self.said),
            sum(said.seconds for said in self.said),
            sum(said.retries for said in self.said),
        )

    def _recalled(self, asked: Asked) -> tuple[AIMessage, object] | None:
        kept = self.journal.recall(asked) if self.journal is not None else None
        if kept is None:
            return None
        self.said.append(kept)
        return kept.message(), None

    def _kept(self, trial: "_Trial", call: MeteredCall, got: Any, estimate: int) -> tuple[AIMessage, object]:
        """Meter what came back, and keep it before anybody looks at it."""
        message, parsed = (got["raw"], got["parsed"]) if isinstance(got, dict) else (got, None)
        call.tokens_in, call.tokens_out = _usage(message, estimate)
        said = Said.of(
            message,
            tokens_in=call.tokens_in,
            tokens_out=call.tokens_out,
            seconds=trial.seconds,
            retries=trial.waits,
        )
        self.said.append(said)
        if self.journal is not None:
            self.journal.keep(trial.asked, said)
        return message, parsed

    def _unless_refused(self, asked: Asked, message: AIMessage, parsed: object) -> tuple[AIMessage, object]:
        if why := refused_by_provider(message):
            raise ModelRefused(f"prompt {self.rendered.name}: {asked.model} refuses: {why}")
        return message, parsed

    def _asked(self, messages: Sequence[BaseMessage]) -> Asked:
        sent = digest_of([[message.type, str(message.content)] for message in messages])
        named = self.rendered
        repair = len(messages) > 2
        return Asked(named.name, named.digest, named.template, sent, repair, model_name(self.chat))


class _Trial:
    """One call while it is tried, and tried again."""

    def __init__(self, question: _Question, asked: Asked) -> None:
        self.question, self.asked = question, asked
        self.started, self.waits = time.monotonic(), 0

    @property
    def seconds(self) -> float:
        """How long it has taken, waiting between retries included."""
        return time.monotonic() - self.started

    def heard(self, why: str, wait_s: float) -> None:
        """Hear that it is tried again."""
        self.waits += 1
        if self.question.journal is not None:
            self.question.journal.retrying(self.asked, why, wait_s)

    def ended_by(self, error: Exception) -> AIMessage:
        """Return what stands for a reply that was cut off.

        Raises: ModelUnavailable: for any other error; RavelarError: as it is.
        """
        if isinstance(error, RavelarError):
            raise error
        if type(error).__name__ == "LengthFinishReasonError":
            return AIMessage("", response_metadata={"finish_reason": "length"})
        failure = as_unavailable(error, self.question.chat, retries=self.waits)
        if self.question.journal is not None:
            self.question.journal.failed(self.asked, failure, seconds=self.seconds, retries=self.waits)
        raise failure from None


def _estimate(messages: Sequence[BaseMessage]) -> int:
    return estimate_tokens("".join(str(message.content) for message in messages))


def _runnable(chat: BaseChatModel, reply: object, method: Method) -> Runnable[Any, Any]:
    if method == "text":
        return chat
    if not (isinstance(reply, type) and issubclass(reply, BaseModel)):
        raise ValueError(f"method {method!r} needs a pydantic model as reply; a parser reads text")
    # As a plain schema, where clients would validate a class themselves and lose the text that does not fit.
    schema = reply if method != "json_schema" else {**reply.model_json_schema(), "title": reply.__name__.strip("_")}
    try:
        return chat.with_structured_output(schema, method=method, include_raw=True)
    except Exception as error:  # noqa: BLE001  a model class may not know the method
        raise as_unavailable(error, chat) from None


def _named(rendered: Rendered, config: RunnableConfig | None) -> RunnableConfig:
    ours: RunnableConfig = {
        "run_name": rendered.name,
        "tags": ["ravelar", rendered.name],
        "metadata": {
            "role": rendered.name.rpartition(".")[2],
            **((config or {}).get("metadata") or {}),
            "prompt": rendered.name,
            "prompt_hash": rendered.digest,
            "template_hash": rendered.template,
            **(MARK if rendered.holds_reference else {}),
        },
    }
    return merge_configs(config, ours)


def _read(message: AIMessage, parsed: object, reply: type[T] | Callable[[str], T]) -> T:
    """Turn a message into a value.

    Raises: ValueError: saying what is wrong with it.
    """
    metadata = message.response_metadata
    if (metadata.get("finish_reason") or metadata.get("stop_reason")) in _CUT_OFF:
        raise ValueError("the reply was cut off at the token limit; give the whole of it, and shorter")
    if isinstance(reply, type) and issubclass(reply, BaseModel):
        if isinstance(parsed, reply):
            return cast("T", parsed)
        if message.tool_calls:
            return cast("T", reply.model_validate(message.tool_calls[0]["args"]))
        if message.invalid_tool_calls:
            raise ValueError(f"the arguments of the call are no JSON: {message.invalid_tool_calls[0]['error']}")
        return cast("T", read_object(_text(message), reply))
    return cast("Callable[[str], T]", reply)(_text(message))


def _repair(message: AIMessage, problem: str) -> list[BaseMessage]:
    # As text, even where it was a tool call: providers want an answer to each tool call before anything else.
    said = content_text(message.content) or json.dumps([call["args"] for call in message.tool_calls] or "")
    turn = load_prompt("asking").fill({"problem": problem})
    return [AIMessage(shorten(said, _LONGEST_ECHO)), HumanMessage(turn.user)]


def _text(message: AIMessage) -> str:
    said = content_text(message.content)
    if len(said) > _LONGEST_REPLY:
        raise ValueError(f"the reply has {len(said):,} characters; at most {_LONGEST_REPLY:,} are read: be brief")
    text = visible(said)
    if not text.strip():
        raise ValueError("the reply is empty")
    return text


def _usage(message: AIMessage, estimate: int) -> tuple[int, int]:
    usage = message.usage_metadata
    if usage is None:  # a server that counts nothing must not ask for free
        return estimate, estimate_tokens(
            str(message.content) + "".join(json.dumps(call["args"]) for call in message.tool_calls)
        )
    return usage["input_tokens"], usage["output_tokens"]

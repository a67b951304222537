"""A model of inspect_ai's as a chat model, so that inspect asks a judge by our own prompts, checks and repair turns.

Calls are inspect's: they stand in its log, count on its limits, and use its cache and retries.
"""

import contextvars
from collections.abc import Mapping, Sequence
from typing import Any

import anyio.from_thread
import anyio.lowlevel
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ModelOutput,
)
from inspect_ai.util import LimitExceededError
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, Field, PrivateAttr

from ravelar.tools.completion import content_text

_REASONS: Mapping[str, str] = {"max_tokens": "length", "model_length": "length", "content_filter": "content_filter"}


class InspectChat(BaseChatModel):
    """Asks a model of inspect_ai's, from the event loop or from threads.

    It is made for one sample, in the sample's own task: what threads ask is asked there.

    Attributes:
        asked: The model.
        limits: What inspect said when a limit of the sample was reached; see `unless_limited`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    asked: Model
    limits: list[LimitExceededError] = Field(default_factory=list)
    _loop: Any = PrivateAttr(default_factory=anyio.lowlevel.current_token)
    _context: contextvars.Context = PrivateAttr(default_factory=contextvars.copy_context)

    @property
    def model_name(self) -> str:
        """The model's name, as rows and messages have it."""
        return str(self.asked)

    @property
    def _llm_type(self) -> str:
        return "inspect"

    def unless_limited(self) -> None:
        """Raise what inspect said when a limit of the sample was reached, which ends the sample and no more.

        Raises:
            LimitExceededError: if a call met one.
        """
        if self.limits:
            raise self.limits[0]

    def _generate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        def ask() -> ChatResult:
            return anyio.from_thread.run(self._said, messages, stop, token=self._loop)

        return self._context.copy().run(ask)  # a thread has none of the sample's own

    async def _agenerate(
        self, messages: list[BaseMessage], stop: list[str] | None = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return await self._said(messages, stop)

    async def _said(self, messages: Sequence[BaseMessage], stop: list[str] | None) -> ChatResult:
        config = GenerateConfig(stop_seqs=stop) if stop else GenerateConfig()
        try:
            output = await self.asked.generate([_given(message) for message in messages], config=config)
        except LimitExceededError as error:
            self.limits.append(error)
            raise
        return ChatResult(generations=[ChatGeneration(message=message_of(output))])


def message_of(output: ModelOutput) -> AIMessage:
    """Return what a model said as LangChain's message: text without reasoning, why it ended, tokens if counted."""
    usage = output.usage
    counted = None
    if usage is not None:
        sent, received = usage.input_tokens, usage.output_tokens
        counted = UsageMetadata(input_tokens=sent, output_tokens=received, total_tokens=sent + received)
    reason = _REASONS.get(output.stop_reason, "stop") if output.choices else "stop"
    return AIMessage(output.completion, response_metadata={"finish_reason": reason}, usage_metadata=counted)


def _given(message: BaseMessage) -> ChatMessage:
    text = content_text(message.content)
    if isinstance(message, SystemMessage):
        return ChatMessageSystem(content=text)
    return ChatMessageAssistant(content=text) if isinstance(message, AIMessage) else ChatMessageUser(content=text)

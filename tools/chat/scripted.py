"""A chat model that says what it was told to say: for tests, demos and reruns without a key."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda, RunnableMap
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, PrivateAttr

from ravelar.tools.errors import InputError

Reply = str | Mapping[str, Any] | BaseModel | AIMessage | Exception
"""Text; arguments of a call of the bound tool (or JSON text, if none is bound); a whole message; or a failure."""

Script = Sequence[Reply] | Callable[[list[BaseMessage]], Reply]


@dataclass(frozen=True, slots=True)
class Call:
    """What the model was asked.

    Attributes:
        messages: The messages, in order.
        options: What was bound or passed along: tools, tool_choice, response_format, stop ...
    """

    messages: list[BaseMessage]
    options: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The messages' text, one after the other."""
        return "\n\n".join(str(message.content) for message in self.messages)


@dataclass(slots=True)
class _Tape:
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


class ScriptedChat(BaseChatModel):
    """A chat model whose replies are given beforehand.

    Replies are used in order, or made by a function of the messages; a reply that is an exception is raised, as a
    provider's client would. It records its calls, counts tokens (a quarter of the characters), streams line
    by line, and takes tools and `with_structured_output`. Copies share the script and the record.

    Args:
        replies: The replies in order, or a function from messages to a reply.
        settings: What every chat model takes, and `model_name`: what it calls itself.
    """

    model_name: str = "scripted"
    _script: Script = PrivateAttr()
    _tape: _Tape = PrivateAttr(default_factory=_Tape)

    def __init__(self, replies: Script, **settings: Any) -> None:
        super().__init__(**settings)
        self._script = replies if callable(replies) else list(replies)

    @property
    def calls(self) -> list[Call]:
        """Every call so far, in order."""
        return self._tape.calls

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **options: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; a mapping among the replies then becomes a call of the first one."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **options)

    def with_structured_output(
        self, schema: Any, *, include_raw: bool = False, method: str = "function_calling", **options: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Bind a schema as OpenAI's models do: by a tool call, or by JSON text ("json_schema", "json_mode")."""
        if method == "function_calling":
            return super().with_structured_output(schema, include_raw=include_raw, **options)
        llm = self.bind(response_format={"type": "json_object" if method == "json_mode" else "json_schema"})
        parser: BaseOutputParser[Any] = (
            PydanticOutputParser(pydantic_object=schema) if isinstance(schema, type) else JsonOutputParser()
        )
        if not include_raw:
            return llm | parser
        return RunnableMap(raw=llm) | RunnableLambda(lambda got: {**got, **_parsed(parser, got["raw"])})

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, {"stop": stop, **kwargs}))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        message = self._next(messages, {"stop": stop, **kwargs})
        for word in str(message.content).splitlines(keepends=True):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word, id=message.id))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk
        calls = [
            tool_call_chunk(name=call["name"], args=json.dumps(call["args"]), id=call["id"], index=i)
            for i, call in enumerate(message.tool_calls)
        ]
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                id=message.id,
                tool_call_chunks=calls,
                usage_metadata=message.usage_metadata,
                response_metadata=message.response_metadata,
            )
        )

    def _next(self, messages: list[BaseMessage], options: Mapping[str, Any]) -> AIMessage:
        given = {name: value for name, value in options.items() if value is not None}
        with self._tape.lock:
            self.calls.append(Call(list(messages), given))
            at = len(self.calls)
        if callable(self._script):
            reply = self._script(messages)
        elif at <= len(self._script):
            reply = self._script[at - 1]
        else:
            asked = str(messages[-1].content)[-200:]
            raise InputError(f"the script of {len(self._script)} replies is used up; call {at} ended with: {asked!r}")
        if isinstance(reply, Exception):
            raise reply
        return _message(reply, messages, options.get("tools") or [], f"scripted-{at}")


def _message(reply: Reply, messages: Sequence[BaseMessage], tools: Sequence[Mapping[str, Any]], name: str) -> AIMessage:
    if isinstance(reply, AIMessage):
        message = reply.model_copy(update={"id": reply.id or name})
    elif isinstance(reply, str):
        message = AIMessage(content=reply, id=name)
    else:
        values = reply.model_dump(mode="json") if isinstance(reply, BaseModel) else dict(reply)  # type: ignore[arg-type]
        message = _structured(values, tools, name)
    if message.usage_metadata is None:
        sent = sum(len(str(m.content)) for m in messages) // 4
        said = (len(str(message.content)) + sum(len(json.dumps(call["args"])) for call in message.tool_calls)) // 4
        message.usage_metadata = UsageMetadata(input_tokens=sent, output_tokens=said, total_tokens=sent + said)
    return message


def _structured(values: dict[str, Any], tools: Sequence[Mapping[str, Any]], name: str) -> AIMessage:
    if not tools:
        return AIMessage(content=json.dumps(values, ensure_ascii=False), id=name)
    tool = tools[0]["function"]["name"]
    return AIMessage(content="", id=name, tool_calls=[{"name": tool, "args": values, "id": f"call-{name}"}])


def _parsed(parser: BaseOutputParser[Any], raw: AIMessage) -> dict[str, Any]:
    try:
        return {"parsed": parser.parse(str(raw.content)), "parsing_error": None}
    except Exception as error:  # noqa: BLE001  as LangChain's include_raw: the caller sees the error
        return {"parsed": None, "parsing_error": error}

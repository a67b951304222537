"""Asking: a checked value, one repair turn, or a named failure; by a scripted model and over the wire."""

import logging
import traceback

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict, Field

from ravelar.agents.asking import ask
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import BrokenReply, BudgetExhausted, InputError, ModelUnavailable

SECRET = "sk-test-0123456789abcdef"
VALUES = {"task": "{}", "limit": "2"}
METHODS = ["text", "json_mode", "json_schema", "function_calling"]


class Reply(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reasoning: str
    count: int = Field(ge=0)


GOOD = '{"reasoning": "two {of} them", "count": 2}'
MESSY = [
    f"Of course!\n\n```json\n{GOOD}\n```\nAnything else?",
    f"~~~\n{GOOD}\n~~~",
    f"```JSON\n{GOOD}",
    f"<think>maybe {{1}}</think>{GOOD}",
    '{"reasoning": "two {of} them", "count": 2,}',
]


def ask_it(chat, meter, **options):
    return ask(chat, "rlar.scout", VALUES, Reply, meter=meter, **options)


@pytest.fixture
def wire(serve):
    """Open a real OpenAI client on a loopback server that gives the answers in order."""

    def opened(*answers, **options):
        server = serve(*answers)
        settings = {"base_url": server.url, "api_key": SECRET, "max_retries": 0, "timeout_s": 20.0, **options}
        return open_chat("openai:loopback", **settings), server

    return opened


@pytest.mark.parametrize("reply", MESSY)
def test_a_messy_reply_is_read_without_a_repair_turn(meter: Meter, reply: str) -> None:
    answer = ask_it(ScriptedChat([reply]), meter)
    assert (answer.value.count, answer.calls) == (2, 1)
    assert meter.spent()["calls"] == 1


def test_the_repair_turn_shows_the_model_its_reply_and_what_is_wrong(meter: Meter) -> None:
    chat = ScriptedChat(['{"reasoning": "x", "count": -1}', GOOD])
    answer = ask_it(chat, meter)
    assert (answer.value.count, answer.calls) == (2, 2)
    system, user, own, repair = chat.calls[1].messages
    assert [system, user] == chat.calls[0].messages
    assert own.content == '{"reasoning": "x", "count": -1}'
    assert "- count: Input should be greater than or equal to 0" in repair.content


def test_a_check_that_the_value_fails_gets_the_repair_turn_too(meter: Meter) -> None:
    def even(reply: Reply) -> None:
        if reply.count % 2:
            raise ValueError(f"{reply.count} is odd")

    chat = ScriptedChat([GOOD.replace("2}", "3}"), GOOD])
    assert ask_it(chat, meter, check=even).value.count == 2
    assert "3 is odd" in chat.calls[1].text


def test_twice_broken_is_a_failure_that_names_the_prompt(meter: Meter) -> None:
    chat = ScriptedChat(["no", "no", GOOD])
    with pytest.raises(BrokenReply, match=r"prompt rlar\.scout: .* no JSON object"):
        ask_it(chat, meter)
    assert meter.spent()["calls"] == len(chat.calls) == 2


def test_an_exhausted_script_is_no_unavailable_model(meter: Meter) -> None:
    with pytest.raises(InputError, match="the script of 1 replies is used up; call 2"):
        ask_it(ScriptedChat(["no"]), meter)


def test_a_refused_call_is_never_made() -> None:
    chat = ScriptedChat([GOOD, GOOD])
    meter = Meter(calls=1)
    ask_it(chat, meter)
    with pytest.raises(BudgetExhausted, match="llm_calls"):
        ask_it(chat, meter)
    assert len(chat.calls) == 1


def test_the_repair_turn_is_metered_as_well() -> None:
    chat = ScriptedChat(["no", GOOD])
    with pytest.raises(BudgetExhausted, match="llm_calls"):
        ask_it(chat, Meter(calls=1))
    assert len(chat.calls) == 1


def test_a_model_that_counts_no_tokens_does_not_ask_for_free(meter: Meter) -> None:
    class Uncounted(ScriptedChat):
        def _next(self, messages, options):
            return super()._next(messages, options).model_copy(update={"usage_metadata": None})

    answer = ask_it(Uncounted([GOOD]), meter)
    assert answer.tokens_in > 100
    assert answer.tokens_out == len(GOOD) // 4


@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
def test_structured_output_of_a_scripted_model(meter: Meter, method: str) -> None:
    chat = ScriptedChat([Reply(reasoning="r", count=7)])
    assert ask_it(chat, meter, method=method).value.count == 7
    assert ("tools" in chat.calls[0].options) == (method == "function_calling")
    assert ("response_format" in chat.calls[0].options) == (method != "function_calling")


@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
def test_structured_output_that_does_not_fit_gets_one_repair_turn(meter: Meter, method: str) -> None:
    chat = ScriptedChat([{"reasoning": "r", "count": -7}, {"reasoning": "r", "count": 7}])
    assert ask_it(chat, meter, method=method).calls == 2
    assert "-7" in chat.calls[1].messages[2].content
    assert "greater than or equal to 0" in chat.calls[1].messages[3].content


def test_a_parser_reads_text_only(meter: Meter) -> None:
    assert ask(ScriptedChat(["12"]), "rlar.scout", VALUES, int, meter=meter).value == 12
    with pytest.raises(ValueError, match="needs a pydantic model"):
        ask(ScriptedChat(["12"]), "rlar.scout", VALUES, int, meter=meter, method="json_mode")


def test_runs_bear_the_prompts_name_and_hash(meter: Meter) -> None:
    class Seen(BaseCallbackHandler):
        runs: list = []  # noqa: RUF012

        def on_chat_model_start(self, serialized, messages, *, tags, metadata, name=None, **_):
            self.runs.append((name, tags, metadata))

    seen = Seen()
    answer = ask_it(ScriptedChat([GOOD]), meter, config={"callbacks": [seen], "tags": ["mine"]})
    ((name, tags, metadata),) = seen.runs
    assert name == "rlar.scout"
    assert {"mine", "ravelar", "rlar.scout"} <= set(tags)
    assert metadata["prompt_hash"] == answer.prompt_hash


# Over the wire, through OpenAI's own client.


@pytest.mark.parametrize("reply", MESSY)
def test_messy_replies_over_the_wire(wire, meter: Meter, reply: str) -> None:
    chat, server = wire(reply)
    answer = ask_it(chat, meter)
    assert (answer.value.count, answer.calls, answer.model) == (2, 1, "loopback")
    assert meter.spent()["tokens_in"] > 100
    assert [message["role"] for message in server.requests[0]["messages"]] == ["system", "user"]
    assert server.requests[0]["temperature"] == 0


@pytest.mark.parametrize("broken", ['{"reasoning": "two', f"{GOOD}[cut]", ""])
def test_a_truncated_reply_is_repaired_once_over_the_wire(wire, meter: Meter, broken: str) -> None:
    chat, server = wire(broken, GOOD)
    assert ask_it(chat, meter).calls == 2
    roles = [message["role"] for message in server.requests[1]["messages"]]
    assert roles == ["system", "user", "assistant", "user"]


def test_twice_broken_over_the_wire_names_the_prompt(wire, meter: Meter) -> None:
    chat, server = wire('{"reasoning": "two')
    with pytest.raises(BrokenReply, match=r"rlar\.scout.*cut off"):
        ask_it(chat, meter)
    assert len(server.requests) == 2


def test_streaming_changes_nothing(wire, meter: Meter) -> None:
    chat, server = wire(MESSY[0], streaming=True, stream_usage=True)
    assert ask_it(chat, meter).value.count == 2
    assert server.requests[0]["stream"] is True
    assert meter.spent()["tokens_out"] > 10


@pytest.mark.parametrize("method", METHODS)
def test_every_method_over_the_wire(wire, meter: Meter, method: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "Reply", "arguments": GOOD}}
    reply = {"role": "assistant", "content": None, "tool_calls": [call]} if method == "function_calling" else GOOD
    chat, server = wire(reply)
    assert ask_it(chat, meter, method=method).value.count == 2
    sent = server.requests[0]
    assert ("tools" in sent) == (method == "function_calling")
    assert sent.get("response_format", {}).get("type") == {
        "json_mode": "json_object",
        "json_schema": "json_schema",
    }.get(method)


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_truncated_structured_output_over_the_wire_is_repaired(wire, meter: Meter, method: str) -> None:
    def reply(text: str):
        call = {"id": "c1", "type": "function", "function": {"name": "Reply", "arguments": text}}
        return {"role": "assistant", "content": None, "tool_calls": [call]} if method == "function_calling" else text

    chat, _ = wire(reply('{"reasoning": "two'), reply(GOOD))
    assert ask_it(chat, meter, method=method).calls == 2


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((401, f"Incorrect API key provided: {SECRET}. Bearer {SECRET}"), "AuthenticationError; HTTP 401; is the key"),
        ((403, "not yours"), "HTTP 403"),
        ((404, "no such model"), "HTTP 404; is the model's name right"),
        ((429, "slow down"), "RateLimitError; HTTP 429; rate-limited"),
        ((500, "oops"), "HTTP 500: .*oops"),
        ((400, "unknown response_format"), "HTTP 400; the server refuses"),
    ],
)
def test_a_providers_refusal_is_an_unavailable_model_without_secrets(wire, meter: Meter, answer, says: str) -> None:
    chat, _ = wire(answer)
    with pytest.raises(ModelUnavailable, match=says) as caught:
        ask_it(chat, meter)
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    assert "loopback" in str(caught.value)


def test_the_client_tries_again_as_often_as_it_may(wire, meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.BaseClient._calculate_retry_timeout", lambda *_: 0)
    chat, server = wire((429, "slow down"), (500, "oops"), GOOD, max_retries=2)
    assert ask_it(chat, meter).value.count == 2
    assert len(server.requests) == 3


def test_a_model_that_hangs_is_unavailable_in_time(wire, meter: Meter, cassette_server) -> None:
    chat, _ = wire(cassette_server.Hang(), timeout_s=0.2)
    with pytest.raises(ModelUnavailable, match=r"Timeout\w*: .*timed out"):
        ask_it(chat, meter)
    assert meter.spent()["calls"] == 1


def test_a_server_that_is_not_there_is_an_unavailable_model(meter: Meter) -> None:
    chat = open_chat("openai:gone", base_url="http://127.0.0.1:9/v1", max_retries=0)
    with pytest.raises(ModelUnavailable, match=r"Connection\w*: "):
        ask_it(chat, meter)


def test_a_failure_within_a_scripted_model_is_as_a_providers(meter: Meter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ModelUnavailable, match="TimeoutError: slow"):
        ask_it(ScriptedChat([TimeoutError("slow")]), meter)


def test_a_whole_message_may_be_scripted(meter: Meter) -> None:
    message = AIMessage(content=[{"type": "text", "text": GOOD}], response_metadata={"stop_reason": "end_turn"})
    assert ask_it(ScriptedChat([message]), meter).value.count == 2


@pytest.mark.parametrize("mode", ["messages", "updates"])
def test_asking_works_within_a_graph_however_it_is_streamed(meter: Meter, mode: str) -> None:
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415
    from typing_extensions import TypedDict  # noqa: PLC0415

    class State(TypedDict):
        count: int

    chat = ScriptedChat([f"Well,\n{GOOD}\n"])
    wiring = StateGraph(State)
    wiring.add_node("ask", lambda state: {"count": ask_it(chat, meter).value.count})
    wiring.add_edge(START, "ask")
    wiring.add_edge("ask", END)
    seen = list(wiring.compile().stream({"count": 0}, stream_mode=mode))
    if mode == "updates":
        assert seen == [{"ask": {"count": 2}}]
    else:
        assert "".join(chunk.content for chunk, _ in seen) == f"Well,\n{GOOD}\n"
        assert {metadata["prompt"] for _, metadata in seen} == {"rlar.scout"}
    assert meter.spent()["tokens_out"] == len(f"Well,\n{GOOD}\n") // 4

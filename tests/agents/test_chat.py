"""Chat models: opened by name, scripted, metered."""

import threading

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

from ravelar.tools.chat.failures import without_secrets
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import BudgetExhausted, InputError, ModelUnavailable


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_chat_model_is_returned_as_it_is() -> None:
    chat = ScriptedChat([])
    assert open_chat(chat) is chat


def test_a_server_on_this_machine_needs_no_key() -> None:
    chat = open_chat("openai:any", base_url="http://127.0.0.1:1/v1")
    assert chat.openai_api_base == "http://127.0.0.1:1/v1"


def test_the_environment_says_where_and_with_which_key(monkeypatch: pytest.MonkeyPatch, serve) -> None:
    server = serve("hello")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert open_chat("openai:any").invoke("hi").content == "hello"


def test_a_missing_key_says_what_to_set() -> None:
    with pytest.raises(ModelUnavailable, match=r"openai:any has no key: set OPENAI_API_KEY"):
        open_chat("openai:any")


def test_a_missing_package_says_what_to_install() -> None:
    with pytest.raises(ModelUnavailable, match=r"anthropic:any needs a package: pip install langchain-anthropic"):
        open_chat("anthropic:any")


@pytest.mark.parametrize("model", ["gpt-5", "nobody:any"])
def test_a_model_without_a_known_provider_is_the_callers_error(model: str) -> None:
    with pytest.raises(InputError, match=model):
        open_chat(model)


@pytest.mark.parametrize(
    "secret", ["sk-abcdefgh1234", "Bearer abc.def-ghi", "hf_abcdefghij", "https://user:pass@host/x", "u?api_key=abcdef"]
)
def test_what_looks_like_a_secret_is_blotted_out(secret: str) -> None:
    assert secret not in without_secrets(f"it said {secret} twice")


def test_secrets_of_the_environment_are_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plain words")
    assert without_secrets("these plain words") == "these [secret]"


def test_scripted_replies_come_in_order_and_calls_are_kept() -> None:
    chat = ScriptedChat(["a", AIMessage("b")])
    assert [chat.invoke("1").content, chat.invoke([HumanMessage("2")]).content] == ["a", "b"]
    assert [call.text for call in chat.calls] == ["1", "2"]
    with pytest.raises(InputError, match="used up; call 3 ended with: '3'"):
        chat.invoke("3")


def test_a_function_may_script_replies() -> None:
    chat = ScriptedChat(lambda messages: messages[-1].content.upper())
    assert chat.invoke("abc").content == "ABC"
    assert chat.invoke("abc").usage_metadata["output_tokens"] == 0


def test_a_scripted_model_calls_tools() -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    message = ScriptedChat([{"a": 1, "b": 2}]).bind_tools([add]).invoke("go")
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [("add", {"a": 1, "b": 2})]


@pytest.mark.parametrize(
    "reply", ["two\nlines", AIMessage("", tool_calls=[{"name": "f", "args": {"x": 1}, "id": "1"}])]
)
def test_a_scripted_model_streams(reply) -> None:
    chunks = list(ScriptedChat([reply]).stream("go"))
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert whole.content == (reply if isinstance(reply, str) else "")
    assert len(whole.tool_calls) == (0 if isinstance(reply, str) else 1)
    assert whole.usage_metadata["input_tokens"] == 0


def test_copies_share_the_script_and_the_record() -> None:
    chat = ScriptedChat(["a", "b"])
    assert chat.model_copy(update={"cache": False}).invoke("1").content == "a"
    assert chat.invoke("2").content == "b"
    assert len(chat.calls) == 2


def test_a_meter_counts_calls_tokens_and_seconds() -> None:
    clock = Clock()
    meter = Meter(clock=clock)
    with meter.call(10) as call:
        call.tokens_in, call.tokens_out = 12, 5
        clock.now = 1.5
    assert meter.spent() == {"calls": 1, "tokens_in": 12, "tokens_out": 5, "seconds": 1.5}


@pytest.mark.parametrize(
    ("limits", "what"), [({"calls": 1}, "llm_calls"), ({"tokens": 20}, "tokens"), ({"seconds": 1.0}, "seconds")]
)
def test_a_limit_refuses_the_call_before_it_is_made(limits: dict[str, float], what: str) -> None:
    clock = Clock()
    meter = Meter(**limits, clock=clock)
    with meter.call(10) as call:
        call.tokens_in, call.tokens_out = 10, 5
        clock.now = 1.0
    before = meter.spent()
    with pytest.raises(BudgetExhausted) as caught, meter.call(10):
        pytest.fail("the call was made")
    assert caught.value.what == what
    assert meter.spent() == before


def test_a_call_that_would_just_fit_is_made() -> None:
    meter = Meter(tokens=20)
    with meter.call(20):
        pass
    meter.check(20)
    with pytest.raises(BudgetExhausted):
        meter.check(21)


def test_a_resumed_meter_goes_on_counting() -> None:
    meter = Meter(calls=3, spent={"calls": 2, "tokens_in": 7, "tokens_out": 1, "seconds": 0.5})
    with meter.call():
        pass
    assert meter.spent()["calls"] == 3
    with pytest.raises(BudgetExhausted):
        meter.check()


def test_a_failed_call_counts() -> None:
    meter = Meter(calls=1)
    with pytest.raises(TimeoutError), meter.call(5):
        raise TimeoutError
    assert meter.spent()["calls"] == 1
    assert meter.spent()["tokens_in"] == 0


def test_calls_side_by_side_share_one_budget() -> None:
    meter, made, start = Meter(calls=5, tokens=1_000), [], threading.Barrier(16)

    def work() -> None:
        start.wait()
        try:
            with meter.call(10) as call:
                call.tokens_in = 10
                made.append(1)
        except BudgetExhausted:
            pass

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == meter.spent()["calls"] == 5


def test_what_a_running_call_sends_is_reserved() -> None:
    meter = Meter(tokens=20)
    with meter.call(15), pytest.raises(BudgetExhausted), meter.call(10):
        pytest.fail("the call was made")
    meter.check(20)

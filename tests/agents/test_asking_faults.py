"""Faults of providers: tried again where that can help, named where not, and no finished call made twice."""

import json
import time

import httpx
import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel

from ravelar.agents.asking import ask
from ravelar.agents.refusing import declines
from ravelar.tools.chat.failures import failure_kind
from ravelar.tools.chat.journal import Asked, Said
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.retrying import Retries, retry_after_s
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import BrokenReply, BudgetExhausted, ContextOverflow, ModelRefused, ModelUnavailable

GOOD = '{"reasoning": "two", "count": 2}'
VALUES = {"task": "{}", "limit": "2"}


class Reply(BaseModel):
    reasoning: str
    count: int


class Notebook:
    """A journal in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Said] = {}
        self.retries: list[tuple[str, float]] = []
        self.failures: list[tuple[str, int]] = []
        self.broken = False

    def recall(self, asked: Asked) -> Said | None:
        return self.kept.get(asked.sent_hash)

    def keep(self, asked: Asked, said: Said) -> None:
        if self.broken:
            raise OSError("no space left")
        self.kept[asked.sent_hash] = said

    def retrying(self, asked: Asked, why: str, wait_s: float) -> None:
        self.retries.append((why, wait_s))

    def failed(self, asked: Asked, error: Exception, *, seconds: float, retries: int) -> None:
        self.failures.append((type(error).__name__, retries))


@pytest.fixture
def journal() -> Notebook:
    return Notebook()


@pytest.fixture
def patient() -> Retries:
    """Retries that wait for nothing."""
    return Retries(most=3, sleep=lambda _: None)


@pytest.fixture
def wire(serve):
    def opened(*answers, timeout_s: float = 20.0, **options):
        server = serve(*answers)
        settings = {"base_url": server.url, "api_key": "none", "max_retries": 0, "timeout_s": timeout_s, **options}
        return open_chat("openai:loopback", **settings), server

    return opened


def ask_it(chat, meter, **options):
    return ask(chat, "rlar.scout", VALUES, Reply, meter=meter, **options)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [((429, "slow down"), "rate_limited"), ((500, "oops"), "server_error"), ((503, "busy"), "server_error")],
)
def test_what_passes_is_tried_again_over_the_wire(wire, meter: Meter, journal, patient, fault, kind: str) -> None:
    chat, server = wire(fault, fault, GOOD)
    answer = ask_it(chat, meter, retries=patient, journal=journal)
    assert (answer.value.count, answer.calls, answer.retries) == (2, 1, 2)
    assert [why for why, _ in journal.retries] == [kind, kind]
    assert len(server.requests) == 3
    assert next(iter(journal.kept.values())).retries == 2


def test_a_lost_connection_is_tried_again_over_the_wire(wire, meter: Meter, journal, patient, cassette_server) -> None:
    chat, server = wire(cassette_server.Reset(), GOOD)
    assert ask_it(chat, meter, retries=patient, journal=journal).retries == 1
    assert journal.retries[0][0] == "disconnected"
    assert len(server.requests) == 2


def test_a_lost_stream_is_tried_again_over_the_wire(wire, meter: Meter, journal, patient, cassette_server) -> None:
    chat, _ = wire(cassette_server.Reset(), GOOD, streaming=True)
    assert ask_it(chat, meter, retries=patient, journal=journal).retries == 1


def test_a_timeout_is_tried_again_over_the_wire(wire, meter: Meter, journal, patient, cassette_server) -> None:
    chat, _ = wire(cassette_server.Hang(), GOOD, timeout_s=0.3)
    assert ask_it(chat, meter, retries=patient, journal=journal).retries == 1
    assert journal.retries[0][0] == "timeout"


def test_retry_after_is_kept_to(wire, meter: Meter, journal) -> None:
    waits: list[float] = []
    chat, _ = wire((429, "slow down", {"Retry-After": "7"}), (500, "x", {"retry-after-ms": "250"}), GOOD)
    ask_it(chat, meter, retries=Retries(sleep=waits.append), journal=journal)
    assert waits == [7.0, 0.25]


def test_a_wait_that_is_too_long_fails_at_once(wire, meter: Meter, journal) -> None:
    chat, server = wire((429, "come back tomorrow", {"Retry-After": "86400"}), GOOD)
    with pytest.raises(ModelUnavailable, match="HTTP 429"):
        ask_it(chat, meter, retries=Retries(sleep=lambda _: None, longest_wait_s=60), journal=journal)
    assert len(server.requests) == 1
    assert journal.failures == [("ModelUnavailable", 0)]


def test_retries_are_bounded_and_counted_in_the_failure(wire, meter: Meter, journal, patient) -> None:
    chat, server = wire((500, "oops"))
    with pytest.raises(ModelUnavailable, match="after 3 retries"):
        ask_it(chat, meter, retries=patient, journal=journal)
    assert len(server.requests) == 4
    assert journal.failures == [("ModelUnavailable", 3)]
    assert meter.spent()["calls"] == 1


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ((400, "This model's maximum context length is 8192 tokens"), ContextOverflow, "too long for the language"),
        ((429, "You exceeded your current quota, check billing"), ModelUnavailable, "HTTP 429"),
        ((401, "wrong key"), ModelUnavailable, "HTTP 401"),
        ((404, "no such model"), ModelUnavailable, "HTTP 404"),
    ],
)
def test_what_does_not_pass_is_named_and_not_tried_again(wire, meter, journal, patient, fault, error, says) -> None:
    chat, server = wire(fault, GOOD)
    with pytest.raises(error, match=says):
        ask_it(chat, meter, retries=patient, journal=journal)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        AIMessage("", additional_kwargs={"refusal": "I can't help with that."}),
        AIMessage("", response_metadata={"finish_reason": "content_filter"}),
        AIMessage("", response_metadata={"stop_reason": "refusal"}),
    ],
)
def test_a_providers_refusal_is_named_at_once(meter: Meter, journal, reply: AIMessage) -> None:
    chat = ScriptedChat([reply, GOOD])
    with pytest.raises(ModelRefused, match=r"prompt rlar\.scout: scripted refuses: "):
        ask_it(chat, meter, journal=journal)
    assert len(chat.calls) == 1
    with pytest.raises(ModelRefused):  # also when the run is resumed, without asking again
        ask_it(ScriptedChat([]), Meter(), journal=journal)


def test_a_refusal_in_words_is_named_after_the_repair_turn(meter: Meter) -> None:
    chat = ScriptedChat(["I'm sorry, but I can't help with that.", "I cannot assist with this request."])
    with pytest.raises(ModelRefused, match="declines: I cannot assist"):
        ask_it(chat, meter)


def test_a_refusal_that_passes_is_forgiven(meter: Meter) -> None:
    assert ask_it(ScriptedChat(["I'm sorry, but I can't.", GOOD]), meter).value.count == 2


@pytest.mark.parametrize(
    "text", ["Sorry, I can't do that.", "抱歉，我无法协助完成这个请求。", "作为一个AI语言模型，我不能……"]
)
def test_refusals_are_told_in_two_languages(text: str) -> None:
    assert declines(text)


@pytest.mark.parametrize("text", ["I can see the harbour.", "我在码头等船。", "{}", "I'm sorry " + "x" * 2_000])
def test_other_words_are_no_refusals(text: str) -> None:
    assert not declines(text)


@pytest.mark.parametrize("reply", ["", "  \n", "<think>hm</think>"])
def test_an_empty_reply_gets_one_repair_turn_and_then_a_name(meter: Meter, reply: str) -> None:
    with pytest.raises(BrokenReply, match="the reply is empty"):
        ask_it(ScriptedChat([reply, reply]), meter)


def test_a_reply_of_five_megabytes_is_refused_quickly(meter: Meter, journal) -> None:
    huge = '{"reasoning": "' + "{ x " * 1_250_000 + '", "count": 2}'
    started = time.monotonic()
    with pytest.raises(BrokenReply, match=r"5,0.* characters; at most 400,000"):
        ask_it(ScriptedChat([huge, huge]), meter, journal=journal)
    assert time.monotonic() - started < 20


def test_a_finished_call_is_not_made_again(meter: Meter, journal) -> None:
    first = ask_it(ScriptedChat(["no", GOOD]), meter, journal=journal)
    later = Meter()
    again = ask_it(ScriptedChat([]), later, journal=journal)
    assert (again.value, again.calls) == (first.value, 2)
    assert later.spent()["calls"] == 0


def test_only_the_call_that_was_not_finished_is_made_again(meter: Meter, journal) -> None:
    with pytest.raises(BudgetExhausted):
        ask_it(ScriptedChat(["no"]), Meter(calls=1), journal=journal)
    chat = ScriptedChat([GOOD])
    assert ask_it(chat, meter, journal=journal).calls == 2
    assert [message.type for message in chat.calls[0].messages] == ["system", "human", "ai", "human"]


def test_a_reply_that_cannot_be_kept_is_not_used(meter: Meter, journal) -> None:
    journal.broken = True
    with pytest.raises(OSError, match="no space left"):
        ask_it(ScriptedChat([GOOD]), meter, journal=journal)


@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
def test_structured_replies_are_recalled_too(meter: Meter, journal, method: str) -> None:
    first = ask_it(ScriptedChat([Reply(reasoning="r", count=7)]), meter, journal=journal, method=method)
    json.dumps(first.cost())
    assert ask_it(ScriptedChat([]), meter, journal=journal, method=method).value == first.value


@pytest.mark.parametrize(
    ("said", "seconds"),
    [({"retry-after": "3"}, 3.0), ({"retry-after-ms": "1500"}, 1.5), ({"retry-after": "soon"}, None), ({}, None),
     ({"retry-after": "-1"}, None), ({"retry-after": "nan"}, None)],
)  # fmt: skip
def test_what_a_server_says_of_waiting(said: dict[str, str], seconds: float | None) -> None:
    request = httpx.Request("POST", "http://127.0.0.1/")
    error = httpx.HTTPStatusError("x", request=request, response=httpx.Response(429, headers=said, request=request))
    assert retry_after_s(error) == seconds
    assert retry_after_s(ValueError("x")) is None


def test_a_date_to_wait_for_is_read() -> None:
    request = httpx.Request("POST", "http://127.0.0.1/")
    response = httpx.Response(503, headers={"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, request=request)
    assert retry_after_s(httpx.HTTPStatusError("x", request=request, response=response)) == 0.0


def test_waits_double_and_are_bounded() -> None:
    waits: list[float] = []

    def fail() -> None:
        raise TimeoutError("slow")

    with pytest.raises(TimeoutError):
        Retries(most=6, first_wait_s=1, longest_wait_s=10, sleep=waits.append).run(fail, lambda *_: None)
    assert len(waits) == 6
    assert all(0.75 * 2**i <= wait <= 1.25 * 2**i for i, wait in enumerate(waits[:3]))
    assert waits[-1] == 10


def test_failures_are_told_apart_without_a_providers_package() -> None:
    class APIConnectionError(Exception):
        pass

    class APITimeoutError(Exception):
        pass

    assert failure_kind(APIConnectionError()) == "disconnected"
    assert failure_kind(APITimeoutError()) == "timeout"
    assert failure_kind(ConnectionResetError()) == "disconnected"
    assert failure_kind(KeyError("x")) == "refused_request"

"""What the routes answer, to a real client of a real server."""

import json
import math

import httpx
import pytest
from service_world import Service, row, side_by_side, until


def test_each_completion_is_answered_in_order_by_its_own_tool(fakes: Service) -> None:
    rewards = fakes.score(
        row("a", 0.25), row("b", 0.5, tool="other"), {"prompt": "Joke", "completion": "x"}, row("c", 1)
    )
    assert [one["value"] for one in rewards] == [0.25, 0.5, None, 1.0]
    assert [one["tool"] for one in rewards] == ["told", "other", None, "told"]
    assert rewards[2]["reason"].startswith("no reference")
    assert rewards[0]["raw"] == 0.25
    assert rewards[0]["detail"]["batch"] == 2


def test_a_tool_for_all_goes_before_routing(fakes: Service) -> None:
    rewards = fakes.score(row("a", 0.5, tool="other"), {"prompt": "p", "completion": "c", "reference": 1}, tool="told")
    assert [(one["tool"], one["value"]) for one in rewards] == [("told", 0.5), ("told", 1.0)]


def test_chat_messages_are_scored_as_text_is(fakes: Service) -> None:
    messages = [{"role": "assistant", "content": "hi"}]
    [reward] = fakes.score(
        {"prompt": [{"role": "user", "content": "p"}], "completion": messages, "reference": 0.5, "tool": "told"}
    )
    assert reward["value"] == 0.5


def test_a_row_that_names_no_tool_there_is_costs_its_own_reward_only(fakes: Service) -> None:
    rewards = fakes.score(row("a", 1), row("a", 1, tool="tolld"))
    assert rewards[0]["value"] == 1.0
    assert rewards[1]["value"] is None
    assert "did you mean 'told'" in rewards[1]["reason"]


def test_a_request_that_names_no_tool_there_is_is_refused(fakes: Service) -> None:
    reply = fakes.client.post("/score", json={"triples": [row()], "tool": "tolld"})
    assert reply.status_code == 422
    assert "did you mean 'told'" in reply.json()["detail"]


def test_a_detail_that_no_json_holds_is_sent_without_it(fakes: Service) -> None:
    [reward] = fakes.score(row("odd"))
    assert reward["value"] == 1.0
    assert reward["detail"] == {"infinite": None, "code": "(function)"}


HOSTILE = {
    "no JSON": (b"{", 400, "not JSON"),
    "nothing": (b"", 400, "not JSON"),
    "no UTF-8": (b'{"triples": ["\xff"]}', 400, "not UTF-8"),
    "NaN": (b'{"triples": [NaN]}', 400, "NaN"),
    "infinity": (b'{"triples": [-Infinity]}', 400, "Infinity"),
    "too large a float": (b'{"triples": [1e999]}', 400, "1e999"),
    "a huge integer": (b'{"triples": [' + b"9" * 5000 + b"]}", 400, "digits"),
    "a key twice": (b'{"triples": [], "triples": [1]}', 400, "'triples' occurs twice"),
    "deep": (b'{"triples": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", 422, "nested too deeply"),
    "less deep": (json.dumps({"triples": [row(deep=json.loads("[" * 100 + "]" * 100))]}).encode(), 422, "nested"),
    "an array": (b"[]", 422, "an object is needed"),
    "null": (b"null", 422, "an object is needed"),
    "no triples": (b"{}", 422, "triples is missing"),
    "triples no array": (b'{"triples": {}}', 422, "triples is an object"),
    "a number for a triple": (b'{"triples": [1]}', 422, "triples[0] is a number"),
    "no prompt": (b'{"triples": [{"completion": "c"}]}', 422, "triples[0].prompt is missing"),
    "prompt null": (b'{"triples": [{"prompt": null, "completion": "c"}]}', 422, "prompt is null"),
    "completion a number": (b'{"triples": [{"prompt": "p", "completion": 7}]}', 422, "completion is a number"),
    "no messages": (b'{"triples": [{"prompt": "p", "completion": [7]}]}', 422, "completion[0] is no chat message"),
    "tool a list": (b'{"triples": [], "tool": ["told"]}', 422, "tool is an array"),
    "unknown field": (b'{"triples": [], "rows": []}', 422, "unknown field 'rows'"),
    "too many": (json.dumps({"triples": [row()] * 257}).encode(), 413, "257 completions"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_with_their_reason(fakes: Service, name: str) -> None:
    body, status, said = HOSTILE[name]
    reply = fakes.post(body)
    assert reply.status_code == status, reply.text
    assert said in reply.json()["detail"]
    assert len(reply.content) < 2000
    assert fakes.score(row("after", 0.5))[0]["value"] == 0.5


@pytest.mark.parametrize("path", ["/openrlhf", "/slime"])
@pytest.mark.parametrize("name", ["no JSON", "NaN", "deep", "an array", "no triples", "no UTF-8"])
def test_hostile_bodies_are_refused_by_the_trainers_routes_too(fakes: Service, path: str, name: str) -> None:
    assert fakes.post(HOSTILE[name][0], path).status_code in {400, 422}


def test_lone_surrogates_are_scored_as_any_other_text(fakes: Service) -> None:
    reply = fakes.post(b'{"triples": [{"prompt": "\\ud800", "completion": "\\udfff", "reference": 1, "tool": "told"}]}')
    assert reply.status_code == 200
    assert reply.json()["rewards"][0]["value"] == 1.0


def test_a_body_that_says_it_is_200_mb_is_refused_unread(fakes: Service) -> None:
    head = f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {200 * 10**6}\r\n\r\n"
    import socket  # noqa: PLC0415

    with socket.create_connection(("127.0.0.1", httpx.URL(fakes.url).port), timeout=20) as raw:
        raw.sendall(head.encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_body_of_200_mb_without_a_length_is_refused_before_its_end(fakes: Service) -> None:
    sent = 0

    def endless() -> object:
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b" " * 10**6

    reply = fakes.client.post("/score", content=endless())
    assert reply.status_code == 413
    assert "at most 4,194,304" in reply.json()["detail"]
    assert sent < 100
    assert fakes.score(row("after", 0.5))[0]["value"] == 0.5


def test_slime_gets_a_number_and_an_error_where_there_is_none(fakes: Service) -> None:
    label = json.dumps({"reference": 0.5, "tool": "told"})
    reply = fakes.client.post("/slime", json={"prompt": "p", "response": "r", "label": label})
    assert reply.json() == 0.5
    reply = fakes.client.post("/slime", json={"prompt": "p", "response": "r", "label": None})
    assert reply.status_code == 422
    assert "no reference" in reply.json()["detail"]


def test_openrlhf_gets_what_it_reads(fakes: Service) -> None:
    label = {"reference": 0.5, "tool": "told"}
    body = {"query": ["p r", "p s"], "prompts": ["p ", "p "], "labels": [label, label]}
    assert fakes.client.post("/openrlhf", json=body).json() == {
        "rewards": [0.5, 0.5], "scores": [0.5, 0.5], "extra_logs": {"scored": [1.0, 1.0]}
    }  # fmt: skip
    reply = fakes.client.post("/openrlhf", json={**body, "labels": [label]})
    assert reply.status_code == 422
    assert "equally long" in reply.json()["detail"]


def test_what_is_unscored_is_a_number_where_one_was_named() -> None:
    with Service.of_fakes(settings={"unscored": 0.25}) as service:
        assert service.client.post("/slime", json={"prompt": "p", "response": "r"}).json() == 0.25
        body = {"query": ["pr"], "prompts": ["p"], "labels": [None]}
        reply = service.client.post("/openrlhf", json=body).json()
        assert (reply["rewards"], reply["extra_logs"]["scored"]) == ([0.25], [0.0])


def test_the_service_says_what_there_is_and_how_it_is(fakes: Service) -> None:
    assert {card["name"] for card in fakes.client.get("/tools").json()["tools"]} == {"told", "other", "model"}
    assert fakes.client.get("/ready").status_code == 200
    assert fakes.health()["ready"] is True
    assert fakes.client.get("/score").status_code == 405
    assert fakes.client.get("/nowhere").status_code == 404


def test_the_schema_describes_every_route_and_holds_no_loose_end(fakes: Service) -> None:
    schema = fakes.client.get("/openapi.json").json()
    assert set(schema["paths"]) == {"/score", "/openrlhf", "/slime", "/tools", "/health", "/ready", "/metrics"}
    text = json.dumps(schema)
    for name in [part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]]:
        assert name in schema["components"]["schemas"]
    body = schema["paths"]["/score"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["properties"]["triples"]["items"]["required"] == ["prompt", "completion"]


def test_prometheus_reads_what_was_scored(fakes: Service) -> None:
    def counted(name: str, text: str) -> float:
        return math.fsum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    name = 'ravelar_completions_total{outcome="scored",tool="other"}'
    before = counted(name, fakes.client.get("/metrics").text)
    fakes.score(*[row("a", 1, tool="other")] * 3)
    until(lambda: counted(name, fakes.client.get("/metrics").text) == before + 3)
    text = fakes.client.get("/metrics").text
    assert counted('ravelar_batch_completions_count{tool="other"}', text) >= 1
    assert 'ravelar_http_requests_total{route="/score",status="200"}' in text


def test_many_clients_each_get_their_own_rewards(fakes: Service) -> None:
    def ask(i: int) -> bool:
        tools = ("told", "other", "model")
        rewards = fakes.score(*(row("c", (i + k) / 100, tool=tools[(i + k) % 3]) for k in range(3)))
        return [one["value"] for one in rewards] == [(i + k) / 100 for k in range(3)]

    assert all(side_by_side(16, ask))

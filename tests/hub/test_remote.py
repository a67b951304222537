"""Remote reward models against a loopback server: each dialect, and what servers do wrong."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ravelar.tools.adopted.entry import RemoteRecipe
from ravelar.tools.errors import InputError, ToolCrashed, ToolTimeout, ToolUnavailable, UnknownName
from ravelar.tools.hub.remote import RemoteRewardModel, open_remote
from ravelar.tools.reward import Triple
from ravelar.tools.scoring import score_or_abstain

Answer = tuple[int, Any]


class Server:
    """Answers as it is told, and remembers what it was asked: path, body, headers."""

    def __init__(self, answer: Callable[[str, Any], Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, dict[str, str]]] = []
        self.inside = self.most = 0
        self.lock = threading.Lock()
        self.stop = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with outer.lock:
                    outer.asked.append((self.path, body, dict(self.headers)))
                    outer.inside += 1
                    outer.most = max(outer.most, outer.inside)
                try:
                    said = outer.answer(self.path, body)
                finally:
                    with outer.lock:
                        outer.inside -= 1
                status, content, headers = said if isinstance(said, tuple) else (200, said, {})
                sent = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"content-length": str(len(sent)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # who gave up does not listen any more
                    self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.stop.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join(5)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(answer: Callable[[str, Any], Any]) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def model_of() -> Iterator[Callable[..., RemoteRewardModel]]:
    made: list[RemoteRewardModel] = []

    def make(url: str, protocol: str = "ravelar", **options: Any) -> RemoteRewardModel:
        made.append(RemoteRewardModel(url, protocol=protocol, **{"timeout_s": 5.0, "retries": 0, **options}))
        made[-1].slept = []
        made[-1].sleep = made[-1].slept.append
        return made[-1]

    yield make
    for model in made:
        model.close()


def length_of(text: str) -> float:
    return float(len(text))


TRIPLES = [Triple("Hi", "hello"), Triple("Name a fruit.", "<think>hm</think>fig"), Triple("Hi", "")]


def chat_text(body: Any) -> str:
    assert [message["role"] for message in body["messages"]] == ["user", "assistant"]
    return body["messages"][-1]["content"]


@pytest.mark.parametrize(("protocol", "path"), [("vllm_classify", "/classify"), ("vllm_pooling", "/pooling")])
def test_vllm_is_given_messages_one_conversation_a_request(serve: Any, model_of: Any, protocol: str, path: str) -> None:
    def answer(asked: str, body: Any) -> Any:
        value = length_of(chat_text(body))
        row = (
            {"index": 0, "label": "LABEL_0", "probs": [value]}
            if asked == "/classify"
            else {"index": 0, "data": [value]}
        )
        return {"object": "list", "data": [row]}

    server = serve(answer)
    assert model_of(server.url, protocol, model="rm").score(TRIPLES) == [5.0, 3.0, 0.0]
    assert {asked[0] for asked in server.asked} == {path}
    assert all(asked[1]["model"] == "rm" and asked[1]["use_activation"] is False for asked in server.asked)


@pytest.mark.parametrize("protocol", ["vllm_classify", "vllm_pooling"])
def test_vllm_is_given_texts_in_batches_where_a_format_is_named(serve: Any, model_of: Any, protocol: str) -> None:
    def answer(path: str, body: Any) -> Any:
        key = "probs" if path == "/classify" else "data"
        rows = [{"index": i, key: [length_of(text)]} for i, text in enumerate(body["input"])]
        return {"data": rows[::-1]}

    server = serve(answer)
    model = model_of(server.url + "/", protocol, format="{prompt}|{completion}", batch=2)
    assert model.score(TRIPLES) == [8.0, 17.0, 3.0]
    assert sorted(len(asked[1]["input"]) for asked in server.asked) == [1, 2]
    assert "Name a fruit.|fig" in [text for asked in server.asked for text in asked[1]["input"]]


def test_vllm_pooling_with_a_row_for_each_token_is_read_at_the_last(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {"data": [{"index": 0, "data": [[0.1], [0.2], [0.7]]}]})
    assert model_of(server.url, "vllm_pooling").score(TRIPLES[:1]) == [0.7]


def test_vllm_score_is_given_pairs(serve: Any, model_of: Any) -> None:
    def answer(path: str, body: Any) -> Any:
        assert (path, body["text_1"]) == ("/score", ["Hi", "Name a fruit.", "Hi"])
        return {"data": [{"index": i, "score": length_of(text)} for i, text in enumerate(body["text_2"])]}

    assert model_of(serve(answer).url, "vllm_score").score(TRIPLES) == [5.0, 3.0, 0.0]


def test_tei_is_given_pairs_and_raw_scores_are_asked_for(serve: Any, model_of: Any) -> None:
    def answer(path: str, body: Any) -> Any:
        assert (path, body["raw_scores"], body["truncate"]) == ("/predict", True, False)
        return [[{"label": "LABEL_0", "score": length_of(answer)}] for _, answer in body["inputs"]]

    assert model_of(serve(answer).url, "tei").score(TRIPLES) == [5.0, 3.0, 0.0]


def test_tei_labels_come_sorted_by_score_and_are_found_by_name(serve: Any, model_of: Any) -> None:
    rows = [{"label": "good", "score": 0.9}, {"label": "bad", "score": 0.1}]
    server = serve(lambda path, body: [rows, rows[::-1]])
    assert model_of(server.url, "tei", label="bad", format="{completion}").score(TRIPLES[:2]) == [0.1, 0.1]
    assert server.asked[0][1]["inputs"] == [["hello"], ["fig"]]
    (unnamed, _) = model_of(server.url, "tei").score(TRIPLES[:2])
    assert "labels good, bad; the option label names the score" in str(unnamed)


def test_the_documented_json_carries_the_whole_triple(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {"scores": [1, None, 0.5], "reasons": [None, "no reference", None]})
    triples = [
        Triple("a", "b", 42, {"task": "t"}),
        Triple("c", "<think>x</think>d"),
        Triple([{"role": "user", "content": "e"}], "f"),
    ]
    one, unscored, other = model_of(f"{server.url}/rewards?x=1").score(triples)
    assert (one, other) == (1.0, 0.5)
    assert isinstance(unscored, ToolUnavailable)
    assert "left it unscored: no reference" in str(unscored)
    assert server.asked[0][0] == "/rewards?x=1"
    assert server.asked[0][1]["triples"][:2] == [
        {"prompt": "a", "completion": "b", "reference": 42, "metadata": {"task": "t"}},
        {"prompt": "c", "completion": "<think>x</think>d", "reference": None, "metadata": {}},
    ]


# ----------------------------------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"scores": [1.0]}, "sent 1 scores for 2 completions"),
        ({"scores": [1.0, 2.0, 3.0]}, "sent 3 scores for 2 completions"),
        ({"scores": [1.0, float("nan")]}, "sent nan, which is no finite number"),
        ({"scores": [1.0, float("inf")]}, "sent inf, which is no finite number"),
        ({"scores": [1.0, "0.9"]}, "sent '0.9' where a number belongs"),
        ({"scores": [1.0, True]}, "sent True where a number belongs"),
        ({"scores": [1.0, [0.2]]}, "sent [0.2] where a number belongs"),
        ({"scores": None}, "can't be read"),
        ({"rewards": [1.0, 2.0]}, "KeyError: 'scores'"),
        ([], "can't be read"),
        (b"<html>down</html>", "<html>down</html>"),
        (b"", "can't be read"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_unscored(
    serve: Any, model_of: Any, answer: Any, said: str
) -> None:
    server = serve(lambda path, body: answer)
    raws = model_of(server.url).score(TRIPLES[:2])
    assert isinstance(raws[1], ToolCrashed)
    assert said in str(raws[1])
    assert server.url in str(raws[1])


@pytest.mark.parametrize(
    ("protocol", "answer"),
    [
        ("vllm_classify", {"data": [{"index": 0, "probs": [0.1, 0.9]}]}),
        ("vllm_classify", {"data": [{"index": 1, "probs": [0.1]}]}),
        ("vllm_classify", {"data": []}),
        ("vllm_pooling", {"data": [{"index": 0, "data": "AACAPw=="}]}),
        ("vllm_pooling", {"data": [{"index": 0, "data": []}]}),
        ("vllm_score", {"data": [{"index": 0, "score": None}]}),
        ("tei", {"error": "overloaded"}),
        ("tei", [[]]),
    ],
)
def test_every_dialect_tells_a_broken_answer_from_a_score(
    serve: Any, model_of: Any, protocol: str, answer: Any
) -> None:
    (raw,) = model_of(serve(lambda path, body: answer).url, protocol).score(TRIPLES[:1])
    assert isinstance(raw, ToolCrashed)
    assert "127.0.0.1" in str(raw)


def test_several_outputs_need_an_index(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {"data": [{"index": 0, "probs": [0.1, 0.9]}]})
    assert model_of(server.url, "vllm_classify", score_index=1).score(TRIPLES[:1]) == [0.9]
    (raw,) = model_of(server.url, "vllm_classify").score(TRIPLES[:1])
    assert "2 outputs ([0.1, 0.9]); the option score_index names the score" in str(raw)


@pytest.mark.parametrize("status", [301, 401, 404, 500, 503])
def test_any_status_but_200_is_unscored_with_what_was_said(serve: Any, model_of: Any, status: int) -> None:
    server = serve(lambda path, body: (status, b"went wrong", {}))
    (raw,) = model_of(server.url).score(TRIPLES[:1])
    assert isinstance(raw, ToolUnavailable)
    assert f"{server.url} answered HTTP {status}: went wrong" in str(raw)


def test_faults_that_may_pass_are_tried_again_with_longer_pauses(serve: Any, model_of: Any) -> None:
    answers = [(503, b"", {}), (429, b"", {"retry-after": "3"}), (500, b"", {}), (200, {"scores": [1.0]}, {})]
    model = model_of(serve(lambda path, body: answers.pop(0)).url, retries=3)
    assert model.score(TRIPLES[:1]) == [1.0]
    assert model.slept == [0.25, 3.0, 1.0]


def test_a_fault_that_stays_is_not_tried_for_ever_and_one_of_ours_not_again(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: (503, b"", {"retry-after": "86400"}))
    model = model_of(server.url, retries=2)
    (raw,) = model.score(TRIPLES[:1])
    assert isinstance(raw, ToolUnavailable)
    assert (len(server.asked), model.slept) == (3, [10.0, 10.0])
    server = serve(lambda path, body: (404, b"", {}))
    model_of(server.url, retries=2).score(TRIPLES[:1])
    assert len(server.asked) == 1


def test_one_completion_that_the_server_refuses_leaves_the_others_scored(serve: Any, model_of: Any) -> None:
    def answer(path: str, body: Any) -> Any:
        texts = [triple["completion"] for triple in body["triples"]]
        return (413, b"too long", {}) if "long" in texts else {"scores": [length_of(text) for text in texts]}

    first, refused, last = model_of(serve(answer).url).score([Triple("", "a"), Triple("", "long"), Triple("", "abc")])
    assert (first, last) == (1.0, 3.0)
    assert "HTTP 413: too long" in str(refused)


def test_no_server_is_said(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {})
    server.close()
    model = model_of(server.url, retries=1)
    (raw,) = model.score(TRIPLES[:1])
    assert isinstance(raw, ToolUnavailable)
    assert f"{server.url} can't be reached: ConnectError" in str(raw)
    assert model.slept == [0.25]


def test_a_server_that_does_not_answer_in_time_is_given_up(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: server.stop.wait(20) and {})
    (raw,) = model_of(server.url, timeout_s=0.1).score(TRIPLES[:1])
    server.stop.set()
    assert isinstance(raw, ToolTimeout)
    assert f"{server.url} took longer than 0.1 s" in str(raw)


def test_a_server_that_drips_its_answer_is_given_up(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {})
    handler = server.http.RequestHandlerClass

    def drip(self: Any) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()
        try:
            while not server.stop.wait(0.05):
                self.wfile.write(b" ")
        except OSError:
            pass

    handler.do_POST = drip
    (raw,) = model_of(server.url, timeout_s=0.3).score(TRIPLES[:1])
    assert isinstance(raw, ToolTimeout)


def test_requests_under_way_are_bounded_over_all_threads(serve: Any, model_of: Any) -> None:
    def answer(path: str, body: Any) -> Any:
        server.stop.wait(0.01)
        return {"scores": [length_of(triple["completion"]) for triple in body["triples"]]}

    server = serve(answer)
    model = model_of(server.url, batch=1, concurrency=2)
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda n: model.score([Triple("", "x" * (n + i)) for i in range(5)]), range(4)))
    assert said == [[float(n + i) for i in range(5)] for n in range(4)]
    assert server.most <= 2


# ------------------------------------------------------------------------------------- keys and recipes


def test_the_key_is_sent_and_stands_in_no_message_and_no_recipe(
    serve: Any, model_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda path, body: (401, b"the key s3cret-key is not known", {}))
    model = model_of(server.url, api_key_env="RM_KEY")
    (raw,) = model.score(TRIPLES[:1])
    assert "the environment variable RM_KEY holds no key" in str(raw)
    assert server.asked == []
    monkeypatch.setenv("RM_KEY", "s3cret-key")
    (reward,) = score_or_abstain(model, TRIPLES[:1])
    assert {k.lower(): v for k, v in server.asked[0][2].items()}["authorization"] == "Bearer s3cret-key"
    assert "the key *** is not known" in reward.reason
    everything = f"{reward} {model.recipe} {model.card} {vars(model)}"
    assert "s3cret-key" not in everything


def test_the_recipe_builds_the_same_model_again(serve: Any, model_of: Any) -> None:
    server = serve(lambda path, body: {"data": [{"index": 0, "probs": [0.25]}]})
    model = model_of(server.url, "vllm_classify", model="rm", direction="lower", low=0.0, high=1.0, activation=True)
    recipe = RemoteRecipe.model_validate_json(model.recipe.model_dump_json())
    again = open_remote(recipe)
    assert again.recipe == model.recipe
    assert again.card == model.card
    assert (again.card.low, again.card.high, again.card.direction) == (0.0, 1.0, "lower")
    (reward,) = score_or_abstain(again, TRIPLES[:1])
    again.close()
    assert (reward.value, reward.raw) == (0.75, 0.25)


@pytest.mark.parametrize(
    ("url", "protocol", "options", "error", "said"),
    [
        ("127.0.0.1:80", "tei", {}, InputError, "no address of a server"),
        ("ftp://host/x", "tei", {}, InputError, "no address of a server"),
        ("http://me:pw@host", "tei", {}, InputError, "http://host: a password in the address"),
        ("http://host", "vlm_classify", {}, UnknownName, "did you mean 'vllm_classify'"),
        ("http://host", "tei", {"timeout": 3}, InputError, "timeout: Extra inputs"),
        ("http://host", "tei", {"timeout_s": 0}, InputError, "timeout_s: Input should be greater than 0"),
        ("http://host", "tei", {"direction": "up"}, InputError, "direction"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(
    url: str, protocol: str, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as refused:
        RemoteRewardModel(url, protocol=protocol, **options)
    assert said in str(refused.value)
    assert "pw" not in str(refused.value)


def test_an_address_that_holds_the_path_already_is_left_alone(model_of: Any) -> None:
    assert model_of("http://host:8000/classify", "vllm_classify").endpoint == "http://host:8000/classify"
    assert model_of("http://host:8000/v1/", "vllm_classify").endpoint == "http://host:8000/v1/classify"
    assert model_of("http://host:8000/any", "ravelar").endpoint == "http://host:8000/any"
    assert model_of("http://host:8000/any?key=x", "ravelar").card.provenance.source == "http://host:8000/any"


def test_importing_what_speaks_of_reward_models_loads_neither_torch_nor_transformers() -> None:
    modules = "remote, reward_model, loaded, self_test"
    code = f"import sys; from ravelar.tools.hub import {modules}; "
    code += "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

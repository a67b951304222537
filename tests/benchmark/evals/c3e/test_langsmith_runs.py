"""C3EBench in LangSmith: offline nothing is sent; the scores are our judge's; references are never among the inputs."""

import asyncio
import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from langchain_core.messages import BaseMessage
from langsmith import Client

from ravelar.benchmark.evals.c3e.items import Brief, Item
from ravelar.benchmark.evals.c3e.judged import ajudge_once, question
from ravelar.benchmark.evals.c3e.messages import WriterMessage, fixed_message
from ravelar.benchmark.evals.c3e.writers import Written
from ravelar.benchmark.evals.langsmith_runs import dataset_name, evaluate_items, examples_of, upload_items
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.scripted import ScriptedChat
from ravelar.tools.errors import BrokenReply, InputError, RavelarError

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:'upload_results' parameter is in beta")]


class Writer:
    """Writes how long its message is; has nothing to say of poetry."""

    name = "w"

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed = 0

    async def write(self, brief: Brief, message: WriterMessage, sample: int) -> Written:
        self.sent.append(message.text)
        if brief.genre == "poetry":
            raise BrokenReply("the reply is empty")
        return Written(f"The moon pulls, {len(message.text)}.")

    async def close(self) -> None:
        self.closed += 1


def judges(messages: Sequence[BaseMessage]) -> str:
    text = "\n".join(str(message.content) for message in messages)
    score = 4 + len(text) % 2
    reply = {"reasons": [{"about": "a", "finding": "b"}], "score": score, "verdict": "worse"}
    return "no idea" if "河水" in text else json.dumps(reply)


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LANGSMITH_API_KEY", "LANGCHAIN_API_KEY", "LANGSMITH_TRACING", "LANGSMITH_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    yield


def test_offline_rows_are_what_our_own_judging_says_and_nothing_is_sent(
    items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setattr("requests.Session.request", lambda *given, **_: asked.append(str(given)))
    writer = Writer()
    rows = asyncio.run(evaluate_items(items, writer, ScriptedChat(judges), at_once=2))
    assert asked == []
    assert writer.closed == 1
    found = {row["item"]: row for row in rows}
    assert found.keys() == {item.key for item in items}
    for item in items:
        row = found[item.key]
        if item.brief.genre == "poetry":
            assert (row["text"], row["score"]) == (None, None)
            assert "BrokenReply" in row["error"]
            assert row["comment"].startswith("unscored: there is no text")
            continue
        text = f"The moon pulls, {len(fixed_message(item.brief).text)}."
        assert row["text"] == text
        asked_of_us = question(item.brief, text, reference=item.reference)
        try:
            ours = asyncio.run(ajudge_once(ScriptedChat(judges), asked_of_us, meter=Meter()))
            assert (row["score"], row["comment"]) == (ours["score"], "worse. a: b")
        except RavelarError:
            assert row["score"] is None
            assert row["comment"].startswith("unscored: BrokenReply")
    assert sum(row["score"] is None for row in rows) == 2
    assert not any(item.reference in text for item in items for text in writer.sent)


def test_references_are_outputs_and_never_inputs_and_the_same_items_are_the_same_dataset(items: list[Item]) -> None:
    examples = examples_of(items)
    for one, item in zip(examples, items, strict=True):
        assert item.reference not in json.dumps([one.inputs, one.metadata], ensure_ascii=False)
        assert one.outputs == {"reference": item.reference}
    assert [one.id for one in examples] == [one.id for one in examples_of(items)]
    assert len({one.id for one in examples}) == len(items)
    assert dataset_name(items) == dataset_name(items)
    assert len({dataset_name(items), dataset_name(items[1:]), dataset_name(items, messages="published")}) == 3


def test_an_upload_without_a_key_is_refused_before_anything_is_written(items: list[Item]) -> None:
    writer = Writer()
    with pytest.raises(InputError, match="needs a key: set LANGSMITH_API_KEY"):
        asyncio.run(evaluate_items(items, writer, upload=True))
    assert writer.sent == []


class Server:
    """LangSmith's answers, as far as a dataset is made, kept and filled."""

    def __init__(self, examples: int | None) -> None:
        self.examples, self.made, self.sent = examples, [], []

    def has_dataset(self, *, dataset_name: str) -> bool:
        return self.examples is not None

    def read_dataset(self, *, dataset_name: str) -> Any:
        return type("Dataset", (), {"example_count": self.examples})

    def create_dataset(self, name: str, **_: Any) -> None:
        self.made.append(name)

    def create_examples(self, *, dataset_name: str, examples: list[dict[str, Any]]) -> None:
        self.sent += examples


def test_items_are_uploaded_once_and_a_broken_upload_is_named(items: list[Item]) -> None:
    server: Any = Server(None)
    name = upload_items(server, items)
    assert server.made == [name] == [dataset_name(items)]
    assert [row["inputs"]["key"] for row in server.sent] == [item.key for item in items]
    assert [row["reference_outputs"]["reference"] for row in server.sent] == [item.reference for item in items]
    there: Any = Server(len(items))
    assert (upload_items(there, items), there.made, there.sent) == (name, [], [])
    with pytest.raises(InputError, match="holds 3 examples instead of 8"):
        upload_items(Server(3), items)  # type: ignore[arg-type]


class Sink(ThreadingHTTPServer):
    """A LangSmith on the loopback that keeps what it is sent: datasets, examples, an experiment, runs, feedback."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.bodies: list[tuple[str, str, bytes]] = []
        self.dataset: dict[str, Any] | None = None
        self.examples: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, body: bytes) -> Any:
        now = "2026-01-01T00:00:00Z"
        if path == "/datasets" and method == "GET":
            return [{**self.dataset, "example_count": len(self.examples)}] if self.dataset else []
        if path == "/datasets":
            given = json.loads(body)
            self.dataset = {"id": str(uuid.uuid4()), "created_at": now, "name": given["name"], "data_type": "kv"}
            return self.dataset
        if path == "/examples" and method == "GET":
            return self.examples
        if path == "/examples/bulk" and self.dataset is not None:
            for row in json.loads(body):
                kept = {name: row.get(name) for name in ("id", "inputs", "outputs", "metadata")}
                self.examples.append({**kept, "dataset_id": self.dataset["id"], "created_at": now, "modified_at": now})
            return self.examples
        if path.startswith("/sessions"):
            dataset = self.dataset and self.dataset["id"]
            return {"id": str(uuid.UUID(int=7)), "name": "x", "start_time": now, "tenant_id": str(uuid.UUID(int=8)),
                    "reference_dataset_id": dataset}  # fmt: skip
        return {}


class _Answers(BaseHTTPRequestHandler):
    server: Sink

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        self.server.bodies.append((self.command, path, body))
        said = json.dumps(self.server.answer(self.command, path, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_PATCH = _any  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def sink() -> Iterator[Sink]:
    server = Sink()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_with_a_client_dataset_runs_and_scores_are_sent_and_an_experiment_again_uses_the_dataset_there(
    items: list[Item], sink: Sink
) -> None:
    client = Client(api_url=sink.url, api_key="k", auto_batch_tracing=False)
    some = items[:2]
    rows = asyncio.run(evaluate_items(some, Writer(), ScriptedChat(judges), client=client))
    assert all(row["score"] is not None for row in rows)
    assert [example["inputs"]["key"] for example in sink.examples] == [item.key for item in some]
    assert [example["outputs"] for example in sink.examples] == [{"reference": item.reference} for item in some]
    paths = [(method, path) for method, path, _ in sink.bodies]
    assert ("POST", "/sessions") in paths
    sent = b"".join(body for _, path, body in sink.bodies if path.startswith("/runs")).decode()
    assert "The moon pulls" in sent
    scores = [json.loads(body)["score"] for _, path, body in sink.bodies if path.startswith("/feedback")]
    assert sorted(scores) == sorted(row["score"] for row in rows)
    asyncio.run(evaluate_items(some, Writer(), client=client))
    assert [path for method, path, _ in sink.bodies if method == "POST"].count("/datasets") == 1
    assert len(sink.examples) == 2

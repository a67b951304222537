"""Loopback sinks of traces: one that takes LangSmith's runs in, one for OTLP spans, and some that are no use."""

import email
import email.policy
import gzip
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

Record = dict[str, Any]
_OF_TRACES = ("/runs/multipart", "/v1/traces")


@dataclass
class Run:
    """A run as the sink knows it."""

    id: str
    fields: Record = field(default_factory=dict)
    children: list["Run"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def metadata(self) -> Record:
        return dict((self.fields.get("extra") or {}).get("metadata") or {})

    @property
    def tags(self) -> list[str]:
        return list(self.fields.get("tags") or [])

    @property
    def inputs(self) -> Record:
        return dict(self.fields.get("inputs") or {})

    @property
    def outputs(self) -> Record:
        return dict(self.fields.get("outputs") or {})

    def all(self) -> Iterator["Run"]:
        yield self
        for child in self.children:
            yield from child.all()

    def child(self, name: str) -> "Run":
        (found,) = [child for child in self.children if child.name == name]
        return found

    def within(self, name: str) -> list["Run"]:
        return [run for run in self.all() if run.name == name]

    def tree(self) -> Any:
        """Return names alone, hidden runs (LangGraph's channel writes) left out: a name, or [name, children ...]."""
        below = [child.tree() for child in self.children if "langsmith:hidden" not in child.tags]
        return [self.name, *below] if below else self.name


class Sink:
    """What came, and the runs in it."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.headers: list[Record] = []
        self.paths: list[str] = []

    @property
    def bytes(self) -> bytes:
        """All traces that were received, without headers: LangSmith's own key must be in those."""
        return b"".join(body for body, path in zip(self.bodies, self.paths, strict=True) if path in _OF_TRACES)

    def roots(self) -> list[Run]:
        """Rebuild the trees from posts and patches; every parent must have come."""
        runs: dict[str, Run] = {}
        for body, headers, path in zip(self.bodies, self.headers, self.paths, strict=True):
            for name, value in _parts(body, headers) if path == "/runs/multipart" else ():
                _kind, identity, *rest = name.split(".")
                run = runs.setdefault(identity, Run(identity))
                run.fields.update({rest[0]: value} if rest else {k: v for k, v in value.items() if v is not None})
        roots = []
        for run in sorted(runs.values(), key=lambda one: one.fields["dotted_order"]):
            parent = run.fields.get("parent_run_id")
            if parent is None:
                roots.append(run)
            else:
                runs[parent].children.append(run)
        return roots

    def spans(self) -> list[Any]:
        """Return the OTLP spans that came."""
        found: list[Any] = []
        for body, headers, path in zip(self.bodies, self.headers, self.paths, strict=True):
            if path == "/v1/traces":
                plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
                request = ExportTraceServiceRequest.FromString(plain)
                found += [span for of in request.resource_spans for scope in of.scope_spans for span in scope.spans]
        return found


def _parts(body: bytes, headers: Record) -> Iterator[tuple[str, Any]]:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        yield str(name), json.loads(part.get_payload(decode=True) or b"null")


def handler_of(sink: Sink, status: int) -> type[BaseHTTPRequestHandler]:
    """Return a handler that keeps what comes, or refuses all with a status."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            limits = {"use_multipart_endpoint": True, "size_limit": 100, "size_limit_bytes": 20_000_000}
            limits |= {"scale_up_nthreads_limit": 4, "scale_up_qsize_trigger": 1000, "scale_down_nempty_trigger": 4}
            self._answer(json.dumps({"version": "0", "batch_ingest_config": limits, "instance_flags": {}}).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if status == 200:
                sink.bodies.append(body)
                sink.headers.append(dict(self.headers))
                sink.paths.append(self.path)
            self._answer(b"{}")

        def _answer(self, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@contextmanager
def listening(status: int = 200) -> Iterator[Sink]:
    """Serve a sink; one with another status than 200 refuses everything."""
    sink = Sink()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(sink, status))
    server.daemon_threads = True
    with _served(server):
        sink.url = f"http://127.0.0.1:{server.server_port}"
        yield sink


@contextmanager
def hanging() -> Iterator[str]:
    """Serve what takes connections and never says a word; yield its address."""
    over = threading.Event()

    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            over.wait(60)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Silent)
    server.daemon_threads = True
    with _served(server):
        yield f"http://127.0.0.1:{server.server_address[1]}"
        over.set()


@contextmanager
def _served(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def wait_until(holds: Any, seconds: float = 20.0) -> None:
    """Wait until something holds, or fail."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)

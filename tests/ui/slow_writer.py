"""A language model on the loopback that writes RAVEL's articles slowly, word by word, as real ones stream."""

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "agents"))

from cassette_server import texts

_MOST_S = 60  # a reply that is held ends by itself after this time


class Says(Protocol):
    """What answers: `says` gives the reply to a request's texts, `asked` who was asked, in order."""

    asked: list[tuple[str, str | None]]

    def says(self, texts: Sequence[str]) -> str | Exception:
        """Return the reply."""


class SlowWriter:
    """Answers as a writer does, some words at a time.

    Args:
        writer: What is answered, such as `ravel_world.Writer`.
        pause_s: How long it waits between pieces of a reply.
        held: Roles whose replies stop in the middle until `release` is set.
    """

    def __init__(self, writer: Says, *, pause_s: float = 0.0, held: frozenset[str] = frozenset()) -> None:
        self.writer, self.pause_s, self.held = writer, pause_s, held
        self.release = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> "SlowWriter":
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.release.set()
        self._http.shutdown()
        self._http.server_close()

    def reply(self, body: Mapping[str, Any]) -> tuple[str, bool]:
        """Return what is said, and whether it is held."""
        with self._lock:
            said = self.writer.says(texts(body))
            role = self.writer.asked[-1][0]
        if isinstance(said, Exception):
            raise said
        return said, role in self.held


def _handler(server: SlowWriter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            said, held = server.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            pieces = said.split(" ")
            for i in range(0, len(pieces), 4):
                self._send({"content": " ".join(pieces[i : i + 4]) + " "})
                if held and i >= len(pieces) // 2:
                    server.release.wait(_MOST_S)
                time.sleep(server.pause_s)
            self._send({}, finish="stop")
            self.wfile.write(b"data: [DONE]\n\n")

        def _send(self, delta: Mapping[str, Any], *, finish: str | None = None) -> None:
            choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
            chunk = {
                "id": "slow",
                "created": 0,
                "model": "slow",
                "object": "chat.completion.chunk",
                "choices": [choice],
            }
            try:
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
                self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    return Handler

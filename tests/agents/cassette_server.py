"""Loopback OpenAI-compatible chat servers: one gives scripted answers, one replays recorded exchanges.

A cassette is JSON lines of {"key", "request", "message"}. The key is a hash of what decides an answer: messages,
tools, tool_choice and response_format. A request is answered if its key is known (in recorded order, where a key
occurs more than once; the last one then stays), else by HTTP 404 that names the key and the prompt that changed.
A replay says that it is one: its model is called "replay", and each answer is logged.
"""

import difflib
import hashlib
import json
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ravelar.agents.prompts import load_prompt, prompt_names

ROOT = Path(__file__).resolve().parents[2]
UNANSWERED = ROOT / ".cache" / "unanswered.jsonl"
KEYED = ("messages", "tools", "tool_choice", "response_format")
REPAIR = "asking"
_RESET = 0  # no status: what stands for a lost connection
_ALIKE = 0.5  # below this share of common text a system message is of no prompt of ours

log = logging.getLogger("ravelar.replay")


def request_key(body: Mapping[str, Any]) -> str:
    """Hash what decides an answer: 24 hexadecimal digits."""
    kept = {field: body[field] for field in KEYED if body.get(field)}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Recorded:
    """One recorded exchange, and where it stands."""

    place: str
    key: str
    request: Mapping[str, Any]
    message: Mapping[str, Any]


def read_cassette(path: Path) -> list[Recorded]:
    """Return the exchanges of a cassette, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        Recorded(f"{path.name}:{number}", entry["key"], entry["request"], entry["message"])
        for number, entry in ((n, json.loads(line)) for n, line in enumerate(lines, 1) if line.strip())
    ]


def texts(request: Mapping[str, Any]) -> list[str]:
    """Return the texts of a request's messages, in order."""
    found = []
    for message in request.get("messages", []):
        content = message.get("content") or ""
        parts = [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        found.append("".join(parts))
    return found


def prompt_of(request: Mapping[str, Any]) -> str | None:
    """Say which prompt a request was rendered from, also if that has changed since; None if it is none of ours."""
    system, user = [*texts(request), "", ""][:2]
    prompts = [load_prompt(name) for name in prompt_names() if name != REPAIR]
    for prompt in prompts:
        if prompt.matches(system, user):
            return prompt.name
    shares = {
        prompt.name: difflib.SequenceMatcher(None, prompt.system.split(), system.split(), autojunk=False).ratio()
        for prompt in prompts
    }
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= _ALIKE else None


def changed_prompts(request: Mapping[str, Any]) -> list[str]:
    """Name the prompts that a recorded request can no longer be rendered from; none if it is still good."""
    said = texts(request)
    name = prompt_of(request)
    if name is None:
        return ["(no prompt of ours is like it)"]
    changed = [] if load_prompt(name).matches(*[*said, "", ""][:2]) else [name]
    repair = load_prompt(REPAIR)
    if any(not repair.matches("", turn) for turn in said[3::2]):
        changed.append(REPAIR)
    return changed


class LoopbackServer:
    """A chat server on the loopback; subclasses say what it answers."""

    model = "loopback"

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Return a status, and an assistant message or an error body."""
        raise NotImplementedError

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()

    def __enter__(self) -> "LoopbackServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def received(self, body: dict[str, Any]) -> tuple[int, Mapping[str, Any]]:
        with self._lock:
            self.requests.append(body)
        return self.answer(body)


class Hang:
    """An answer that never comes."""


class Reset:
    """An answer whose connection is lost in the middle of it."""


class ScriptedServer(LoopbackServer):
    """Gives its answers in order, the last one again and again.

    An answer is a text, a whole assistant message, a status with an error text and perhaps headers, `Hang()` or
    `Reset()`. `finish` sets
    finish_reason by the text: "length" for a text that ends with the mark "[cut]".
    """

    def __init__(self, answers: Iterable[Any]) -> None:
        super().__init__()
        self._answers = deque(answers)

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        with self._lock:
            answer = self._answers[0] if len(self._answers) == 1 else self._answers.popleft()
        if isinstance(answer, Hang):
            self.stopping.wait(60)
            return 504, {"error": {"message": "hung"}}
        if isinstance(answer, Reset):
            return _RESET, {}
        if isinstance(answer, tuple):
            status, text, *headers = answer
            return status, {"error": {"message": text, "type": "test"}, "headers": headers[0] if headers else {}}
        return 200, {"role": "assistant", "content": answer} if isinstance(answer, str) else answer


class CassetteServer(LoopbackServer):
    """Replays cassettes.

    Args:
        paths: The cassettes.
        unanswered: Where requests with unknown keys are kept, for `make cassettes`; None keeps none.
    """

    model = "replay"

    def __init__(self, *paths: Path, unanswered: Path | None = UNANSWERED) -> None:
        super().__init__()
        self._tape: defaultdict[str, deque[Recorded]] = defaultdict(deque)
        self._recorded = [entry for path in paths for entry in read_cassette(path)]
        for entry in self._recorded:
            self._tape[entry.key].append(entry)
        self._unanswered = unanswered
        self.problems: list[str] = []
        log.info("replaying %d recorded exchanges of %s", len(self._recorded), ", ".join(p.name for p in paths))

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        key = request_key(body)
        with self._lock:
            tape = self._tape.get(key)
            if tape:
                entry = tape[0] if len(tape) == 1 else tape.popleft()
                log.info("replayed %s for prompt %s", entry.place, prompt_of(body))
                return 200, entry.message
            problem = why_unknown(body, self._recorded)
            self.problems.append(problem)
            self._keep(key, body)
        log.warning(problem)
        return 404, {"error": {"message": problem, "type": "not_recorded", "code": key}}

    def _keep(self, key: str, body: Mapping[str, Any]) -> None:
        if self._unanswered is not None:
            self._unanswered.parent.mkdir(parents=True, exist_ok=True)
            with self._unanswered.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "request": body}, ensure_ascii=False) + "\n")


def why_unknown(body: Mapping[str, Any], recorded: Sequence[Recorded]) -> str:
    """Say why a request has no recorded answer: which prompt changed, or that something else filled it."""
    name = prompt_of(body)
    head = f"no recorded answer for key {request_key(body)} of prompt {name}:"
    changed = sorted(
        {p for entry in recorded if prompt_of(entry.request) == name for p in changed_prompts(entry.request)}
    )
    if changed:
        return f"{head} {', '.join(changed)} changed since the recording; see: make cassettes"
    alike = [texts(entry.request) for entry in recorded if prompt_of(entry.request) == name]
    if not alike:
        return f"{head} nothing was recorded for this prompt"
    return f"{head} the prompt is unchanged, what fills it is not: {_difference(texts(body), alike)}"


def _difference(asked: Sequence[str], recorded: Sequence[Sequence[str]]) -> str:
    text = "\n".join(asked)
    nearest = max(("\n".join(one) for one in recorded), key=lambda one: _common(text, one))
    at = _common(text, nearest)
    start = max(0, at - 30)
    return f"asked {text[start : at + 60]!r}, recorded {nearest[start : at + 60]!r}"


def _common(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _handler(server: LoopbackServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            status, message = server.received(body)
            if status == _RESET:
                return self._lose()
            if status != 200:
                headers = message.get("headers", {})
                return self._send(status, "application/json", json.dumps(message), headers)
            if body.get("stream"):
                return self._send(200, "text/event-stream", _streamed(server.model, body, message))
            choice = {"index": 0, "message": message, "finish_reason": _finish(message), "logprobs": None}
            whole = {**_head(server.model), "object": "chat.completion", "choices": [choice]}
            return self._send(200, "application/json", json.dumps({**whole, "usage": _usage(body, message)}))

        def _lose(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"id": "chatcmpl-loopback", "choices": [')
            self.close_connection = True

        def _send(self, status: int, kind: str, text: str, headers: Mapping[str, str] | None = None) -> None:
            data = text.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):  # the client had its timeout
                self.close_connection = True

    return Handler


def _head(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-loopback", "created": 0, "model": model}


def _finish(message: Mapping[str, Any]) -> str:
    if str(message.get("content") or "").endswith("[cut]"):
        return "length"
    return "tool_calls" if message.get("tool_calls") else "stop"


def _usage(body: Mapping[str, Any], message: Mapping[str, Any]) -> dict[str, int]:
    sent, said = len(json.dumps(body.get("messages", []))) // 4, len(json.dumps(message)) // 4
    return {"prompt_tokens": sent, "completion_tokens": said, "total_tokens": sent + said}


def _streamed(model: str, body: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    calls = [{**call, "index": i} for i, call in enumerate(message.get("tool_calls") or [])]
    delta = {**message, **({"tool_calls": calls} if calls else {})}
    choices = [
        {"index": 0, "delta": delta, "finish_reason": None},
        {"index": 0, "delta": {}, "finish_reason": _finish(message)},
    ]
    chunks = [{**_head(model), "object": "chat.completion.chunk", "choices": [choice]} for choice in choices]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**chunks[0], "choices": [], "usage": _usage(body, message)})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"

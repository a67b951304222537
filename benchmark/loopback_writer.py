"""A language model on the loopback that writes articles: it keeps RAVEL's forms, says nothing, and takes its time.

It is no model: what it writes is drawn from a list of words, so that sections differ, and it gives each text a 9. What
is measured with it is what a run sends and how long it takes, never how well it writes.
"""

import json
import random
import re
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from ravelar.agents.prompts import load_prompt
from ravelar.agents.ravel.languages import ROLES, prompt_of

_SECTION = re.compile(r"<section>\n(s\d+) ")
_WORDS = tuple(
    """
    harbour quay pilot winter ledger master captain rope tar salt timber coal fog bell lamp tower storm tide channel
    dredger crane shed warehouse market herring barrel ferry customs officer clerk widow orphan council vote debt loan
    interest freight charter voyage wreck salvage insurance court witness judge letter promise strike wage night shift
    engine boiler smoke bridge lock canal mud sand stone granite iron steel bolt sail mast anchor chain buoy signal
    flag gull ice thaw spring summer autumn road cart horse rail wagon bread fish oil lantern window door key chart
    compass north south east west island coast cliff beach dune meadow farm village town city border war peace
    """.split()  # noqa: SIM905
)
_VERBS = ("kept", "sold", "bought", "lost", "found", "built", "burned", "raised", "paid", "owed", "carried", "hid")


class LoopbackWriter:
    """A server on a free port of the loopback, in threads of this process; ends with its context.

    Args:
        sections: Sections of each outline.
        characters: Characters of each section's text.
        latency_s: Seconds that each answer takes.

    Attributes:
        url: Where it listens, as `base_url` takes it.
        prompt_characters: Characters of all messages that it was sent.
        calls: How many requests it has answered.
        most_at_once: How many were waiting at the same time, at most.
    """

    def __init__(self, sections: int, *, characters: int = 1_500, latency_s: float = 0.05) -> None:
        self.sections, self.characters, self.latency_s = sections, characters, latency_s
        self.prompt_characters = self.calls = self.most_at_once = self._now = self._planned = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def begin(self) -> None:
        """Count from here on."""
        with self._lock:
            self.prompt_characters = self.calls = self.most_at_once = self._planned = 0

    def answer(self, body: Mapping[str, Any]) -> str:
        """Return what it says to a request, after its latency."""
        texts = [str(message.get("content") or "") for message in body.get("messages", [])]
        with self._lock:
            self.calls += 1
            self.prompt_characters += sum(map(len, texts))
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        time.sleep(self.latency_s)
        said = self._said(*[*texts, "", ""][:2])
        with self._lock:
            self._now -= 1
        return said

    def _said(self, system: str, user: str) -> str:
        role = next(role for role in ROLES if load_prompt(prompt_of("en", role)).matches(system, user))
        if role == "planner":
            with self._lock:
                self._planned += 1
                return _action(self._planned - 1, self.sections)
        if role == "outliner":
            return _outline(self.sections)
        if role == "reviewer":
            return _review()
        found = _SECTION.search(user)
        text = _prose(found[1] if found else "s1", self.characters)
        changes = "<changes>none</changes>\n" if role == "refiner" else ""
        return f"{changes}<content>\n{text}\n</content>\n<summary>{text[:180]}</summary>"


def _action(nth: int, sections: int) -> str:
    """Return the planner's nth decision: the outline, then each section drafted and reviewed, then the end."""
    section = f"s{(nth + 1) // 2}"
    if nth == 0:
        operation, named = "outline", None
    elif nth > 2 * sections:
        operation, named = "finish", None
    else:
        operation, named = ("draft" if nth % 2 else "review"), section
    return json.dumps({"thought": f"{operation} is what comes next", "operation": operation, "section": named})


def _outline(sections: int) -> str:
    planned = [{"title": f"{a.title()} and {b}", "points": [f"what the {a} was for", f"who paid for the {b}"]}
               for a, b in zip(_WORDS[:sections], _WORDS[40 : 40 + sections], strict=True)]  # fmt: skip
    return json.dumps({"thought": "by trade", "title": "A harbour and its people", "sections": planned})


def _review() -> str:
    names = ("brief", "points", "substance", "coherence", "language")
    judged = {name: {"comment": "The first sentence does what is asked.", "verdict": "met"} for name in names}
    return json.dumps({**judged, "feedback": "", "score": 9})


def _prose(seed: str, characters: int) -> str:
    """Return a text of about so many characters, always the same for the same seed."""
    draw, text = random.Random(seed), ""
    while len(text) < characters:
        one, other, third = draw.sample(_WORDS, 3)
        text += f"The {one} {draw.choice(_VERBS)} the {other}, and by the {third} it was {draw.randint(2, 99)} years. "
    return text.strip()


def _handler(writer: LoopbackWriter) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            message = {"role": "assistant", "content": writer.answer(body)}
            usage = {"prompt_tokens": len(json.dumps(body)) // 4, "completion_tokens": len(message["content"]) // 4}
            usage["total_tokens"] = sum(usage.values())
            head = {"id": "chatcmpl-loopback", "object": "chat.completion", "created": 0, "model": "loopback"}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            data = json.dumps({**head, "choices": choices, "usage": usage}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler

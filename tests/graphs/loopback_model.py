"""A loopback language model that answers RLAR's decisions by role, and the `ravelar` process that talks to it.

    with RoleServer({"task namer": named(spec), "writer": written(source)}) as model:
        process = begin("acquire", ..., "--base-url", model.url)
        model.asked  # ["task namer", "writer"]

A role that is in `hanging` gets no answer while the server lives; `waiting` is set as soon as one is asked.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "graphs", TESTS / "agents", TESTS / "hub"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from cassette_server import CassetteServer, LoopbackServer, texts  # noqa: E402, F401
from hub_server import HubServer  # noqa: E402, F401  for those who import this
from rlar_world import ROLES  # noqa: E402

Answer = str | Callable[[str], str]


class RoleServer(LoopbackServer):
    """Says the same to the same question, as a model at temperature 0 does; counts who was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__()
        self.answers = dict(answers)
        self.asked: list[str] = []
        self.hanging: set[str] = set()
        self.waiting = threading.Event()

    def answer(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        system, user = [*texts(body), "", ""][:2]
        role = next((role for role, words in ROLES.items() if words in system), system[:60])
        with self._lock:
            self.asked.append(role)
        if role in self.hanging:
            self.waiting.set()
            self.stopping.wait(100)
            return 504, {"error": {"message": "hung"}}
        if role not in self.answers:
            return 400, {"error": {"message": f"nothing is prepared for {role!r}"}}
        said = self.answers[role]
        return 200, {"role": "assistant", "content": said(user) if callable(said) else said}


_HEARING = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from ravelar.cli.main import main; main()"
)


def begin(*arguments: str) -> "subprocess.Popen[str]":
    """Start the command line in a process of its own, which hears Ctrl-C even where whoever runs the tests does not."""
    return subprocess.Popen(
        [sys.executable, "-c", _HEARING, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]", typed: str = "") -> "subprocess.CompletedProcess[str]":
    """Wait for it, bounded, and return what it said."""
    try:
        out, err = process.communicate(typed, timeout=100)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def write_jsonl(path: Path, rows: Any) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def reward_model_files(**more: bytes) -> dict[str, bytes]:
    """Make the files of a reward model that looks usable from outside; there is nothing in its weights."""
    config = {
        "architectures": ["LlamaForSequenceClassification"],
        "model_type": "llama",
        "num_labels": 1,
        "id2label": {"0": "LABEL_0"},
        "max_position_embeddings": 512,
        "pad_token_id": 2,
        "torch_dtype": "float32",
    }
    tokenizer = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "chat_template": "{{ messages }}"}
    safetensors = pytest.importorskip("safetensors.numpy", reason="reward models need the extra `models`")
    weights = {"model.embed_tokens.weight": np.zeros((32, 8), "f4"), "score.weight": np.zeros((1, 8), "f4")}
    return {
        "README.md": b"---\nlicense: apache-2.0\n---\nA reward model.\n",
        "config.json": json.dumps(config).encode(),
        "model.safetensors": safetensors.save(weights),
        "tokenizer.json": b'{"version": "1.0"}',
        "tokenizer_config.json": json.dumps(tokenizer).encode(),
        **more,
    }

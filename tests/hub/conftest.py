"""The loopback Hub, small repositories to put on it, and a client that does not really wait."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ravelar.tools.hub.client import HubClient


def _module(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    if f"tests_hub_{name}" not in sys.modules:
        spec = importlib.util.spec_from_file_location(f"tests_hub_{name}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
    return sys.modules[f"tests_hub_{name}"]


HubServer = _module("hub_server").HubServer


@pytest.fixture
def hub() -> Iterator[Any]:
    with HubServer() as hub:
        yield hub


@pytest.fixture
def hub_server() -> type:
    """The class, for tests that need a Hub of their own making."""
    return HubServer


class Pauses(list[float]):
    """Remembers how long it was asked to sleep, and does not."""

    __call__ = list.append


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[..., HubClient]]:
    """Make a client of a loopback Hub that never really waits; `pauses` of it says how long it would have."""
    made: list[HubClient] = []

    def make(hub: Any, **settings: Any) -> HubClient:
        pauses = Pauses()
        settings = {"token": "", "timeout_s": 5.0, "cache_dir": tmp_path / "hub", "sleep": pauses, **settings}
        made.append(HubClient(endpoint=hub if isinstance(hub, str) else hub.url, **settings))
        made[-1].pauses = pauses
        return made[-1]

    yield make
    for each in made:
        each.close()


def header(tensors: Mapping[str, tuple[str, list[int]]], **metadata: str) -> bytes:
    """Make a whole safetensors file of zeros."""
    sizes = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8}
    described: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    at = 0
    for name, (dtype, shape) in tensors.items():
        n = sizes[dtype]
        for side in shape:
            n *= side
        described[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + n]}
        at += n
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + bytes(at)


@pytest.fixture
def safetensors_file() -> Callable[..., bytes]:
    """Make a safetensors file of zeros from `{name: (dtype, shape)}`."""
    return header


@pytest.fixture
def reward_model_files() -> Callable[..., dict[str, bytes]]:
    """Make the files of a small single-label reward model; `config` and `readme` override, None drops a file."""

    def make(
        config: Mapping[str, Any] | None = None,
        tensors: Mapping[str, tuple[str, list[int]]] | None = None,
        readme: str = "---\nlicense: apache-2.0\n---\nA reward model.\n",
        **more: bytes | None,
    ) -> dict[str, bytes]:
        settings = {
            "architectures": ["LlamaForSequenceClassification"],
            "model_type": "llama",
            "num_labels": 1,
            "id2label": {"0": "LABEL_0"},
            "max_position_embeddings": 512,
            "pad_token_id": 2,
            "torch_dtype": "float32",
            **(config or {}),
        }
        shapes = tensors or {"model.embed_tokens.weight": ("F32", [32, 8]), "score.weight": ("F32", [1, 8])}
        tokenizer = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 512}
        files: dict[str, bytes | None] = {
            "README.md": readme.encode(),
            "config.json": json.dumps({k: v for k, v in settings.items() if v is not None}).encode(),
            "model.safetensors": header(shapes),
            "tokenizer.json": b'{"version": "1.0"}',
            "tokenizer_config.json": json.dumps({**tokenizer, "chat_template": "{{ messages }}"}).encode(),
            **more,
        }
        return {path: data for path, data in files.items() if data is not None}

    return make

"""Modules beside these tests, and a loopback OpenAI-compatible server."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ravelar.tools.chat.meter import Meter
from ravelar.tools.task import TaskSpec


def beside(name: str) -> ModuleType:
    """Import a module that stands beside the tests."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def goldens() -> ModuleType:
    return beside("goldens")


@pytest.fixture(scope="session")
def cassette_server() -> ModuleType:
    return beside("cassette_server")


@pytest.fixture
def spec(goldens: ModuleType) -> TaskSpec:
    return goldens.SPEC


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def serve(cassette_server: ModuleType) -> Iterator[Callable[..., Any]]:
    """Start a loopback server that gives scripted answers; returns it."""
    servers = []

    def start(*answers: Any) -> Any:
        server = cassette_server.ScriptedServer(answers)
        server.start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.stop()

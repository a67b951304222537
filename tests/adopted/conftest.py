"""Entries to adopt, and places to keep them: a SQLite file, a PostgreSQL database, memory."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.adopted.entry import Entry, WrittenRecipe
from ravelar.tools.adopted.store import AdoptedStore, open_store
from ravelar.tools.card import ToolCard
from ravelar.tools.evidence.trial import Rate, Trial
from ravelar.tools.task import TaskSpec

ADOPTER = Path(__file__).with_name("adopter.py")


def entry_of(label: str = "haiku", source: str = "def verify(p, c, r):\n    return 1.0\n", **changes: Any) -> Entry:
    rate = Rate(value=0.99, low=0.93, high=1.0, n=60)
    parts = {
        "task": TaskSpec(label=label, summary="Write a haiku.", correct="Five, seven, five.", reference_decides=False),
        "card": ToolCard(name=label, kind="verifier", task="haiku", summary="Counts syllables."),
        "recipe": WrittenRecipe(source=source),
        "trial": Trial(probes="sha256:0", half="held_out", n=120, good=rate, bad=rate),
    }
    return Entry(**(parts | changes))


@pytest.fixture
def make_entry() -> Callable[..., Entry]:
    return entry_of


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database of the test's own on the server that RAVELAR_TEST_POSTGRES names."""
    server = os.environ.get("RAVELAR_TEST_POSTGRES")
    if not server:
        pytest.skip("no PostgreSQL: RAVELAR_TEST_POSTGRES is not set (.ci/postgres.sh starts one)")
    import psycopg  # noqa: PLC0415

    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place that several processes can share, of either kind."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path}/of/mine/library.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AdoptedStore]:
    with open_store(tmp_path / "library.sqlite", who="tests") as store:
        yield store


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AdoptedStore]:
    if request.param == "postgres":
        place = str(request.getfixturevalue("postgres_url"))
    else:
        place = "memory:" if request.param == "memory" else str(tmp_path / "library.sqlite")
    with open_store(place, who="tests") as store:
        yield store


@pytest.fixture
def adopter() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start a process that adopts; it says "ready", waits for a line, and then writes away."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, str(ADOPTER), *arguments]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()

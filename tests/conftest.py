"""What all tests share: the real data beside the checkout, a clean environment, and small fake tools."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ravelar.tools.card import ToolCard
from ravelar.tools.reward import RawScore, Triple
from ravelar.tools.sandbox.errors import SandboxUnavailable
from ravelar.tools.sandbox.local import LocalSandbox

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("RAVELAR_SHARED", ROOT.parent / "shared" / "data"))
KEPT_VARIABLES = {
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CI", "VIRTUAL_ENV", "TERM", "RAVELAR_SHARED", "RAVELAR_TEST_POSTGRES"
}  # fmt: skip


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys, proxies and tracing switches of the machine must not change what a test does."""
    for name in list(os.environ):
        if name not in KEPT_VARIABLES and not name.startswith(("PYTEST_", "COV")):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def no_library_of_anyones(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nobody's own adopted tools are read or written, by the test or by a process that it starts."""
    nowhere = tmp_path_factory.getbasetemp() / uuid.uuid4().hex / "library.sqlite"
    monkeypatch.setenv("RAVELAR_LIBRARY", str(nowhere))


@pytest.fixture
def shared() -> Callable[[str], Path]:
    """Find a file of the real data, or skip by its name."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.exists():
            pytest.skip(f"real data {name} is not here (looked in {SHARED})")
        return path

    return find


@pytest.fixture
def ravelar() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command line in a process of its own, as a person would."""

    def run(*arguments: str, stdin: str | None = None, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "ravelar", *arguments],
            input=stdin,
            cwd=cwd or ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


class FakeTool:
    """A tool that says what it was told to say, and remembers what it was asked."""

    def __init__(
        self,
        name: str = "fake",
        says: Callable[[Triple], RawScore] | None = None,
        low: float = 0.0,
        high: float = 1.0,
        direction: str = "higher",
    ) -> None:
        self.card = ToolCard(
            name=name, kind="verifier", task="tests", summary="A fake.", low=low, high=high, direction=direction
        )
        self.says = says or (lambda triple: 1.0)
        self.batches: list[list[Triple]] = []

    def score(self, triples: Sequence[Triple]) -> list[RawScore]:
        self.batches.append(list(triples))
        return [self.says(triple) for triple in triples]


@pytest.fixture
def fake_tool() -> type[FakeTool]:
    return FakeTool


@pytest.fixture(scope="session")
def jail() -> Iterator[LocalSandbox]:
    """The local sandbox; where this machine has none, its tests are skipped with the sandbox's own words."""
    try:
        sandbox = LocalSandbox()
        sandbox.self_test()
    except SandboxUnavailable as error:
        pytest.skip(f"no local sandbox: {error}")
    with sandbox:
        yield sandbox

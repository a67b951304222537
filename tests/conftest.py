"""What all tests share: the real data beside the checkout, a clean environment, and small fake tools."""

import gc
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import certifi
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run also the tests that are marked slow, as .ci/run does")


def pytest_configure(config: pytest.Config) -> None:
    """Heed Ctrl-C also where a shell started the run in the background, and so with it ignored in all that we start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.default_int_handler)


ALL_SLOW = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.slow", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out a file of slow tests alone without importing it: torch, TRL and others take seconds."""
    if config.option.slow or config.args != config.getini("testpaths") or collection_path.suffix != ".py":
        return None
    return True if ALL_SLOW.search(collection_path.read_text(encoding="utf-8")) else None


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out, unless `--slow` is given or a test is named by its id; keep sharers together."""
    if not config.option.slow and not any("::" in named for named in config.args):
        slow = [item for item in items if item.get_closest_marker("slow")]
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
    for item in items:
        if shares_a_fixture(item) and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if hasattr(config, "workerinput"):  # in one process of several: who gets a long one last lets the others wait
        items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """Take what collecting made out of the garbage collector's rounds: it is half a million objects, and stays."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let the interpreter end as ever."""
    gc.unfreeze()


def shares_a_fixture(item: pytest.Item) -> bool:
    """Say whether a fixture of its module serves a test: in another process it would be made a second time."""
    fixtures = item._fixtureinfo.name2fixturedefs.values() if isinstance(item, pytest.Function) else ()
    return any(each.scope == "module" for found in fixtures for each in found)


@pytest.fixture(scope="session")
def one_authority(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate authority, as OpenSSL's file of all: reading some 140 takes 20 ms for each client of HTTP."""
    first, end, _ = Path(certifi.where()).read_text(encoding="ascii").partition("-----END CERTIFICATE-----\n")
    path = tmp_path_factory.mktemp("authority") / "one.pem"
    path.write_text(first + end, encoding="ascii")
    return str(path)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, one_authority: str) -> None:
    """Keys, proxies and tracing switches of the machine must not change what a test does; nothing here uses TLS."""
    for name in list(os.environ):
        if name not in KEPT_VARIABLES and not name.startswith(("PYTEST_", "COV")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SSL_CERT_FILE", one_authority)


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

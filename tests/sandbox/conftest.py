"""One sandbox for most tests, the hostile snippets, and a look at the processes that are ours."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from ravelar.tools.sandbox.local import LocalSandbox

if sys.platform != "linux":
    pytest.skip("the local sandbox needs Linux", allow_module_level=True)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[LocalSandbox]:
    with LocalSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def attack_cases() -> ModuleType:
    path = Path(__file__).with_name("attack_cases.py")
    spec = importlib.util.spec_from_file_location("attack_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def processes() -> dict[int, tuple[int, str]]:
    """Return parent and state of every process that is not yet reaped."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        found[int(status.parent.name)] = int(parent), state
    return found


@pytest.fixture(scope="session")
def descendants() -> Callable[[int], set[int]]:
    """Find all processes below one."""

    def find(root: int) -> set[int]:
        known, below = processes(), {root}
        while more := {pid for pid, (parent, _) in known.items() if parent in below} - below:
            below |= more
        return below - {root}

    return find

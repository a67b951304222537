import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.instructions import Instructions
from ravelar.tools.verifiers.instructions.reading import instructions_of

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def follows() -> Callable[[str, dict[str, Any], str], bool]:
    """Say whether a text follows one instruction, by the strict tool."""

    def judge(instruction_id: str, kwargs: dict[str, Any], text: str) -> bool:
        reference = {"instruction_id_list": [instruction_id], "kwargs": [kwargs]}
        [scored] = Instructions().score([Triple("", text, reference)])
        assert isinstance(scored, Scored), scored
        return scored.raw == 1.0

    return judge


@pytest.fixture
def check() -> Callable[[str, dict[str, Any], str], bool]:
    """The same for texts that no completion may be, such as a million characters of one kind."""

    def judge(instruction_id: str, kwargs: dict[str, Any], text: str) -> bool:
        reference = {"instruction_id_list": [instruction_id], "kwargs": [kwargs]}
        [instruction] = instructions_of(Triple("", "", reference))
        return instruction.followed_by(text)

    return judge


@pytest.fixture(scope="session")
def shared_rows() -> Callable[[str], list[dict[str, Any]]]:
    """Read a file of the shared data; skip where it is absent."""
    root = Path(os.environ.get("RAVELAR_SHARED") or REPOSITORY.parent / "shared")
    folder = root / "data" if (root / "data").is_dir() else root

    def rows(name: str) -> list[dict[str, Any]]:
        path = folder / f"{name}.jsonl.gz"
        if not path.is_file():
            pytest.skip(f"shared data {name} is not at {path}; set RAVELAR_SHARED to its folder")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    return rows

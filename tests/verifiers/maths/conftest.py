import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ravelar.tools.errors import RewardToolError
from ravelar.tools.reward import Scored, Triple
from ravelar.tools.verifiers.math_answer import MathAnswer

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("RAVELAR_SHARED", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    for name in ("gsm8k/labelled_solutions.jsonl.gz", "math/math500.jsonl.gz"):
        if not (DATA / name).exists():
            pytest.skip(f"real data {name} is not here (looked in {DATA})")
    return DATA


@pytest.fixture(scope="session")
def tool() -> Iterator[MathAnswer]:
    tool = MathAnswer()
    yield tool
    tool.close()


@pytest.fixture
def score(tool: MathAnswer) -> Callable[[Any, str], float | RewardToolError]:
    """Score one completion against a reference; return the bare number or the error."""

    def score_one(reference: Any, completion: str) -> float | RewardToolError:
        [raw] = tool.score([Triple("What is it?", completion, reference)])
        return raw.raw if isinstance(raw, Scored) else raw

    return score_one

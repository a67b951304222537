"""What one process sent to a sink, for all tests of a module."""

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).resolve().parent)
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from sink import Sink  # noqa: E402
from tracing_world import traced  # noqa: E402


@pytest.fixture(scope="module")
def library() -> Sink:
    """What was received of scoring, writing and a reward benchmark."""
    return traced("score", "ravel", "rewards")

"""Services that several tests share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from service_world import Service


@pytest.fixture(scope="module")
def fakes() -> Iterator[Service]:
    """A service over tools that do as they are told, in one process, with a short time limit."""
    lanes = {"time_limit_s": 2.0, "queue_rows": 64, "batch_wait_s": 0.05}
    with Service.of_fakes(lanes=lanes, settings={"max_rows": 256, "max_body_bytes": 4 * 2**20}) as service:
        yield service

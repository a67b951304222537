"""The real jail, shared by all tests of a run, and shorthands for scoring one program."""

from collections.abc import Callable
from typing import Any

import pytest

from ravelar.tools.reward import Scored, Triple
from ravelar.tools.sandbox.protocol import Limits, Sandbox
from ravelar.tools.verifiers.code.tool import UnitTests

LIMITS = Limits(wall_s=2.0, cpu_s=1.0, load_s=2.0)


@pytest.fixture
def judged(jail: Sandbox) -> Callable[..., Scored]:
    """Score one completion against a reference; anything but a score fails the test."""

    def judge(completion: str, reference: Any, *, prompt: str = "Write it.", score: str = "fraction") -> Scored:
        tool = UnitTests(jail, limits=LIMITS, score=score)  # type: ignore[arg-type]
        (scored,) = tool.score([Triple(prompt, completion, reference)])
        assert isinstance(scored, Scored), scored
        return scored

    return judge

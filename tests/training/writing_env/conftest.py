"""What the tests of the writing environment share."""

import pytest
from writing_episodes import finish, planner

from ravelar.training.ravel_env import RavelPlanner


@pytest.fixture
def finished() -> RavelPlanner:
    """An episode without a wrong step."""
    return finish(planner())

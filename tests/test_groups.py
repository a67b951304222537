"""Tests that must not run side by side, or share what a module makes, stay in one process of pytest-xdist."""

import pytest


@pytest.mark.xdist_group("together")
def test_a_group_reaches_the_scheduler(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("not run by --dist loadgroup")
    assert request.node.nodeid.endswith("@together")  # by which pytest-xdist sends tests to one process

"""Files of tests that need what may not be installed: skipped by its name, and without importing it."""

import importlib.util

import pytest


def skip_without(module: str, reason: str) -> None:
    """Skip the file, or the test, that asks; `pytest.importorskip` would load the module while tests are collected."""
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"could not find {module!r}: {reason}", allow_module_level=True)

"""The examples in the docstrings are true."""

import doctest

import pytest

from ravelar.tools import options
from ravelar.tools.verifiers import match


@pytest.mark.parametrize("module", [options, match], ids=lambda module: module.__name__)
def test_docstring_examples_are_true(module: object) -> None:
    found = doctest.testmod(module)  # type: ignore[arg-type]
    assert found.attempted
    assert not found.failed

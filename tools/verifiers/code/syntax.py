"""Parsing source that others wrote."""

import ast
import warnings


def parsed(source: str) -> ast.Module | None:
    """Return the tree of a module, or None if it does not compile; warnings about its style are nobody's business."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None

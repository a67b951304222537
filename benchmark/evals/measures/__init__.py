"""Measures of a text that need no language model: gates that refuse it by name, and figures that only show drift."""

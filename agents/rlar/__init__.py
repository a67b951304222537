"""The decisions of RLAR, one a file, each with its prompt beside it."""

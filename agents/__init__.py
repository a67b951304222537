"""One language-model decision per file, its prompt beside it."""

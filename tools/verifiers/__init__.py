"""Built-in reward tools that need no model."""

"""C3EBench's decisions of a language model: judging a text, comparing two, and making items from texts."""

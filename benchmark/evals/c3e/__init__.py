"""C3EBench: its items, and what a writer may see of them."""

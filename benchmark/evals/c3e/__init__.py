"""C3EBench (arXiv 2603.00686): its items, its published files, and what a writer is sent of each item."""

"""Data sets, systems, judging, metrics, reports, speed benchmarks."""

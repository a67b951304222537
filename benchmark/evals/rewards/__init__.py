"""Reward benchmarks in their own file formats: cases, whoever scores them, rows, and the published figures."""

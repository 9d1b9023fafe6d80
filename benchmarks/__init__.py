"""Benchmarks that prove their output: `python -m benchmarks.NAME` (see README.md beside this)."""

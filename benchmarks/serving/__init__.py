"""Serving speed beside what users would run instead; `python -m benchmarks.serving`."""

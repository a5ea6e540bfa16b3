"""Suites of problems, scoring, and before/after tables."""

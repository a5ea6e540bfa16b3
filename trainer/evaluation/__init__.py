"""Suites of bugs with executable checks, run through the path that serves the editor."""

from trainer.evaluation.static_suite import Outcome, StaticResult, run_static

__all__ = ["Outcome", "StaticResult", "run_static"]

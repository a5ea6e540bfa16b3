"""The user's own test as evidence: only with their consent, only in the sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from whetstone.engine.base import Cancel
from whetstone.problem import Document
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.evidence import TestRunner
    from whetstone.sandbox import RunResult


def runner_for(
    document: Document, settings: Settings, root: Path | None, cancel: Cancel
) -> TestRunner | None:
    """Runs `test.command` on a copy of the workspace; None when nothing may or can be run."""
    command = settings.test.command
    if not command or not settings.test.consent or root is None or document.path is None:
        return None
    if not document.path.is_relative_to(root):
        return None

    def run(new_text: str) -> RunResult:
        from whetstone.sandbox import Limits, test_in_copy

        limits = Limits(timeout_s=settings.test.timeout_s, memory_mb=settings.test.memory_mb)
        return test_in_copy(
            document, new_text, command, root, limits, cancel, ignore_globs=settings.ignore_globs
        )

    return run

"""A test command as the judge of a file's texts: one run for each, or many in one pytest."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from whetstone.problem import Document
from whetstone.sandbox import Limits, RunResult, copied, test_in_copy
from whetstone.settings import IGNORE_GLOBS
from whetstone.testing.bench import INSIDE, MANY_S

_EACH_S = 5.0


class CommandJudge:
    """Runs `command` in copies of the workspace `root` in which `document` has another text."""

    def __init__(
        self,
        document: Document,
        command: Sequence[str],
        root: Path,
        limits: Limits,
        *,
        ignore_globs: Iterable[str] = IGNORE_GLOBS,
    ) -> None:
        self._document = document
        self._command = command
        self._root = root.resolve()
        self._limits = limits
        self._globs = tuple(ignore_globs)
        self._one_by_one = False  # the command is no pytest, or cannot be forked

    def __call__(self, new_text: str) -> RunResult:
        """Raises SandboxError when it cannot be run."""
        return test_in_copy(
            self._document, new_text, self._command, self._root, self._limits,
            ignore_globs=self._globs,
        )  # fmt: skip

    def passing(self, new_texts: Sequence[str]) -> list[bool] | None:
        """Which of the texts may pass; None where only running them one by one can tell.

        Raises: as `__call__`.
        """
        path = self._document.path
        if self._one_by_one or path is None:
            return None
        with copied(self._root, ignore_globs=self._globs) as copy:
            copy.write(path, self._document.text)
            modules = copy.shared / "modules"
            modules.mkdir()
            for name in ("whetstone_many.py", "whetstone_forked.py"):
                shutil.copyfile(INSIDE / name, modules / name)
            results = copy.shared / "results.json"
            asked = {
                "path": str(copy.cwd / path.resolve().relative_to(self._root)),
                "texts": list(new_texts),
                "timeout_s": min(_EACH_S, self._limits.timeout_s),
                "total_s": MANY_S,
                "results": str(results),
            }
            many = copy.shared / "many.json"
            many.write_text(json.dumps(asked), encoding="utf-8")
            whole_s = MANY_S + self._limits.timeout_s
            copy.run(
                self._command,
                dataclasses.replace(self._limits, timeout_s=whole_s),
                env={"WHETSTONE_MANY": str(many), "PYTEST_PLUGINS": "whetstone_many"},
                modules=modules,
            )
            found = _read(results, len(new_texts))
        self._one_by_one = found is None
        return found


def _read(path: Path, count: int) -> list[bool] | None:
    """The sandbox wrote it: it is believed only where it is what was asked for."""
    try:
        found = json.loads(path.read_bytes()[:1_000_000])
    except (OSError, ValueError):
        return None
    if not isinstance(found, list) or len(found) != count:
        return None
    return [status == 0 for status in found]

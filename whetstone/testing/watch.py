"""A test command of any kind, in a copy of the workspace, with the lines that it ran.

pytest is watched by a plugin, other Python programs by a module that Python imports when it
starts. A command that is neither runs as it is, and nothing is known about its lines.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from whetstone import source_file
from whetstone.engine.base import Cancel
from whetstone.errors import UsageError
from whetstone.locate.coverage import Coverage
from whetstone.sandbox import Limits, RunResult, copied
from whetstone.settings import IGNORE_GLOBS
from whetstone.testing.bench import INSIDE, read_rows


def watched_run(
    command: Sequence[str],
    root: Path,
    texts: Mapping[Path, str],
    limits: Limits | None = None,
    cancel: Cancel | None = None,
    *,
    ignore_globs: Iterable[str] = IGNORE_GLOBS,
) -> tuple[RunResult, Coverage]:
    """Run `command` in a copy of `root` in which the files of `texts` read so.

    Raises:
        SandboxError: it cannot be run.
        Cancelled: `cancel` was set.
    """
    with copied(root, ignore_globs=ignore_globs) as copy:
        for path, text in texts.items():
            copy.write(path, text)
        modules = copy.shared / "modules"
        shutil.copytree(INSIDE, modules, ignore=shutil.ignore_patterns("__*"))
        report = copy.shared / "report.jsonl"
        env = {
            "WHETSTONE_TRACE": str(copy.cwd),
            "WHETSTONE_REPORT": str(report),
            "PYTEST_PLUGINS": "whetstone_pytest",
        }
        result = copy.run(command, limits, cancel, env=env, modules=modules)
        rows = read_rows(report, (limits or Limits()).output_bytes)
        known = {path.resolve(): text for path, text in texts.items()}
        return result, Coverage.of(
            [row for row in rows if "files" in row], reader(root.resolve(), known)
        )


def reader(root: Path, texts: Mapping[Path, str]) -> Callable[[str], str | None]:
    """Reads a file named from the root: as the editor has it, else from the disk."""

    def read(name: str) -> str | None:
        path = (root / name).resolve()
        if path in texts:
            return texts[path]
        if not path.is_relative_to(root):
            return None
        try:
            return source_file.read(path).document.text
        except UsageError:
            return None

    return read

"""A copy of the workspace in which a candidate is tried; the user's own files stay as they are."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import shutil
import sys
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from whetstone.engine.base import Cancel
from whetstone.errors import SandboxError
from whetstone.preferences.redact import is_ignored
from whetstone.problem import Document
from whetstone.sandbox.environment import scrubbed
from whetstone.sandbox.process import Limits, RunResult, WorkFolder, run_within
from whetstone.sandbox.walls import Bind, Level, Walls, available_level
from whetstone.settings import IGNORE_GLOBS

MAX_FILES = 20_000
MAX_BYTES = 512 << 20

_LEFT_OUT = frozenset({
    ".git", ".hg", ".svn", ".jj", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".cache", ".tox", ".nox", ".eggs", ".ipynb_checkpoints", ".idea", ".vscode",
})  # fmt: skip


def test_in_copy(
    document: Document,
    new_text: str,
    command: Sequence[str],
    root: Path,
    limits: Limits | None = None,
    cancel: Cancel | None = None,
    *,
    ignore_globs: Iterable[str] = IGNORE_GLOBS,
) -> RunResult:
    """Run `command` in a copy of the workspace `root` in which `document` reads `new_text`.

    With full isolation the copy appears at the workspace's own path, so that absolute paths and
    editable installs mean the copy. Else the command runs in the copy's folder.

    Raises:
        SandboxError: the workspace is too large to copy, or the command cannot be started.
        Cancelled: `cancel` was set.
    """
    root = root.resolve()
    target = _inside(document, root)
    with WorkFolder() as folder:
        copy = folder / "workspace"
        try:
            needed = copy_workspace(root, copy, ignore_globs=ignore_globs, avoid=folder)
            _write(copy / target, new_text)
            walls = _walls(folder, root, copy, needed)
        except OSError as error:
            raise SandboxError(_advice(error, root)) from error
        result = run_within(walls, command, limits or Limits(), cancel)
        return _renamed(result, copy, root)


test_in_copy.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


def _inside(document: Document, root: Path) -> Path:
    if document.path is None:
        raise SandboxError("A file without a name cannot be tested. Save it first.")
    path = document.path.resolve()
    if not path.is_relative_to(root):
        raise SandboxError(f"{path}: lies outside the workspace {root}, so it cannot be tested.")
    return path.relative_to(root)


def _write(path: Path, text: str) -> None:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8")).readline)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode if path.exists() else 0o644
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode(encoding))
    path.chmod(mode & 0o777 | 0o600)


def _walls(folder: Path, root: Path, copy: Path, needed: list[Path]) -> Walls:
    level: Level = available_level()
    environment = scrubbed(folder)
    environment["PATH"] = _search_path(root, needed, environment)
    binds = [Bind(source=folder, target=folder, writable=True)]
    cwd = copy
    if level == "full" and not folder.is_relative_to(root):
        cwd = root
        for path in needed:
            (copy / path).mkdir(parents=True, exist_ok=True)
        binds.append(Bind(source=copy, target=root, writable=True))
        binds += [Bind(source=root / path, target=root / path) for path in needed]
    else:
        for path in needed:
            (copy / path).symlink_to(root / path, target_is_directory=True)
        # An editable install points at the user's own files; the copy must come before them.
        first = [str(copy / "src"), str(copy)] if (copy / "src").is_dir() else [str(copy)]
        rest = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        environment["PYTHONPATH"] = os.pathsep.join([*first, *rest])
    return Walls(level=level, folder=folder, cwd=cwd, binds=tuple(binds), environment=environment)


def _search_path(root: Path, needed: list[Path], environment: dict[str, str]) -> str:
    """The user's PATH; before it the workspace's own environment unless another one is active,
    after it the one Whetstone runs in."""
    programs = "Scripts" if os.name == "nt" else "bin"
    parts = [environment.get("PATH", os.defpath), str(Path(sys.executable).parent)]
    if "VIRTUAL_ENV" not in environment:
        own = [root / path / programs for path in needed if len(path.parts) == 1]
        parts = [*(str(path) for path in own if path.is_dir()), *parts]
    return os.pathsep.join(parts)


def _renamed(result: RunResult, copy: Path, root: Path) -> RunResult:
    """Output that names the copy names the workspace instead: a traceback leads to the file."""
    return dataclasses.replace(
        result,
        stdout=result.stdout.replace(str(copy), str(root)),
        stderr=result.stderr.replace(str(copy), str(root)),
    )


# -- copying ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Copying:
    root: Path
    target: Path
    globs: tuple[str, ...]
    avoid: Path
    files: int = 0
    size: int = 0
    needed: list[Path] = field(default_factory=list)

    def folder(self, source: Path) -> None:
        relative = source.relative_to(self.root)
        (self.target / relative).mkdir(exist_ok=True)
        try:
            entries = os.scandir(source)
        except PermissionError:
            return  # the command could not read it either
        with entries:
            for entry in entries:
                path = Path(entry.path)
                if is_ignored(path.relative_to(self.root), self.globs):
                    continue
                if entry.is_symlink():
                    self.link(path)
                elif entry.is_dir():
                    self.inner(path)
                elif entry.is_file():  # and no pipe, socket or device
                    self.file(path, entry.stat().st_size)

    def inner(self, path: Path) -> None:
        if path.name in _LEFT_OUT or path == self.avoid:
            return
        if path.name == "node_modules" or (path / "pyvenv.cfg").is_file():
            self.needed.append(path.relative_to(self.root))  # large, and only read
            return
        self.folder(path)

    def link(self, path: Path) -> None:
        """Links within the workspace stay links, and relative ones; others are left out."""
        end = Path(os.path.realpath(path))  # Path.resolve raises for a link to itself
        if not end.is_relative_to(self.root) or not end.exists():
            return
        start = path.parent.resolve()
        if not start.is_relative_to(self.root):
            return
        copy = self.target / path.relative_to(self.root)
        copy.symlink_to(os.path.relpath(end, start), target_is_directory=end.is_dir())

    def file(self, path: Path, size: int) -> None:
        self.files += 1
        self.size += size
        if self.files > MAX_FILES or self.size > MAX_BYTES:
            raise SandboxError(
                f"{self.root}: too large to copy for a test run (more than {MAX_FILES:,} files or "
                f"{MAX_BYTES >> 20} MiB). Open a smaller folder, or name large files and folders "
                "in ignore_globs."
            )
        try:
            shutil.copy2(path, self.target / path.relative_to(self.root), follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.ENOENT):
                raise  # unreadable, or gone meanwhile: the command will say if it matters


def copy_workspace(
    root: Path, target: Path, *, ignore_globs: Iterable[str], avoid: Path
) -> list[Path]:
    """Copy `root` to `target` without history, caches and secrets.

    Returns:
        Virtual environments and the like, relative to `root`: needed, but not copied.

    Raises:
        SandboxError: it is too large.
    """
    copying = _Copying(root=root, target=target, globs=tuple(ignore_globs), avoid=avoid)
    copying.folder(root)
    return copying.needed


def _advice(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{root}: no room for a copy to test in. Free some space, or set TMPDIR."
    return f"{error.filename or root}: cannot be copied for a test run ({error.strerror})."

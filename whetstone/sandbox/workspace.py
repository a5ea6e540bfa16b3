"""A copy of the workspace in which a candidate is tried; the user's own files stay as they are."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import shutil
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from whetstone.engine.base import Cancel
from whetstone.errors import SandboxError
from whetstone.ignored import is_ignored
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

    Raises:
        SandboxError: the workspace is too large to copy, or the command cannot be started.
        Cancelled: `cancel` was set.
    """
    if document.path is None:
        raise SandboxError("A file without a name cannot be tested. Save it first.")
    with copied(root, ignore_globs=ignore_globs) as copy:
        copy.write(document.path, new_text)
        return copy.run(command, limits, cancel)


test_in_copy.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A copy of a workspace in which commands run as if it were the workspace itself.

    With full isolation it appears at the workspace's own path, so that absolute paths and editable
    installs mean the copy. Else commands run in the copy's folder. What one command leaves behind,
    the next one finds. `shared` is a folder that commands see at the same path, and can write.
    """

    root: Path
    shared: Path
    _folder: Path
    _copy: Path
    _needed: tuple[Path, ...]

    def write(self, path: Path, text: str) -> None:
        """Have the file at `path` of the workspace read `text` in the copy.

        Raises:
            SandboxError: it lies outside the workspace, or cannot be written.
        """
        path = path.resolve()
        if not path.is_relative_to(self.root):
            raise SandboxError(
                f"{path}: lies outside the workspace {self.root}, so it cannot be tested."
            )
        try:
            _write(self._copy / path.relative_to(self.root), text)
        except OSError as error:
            raise SandboxError(_advice(error, self.root)) from error

    @property
    def cwd(self) -> Path:
        """Where commands believe that the workspace lies."""
        return self.root if self._hidden else self._copy

    @property
    def _hidden(self) -> bool:
        return available_level() == "full" and not self._folder.is_relative_to(self.root)

    def run(
        self,
        command: Sequence[str],
        limits: Limits | None = None,
        cancel: Cancel | None = None,
        *,
        env: Mapping[str, str] | None = None,
        modules: Path | None = None,
    ) -> RunResult:
        """Run `command` there.

        Args:
            env: variables beside the scrubbed environment.
            modules: a folder whose Python modules come before all others.

        Raises:
            SandboxError: it cannot be started.
            Cancelled: `cancel` was set.
        """
        try:
            walls = self._walls(env or {}, modules)
        except OSError as error:
            raise SandboxError(_advice(error, self.root)) from error
        result = run_within(walls, command, limits or Limits(), cancel)
        return _renamed(result, self._copy, self.root)

    def _walls(self, env: Mapping[str, str], modules: Path | None) -> Walls:
        level: Level = available_level()
        environment = scrubbed(self._folder, extra=env)
        environment["PATH"] = _search_path(self.root, self._needed, environment)
        binds = [Bind(source=self._folder, target=self._folder, writable=True)]
        first = [] if modules is None else [str(modules)]
        if self._hidden:
            for path in self._needed:
                (self._copy / path).mkdir(parents=True, exist_ok=True)
            binds.append(Bind(source=self._copy, target=self.root, writable=True))
            binds += [Bind(source=self.root / p, target=self.root / p) for p in self._needed]
        else:
            for path in self._needed:
                if not (self._copy / path).exists():
                    (self._copy / path).symlink_to(self.root / path, target_is_directory=True)
            # An editable install points at the user's own files; the copy must come before them.
            first += [str(self._copy / "src")] * (self._copy / "src").is_dir() + [str(self._copy)]
        rest = [environment["PYTHONPATH"]] if environment.get("PYTHONPATH") else []
        if first:
            environment["PYTHONPATH"] = os.pathsep.join([*first, *rest])
        return Walls(
            level=level,
            folder=self._folder,
            cwd=self.cwd,
            binds=tuple(binds),
            environment=environment,
        )


@contextmanager
def copied(root: Path, *, ignore_globs: Iterable[str] = IGNORE_GLOBS) -> Iterator[Copy]:
    """A copy of the workspace `root`, deleted at the end.

    Raises:
        SandboxError: it is too large to copy, or cannot be read.
    """
    root = root.resolve()
    with WorkFolder() as folder:
        copy, shared = folder / "workspace", folder / "shared"
        try:
            shared.mkdir()
            needed = copy_workspace(root, copy, ignore_globs=ignore_globs, avoid=folder)
        except OSError as error:
            raise SandboxError(_advice(error, root)) from error
        yield Copy(root=root, shared=shared, _folder=folder, _copy=copy, _needed=tuple(needed))


def _write(path: Path, text: str) -> None:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(text.encode("utf-8")).readline)
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode if path.exists() else 0o644
    path.unlink(missing_ok=True)
    path.write_bytes(text.encode(encoding))
    path.chmod(mode & 0o777 | 0o600)


def _search_path(root: Path, needed: Sequence[Path], environment: Mapping[str, str]) -> str:
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

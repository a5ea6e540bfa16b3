"""Frames become places in the workspace. A path in a traceback is a claim by somebody unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from whetstone.ignored import is_ignored
from whetstone.locate.traceback import Failure, Frame, parse
from whetstone.problem import Diagnostic, Span

WHOLE_LINE = 10_000  # a column past the end: clients and spans clamp it
_SUFFIXES = frozenset({".py", ".pyi", ".pyw"})
_INSTALLED = re.compile(
    r"(?:^|[\\/])(?:site-packages|dist-packages|lib[\\/]python3[^\\/]*|python3?\d*\.zip)[\\/]", re.I
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file in the workspace, with what went wrong there and the text that says so."""

    path: Path
    diagnostic: Diagnostic
    failure: str

    @property
    def line(self) -> int:
        return self.diagnostic.span.start_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """The only files that a traceback can lead to."""

    root: Path
    ignore_globs: Sequence[str] = ()

    def find(self, name: str) -> Path | None:
        """The file that a printed path means, links resolved; None when it is not one of ours.

        A path of another machine (a container, CI) is matched by its end.
        """
        if not _plausible(name):
            return None
        try:
            root = self.root.resolve()
            direct = self._inside(root, Path(name) if Path(name).is_absolute() else root / name)
            return direct or self._by_end(root, name)
        except (OSError, ValueError, RuntimeError):
            return None

    def _inside(self, root: Path, path: Path) -> Path | None:
        path = path.resolve()
        if not path.is_relative_to(root) or path.suffix not in _SUFFIXES or not path.is_file():
            return None
        relative = path.relative_to(root)
        if _INSTALLED.search(relative.as_posix()) or is_ignored(relative, self.ignore_globs):
            return None
        # A virtual environment in the workspace is installed code wherever its files lie.
        if any((root / part / "pyvenv.cfg").is_file() for part in relative.parents if part.name):
            return None
        return path

    def _by_end(self, root: Path, name: str) -> Path | None:
        parts = [part for part in PureWindowsPath(name).parts if part not in ("..", ".")]
        for start in range(1, len(parts)):
            found = self._inside(root, root.joinpath(*parts[start:]))
            if found is not None:
                return found
        return None


def _plausible(name: str) -> bool:
    """Not `<string>`, not installed code, and nothing that asks another machine when looked at."""
    return (
        len(name) < 4096
        and not name.startswith(("<", "\\\\", "//"))
        and "\0" not in name
        and not _INSTALLED.search(name)
    )


def is_test(path: Path) -> bool:
    """By pytest's names of files."""
    return path.name.startswith("test_") or path.stem.endswith("_test") or path.stem == "conftest"


def places(text: str, workspace: Workspace) -> list[Place]:
    """Where the failures of `text` lead, the likeliest first, each line once.

    The innermost frame of the first failure in the workspace comes first; frames in tests come
    after those in what they test.
    """
    found: dict[tuple[Path, int], Place] = {}
    for failure in parse(text):
        for path, frame in frames_inside(failure, workspace):
            found.setdefault((path, frame.line), place(path, frame.line, failure))
    return list(found.values())


def frames_inside(failure: Failure, workspace: Workspace) -> Iterator[tuple[Path, Frame]]:
    """The failure's frames in the workspace, innermost first, tests last."""
    known: dict[str, Path | None] = {}
    inside = []
    for frame in reversed(failure.frames):
        if frame.path not in known:
            known[frame.path] = workspace.find(frame.path)
        path = known[frame.path]
        if path is not None:
            inside.append((path, frame))
    yield from sorted(inside, key=lambda each: is_test(each[0]))


def place(path: Path, line: int, failure: Failure, *, source: str = "traceback") -> Place:
    return Place(
        path=path,
        diagnostic=Diagnostic(
            source=source,
            code=failure.kind,
            message=failure.headline,
            span=Span(start_line=line, end_line=line, end_column=WHOLE_LINE),
        ),
        failure=failure.text,
    )

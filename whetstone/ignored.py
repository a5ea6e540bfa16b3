"""Files that `ignore_globs` keeps out of everything: no fixes, nothing stored, nothing copied."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path, PurePath


def is_ignored(path: Path | None, globs: Iterable[str]) -> bool:
    """Whether a file matches an ignore glob: its name, a folder above it, or the end of its path.

    `.env` matches a file or a folder of that name anywhere; `conf/*.ini` the end of the path;
    `secrets/**` everything below a folder `secrets`. Letter case does not matter.
    """
    if path is None:
        return False
    parts = [part.lower() for part in PurePath(path).parts]
    return any(_matches(parts, glob.strip().lower()) for glob in globs)


def _matches(parts: list[str], glob: str) -> bool:
    pattern = [piece for piece in glob.replace("\\", "/").split("/") if piece not in ("", "**")]
    if not pattern:
        return False
    width = len(pattern)
    return any(
        all(map(fnmatchcase, parts[start : start + width], pattern))
        for start in range(len(parts) - width + 1)
    )

"""What the launcher is told to build, and how much of it this machine allows."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

# "full": no network, no other processes, a read-only file system. "none": limits only.
Level = Literal["full", "none"]

_LAUNCHER = Path(__file__).with_name("launcher.py")
_COVERED = ("/tmp", "/var/tmp", "/run", "/dev/shm")  # noqa: S108  replaced by empty folders
_PREFIXES = ("VIRTUAL_ENV", "CONDA_PREFIX")
_PROBE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """`source` appears at `target`."""

    source: Path
    target: Path
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """`folder` holds the empty folders that stand for /tmp and the like; it is the caller's."""

    level: Level
    folder: Path
    cwd: Path
    binds: tuple[Bind, ...]
    environment: Mapping[str, str]

    def argument(self, limits: Mapping[str, float], status_fd: int, *, program: str) -> str:
        """The launcher's first argument."""
        covers: list[tuple[str, str]] = []
        binds: list[tuple[str, str, bool]] = []
        if self.level == "full":
            covers = _covers(self.folder)
            below = [target for _, target in covers]
            needed = _kept(program, self.environment, below)
            kept = [Bind(source=path, target=path) for path in needed]
            for bind in (*kept, *self.binds):
                binds.append((str(bind.source), str(bind.target), bind.writable))
        walls: dict[str, Any] = {
            "level": self.level,
            "cwd": str(self.cwd),
            "covers": covers,
            "binds": binds,
            "status_fd": status_fd,
            **limits,
        }
        return json.dumps(walls)


def launcher_command(argument: str) -> list[str]:
    # -I and -S: nothing of the user's, or of the workspace's, is imported into the launcher.
    return [sys.executable, "-I", "-S", str(_LAUNCHER), argument]


@functools.cache
def available_level() -> Level:
    """What this machine allows, found by trying once."""
    if sys.platform != "linux":
        return "none"
    import tempfile

    with tempfile.TemporaryDirectory(prefix="whetstone-probe-") as name:
        walls = Walls(
            level="full",
            folder=Path(name),
            cwd=Path("/"),
            binds=(),
            environment={"PATH": os.environ.get("PATH", "")},
        )
        limits = {
            "timeout_s": _PROBE_S,
            "memory_bytes": 1 << 30,
            "file_bytes": 1 << 20,
            "processes": 16,
        }
        nothing = [sys.executable, "-I", "-S", "-c", ""]
        launcher = launcher_command(walls.argument(limits, 2, program=sys.executable))
        try:
            done = subprocess.run(
                [*launcher, *nothing],
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=_PROBE_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return "none"
    return "full" if done.returncode == 0 else "none"


def _covers(folder: Path) -> list[tuple[str, str]]:
    found = []
    for number, target in enumerate(_COVERED):
        if Path(target).is_dir() and not Path(target).is_symlink():
            empty = folder / f"cover-{number}"
            empty.mkdir(exist_ok=True)
            found.append((str(empty), target))
    return found


def _kept(program: str, environment: Mapping[str, str], covered: list[str]) -> list[Path]:
    """Folders below a covered one that the command needs: programs and virtual environments."""
    folders = [Path(part) for part in environment.get("PATH", "").split(os.pathsep) if part]
    folders.append(Path(program).parent)
    wanted = [Path(sys.prefix), Path(sys.base_prefix)]
    wanted += [*folders, *(path.parent for path in folders)]
    wanted += [Path(environment[key]) for key in _PREFIXES if key in environment]
    kept: list[Path] = []
    for path in sorted(set(wanted), key=lambda path: len(path.parts)):
        # A covered folder itself is never let in: that would undo its cover.
        hidden = any(path.is_relative_to(cover) for cover in covered) and str(path) not in covered
        if hidden and path.is_dir() and not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
    return kept

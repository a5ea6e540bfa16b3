"""Files of problems -> programs. Other people's sets are read by path and never copied here.

A JSON line needs `id`, `buggy` and either `test` with `entry_point` (HumanEvalFix, DebugBench;
`setup` stands before the program) or `run_buggy`, the program with its tests behind it and what it
uses before it (QuixBugs).
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.evaluation.problem_set import load
from trainer.evaluation.programs.split import halves
from whetstone.errors import UsageError

FILE = "program.py"
VISIBLE, HIDDEN = "test_visible.py", "test_hidden.py"
_TEXTS = ("buggy", "setup", "test", "entry_point", "run_buggy")
_MAX_BYTES = 200_000_000

_TEST = """\
import program

globals().update({{k: v for k, v in vars(program).items() if not k.startswith("__")}})


def test_{name}():
{body}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One bug. `visible` and `hidden` are bodies of test functions that see the program's names."""

    id: str
    kind: str
    buggy: str
    visible: str
    hidden: str

    def files(self) -> dict[str, str]:
        """What a workspace with this program holds, by file name."""
        return {
            FILE: self.buggy,
            VISIBLE: test_module("visible", self.visible),
            HIDDEN: test_module("hidden", self.hidden),
        }

    def swapped(self) -> Program:
        """With the halves of its test exchanged."""
        return Program(
            id=self.id, kind=self.kind, buggy=self.buggy, visible=self.hidden, hidden=self.visible
        )


def test_module(name: str, body: str) -> str:
    """The file of a test whose function has this body and sees the program's names."""
    return _TEST.format(name=name, body=textwrap.indent(body.strip() or "pass", "    "))


test_module.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


def own_programs() -> tuple[Program, ...]:
    """The problems of this project."""
    return tuple(
        Program(id=p.id, kind=p.kind, buggy=p.buggy, visible=p.visible, hidden=p.hidden)
        for p in load()
    )


def read_programs(path: Path) -> tuple[Program, ...]:
    """The programs in a file of JSON lines.

    Raises:
        UsageError: it cannot be read, or a line has not the fields that are needed.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: larger than {_MAX_BYTES} bytes; split it.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}).") from error
    programs = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                programs.append(_program(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
                raise UsageError(
                    f"{path}: line {number} is no problem ({type(error).__name__}: {error}). "
                    "It needs id, buggy, and test with entry_point, or run_buggy."
                ) from error
    if not programs:
        raise UsageError(f"{path}: holds no problems.")
    return tuple(programs)


def _program(row: Mapping[str, Any]) -> Program:
    if not all(isinstance(row.get(key, ""), str) for key in _TEXTS):
        raise ValueError(f"{', '.join(_TEXTS)} must be strings")
    setup = row.get("setup") or ""
    buggy = f"{setup.rstrip()}\n\n\n{row['buggy'].strip()}\n" if setup else row["buggy"]
    if "test" in row:
        visible, hidden = halves(row["test"], row["entry_point"])
    else:
        before, program, behind = row["run_buggy"].partition(row["buggy"].strip())
        if not program:
            raise ValueError("run_buggy does not contain buggy")
        # What stands before the program, such as a class that it uses, may be used by its tests.
        buggy = f"{before}{program}\n"
        visible, hidden = halves(behind)
    return Program(
        id=str(row["id"]),
        kind=str(row.get("kind") or "any"),
        buggy=buggy,
        visible=visible,
        hidden=hidden,
    )

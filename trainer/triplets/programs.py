"""Correct programs with tests, to be broken: files of JSON lines, plain or gzipped.

A line needs `id`, `code`, `test` and `entry_point`; `setup` stands before the program. LeetCode-
and MBPP-style sets have this form. They are read by path and never copied here.
"""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from trainer.evaluation.programs.sources import test_module
from trainer.evaluation.programs.split import halves
from whetstone.errors import UsageError

_HELD_OUT_ONE_IN = 12
_TEXTS = ("id", "setup", "code", "test", "entry_point", "licence")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgram:
    """One program that passes its tests.

    `code` is the program without its setup, which many share. `visible` and `hidden` are whole test
    modules.
    """

    id: str
    origin: str  # the file's name
    licence: str
    code: str
    text: str
    visible: str
    hidden: str

    @property
    def held_out(self) -> bool:
        """One in twelve, by the hash of its id, is never trained on."""
        digest = int(hashlib.sha256(self.id.encode()).hexdigest(), 16)
        return digest % _HELD_OUT_ONE_IN == 0


def read_training_programs(path: Path) -> list[TrainingProgram]:
    """The programs of a file, or of all `*.jsonl` and `*.jsonl.gz` files of a folder.

    Raises:
        UsageError: nothing is there, or a line has not the fields that are needed.
    """
    if path.is_dir():
        files = sorted(f for f in path.iterdir() if f.name.endswith((".jsonl", ".jsonl.gz")))
    else:
        files = [path]
    programs = [program for file in files for program in _read(file)]
    if not programs:
        raise UsageError(
            f"{path}: holds no programs. Name a .jsonl or .jsonl.gz file, or a folder."
        )
    return programs


def _read(path: Path) -> Iterator[TrainingProgram]:
    try:
        with _open(path) as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parsed(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}).") from error


def _plain(half: str, entry_point: str) -> str:
    """The assertions of `check` about the program's own name, as people write them."""
    check, call = ast.parse(half).body
    if not isinstance(check, ast.FunctionDef) or check.name != "check":
        return half
    for node in ast.walk(check):
        if isinstance(node, ast.Name) and node.id == "candidate":
            node.id = entry_point
    del call
    return "\n".join(ast.unparse(statement) for statement in check.body)


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


def _parsed(path: Path, number: int, line: str) -> TrainingProgram:
    try:
        return _program(json.loads(line), path.name)
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        raise UsageError(
            f"{path}: line {number} is no program ({type(error).__name__}: {error}). "
            "It needs id, code, test and entry_point."
        ) from error


def _program(row: Mapping[str, Any], origin: str) -> TrainingProgram:
    if not all(isinstance(row.get(key, ""), str) for key in _TEXTS):
        raise TypeError(f"{', '.join(_TEXTS)} must be strings")
    visible, hidden = (
        _plain(half, row["entry_point"]) for half in halves(row["test"], row["entry_point"])
    )
    head = row.get("setup", "").strip()
    code = row["code"].strip()
    return TrainingProgram(
        id=row["id"],
        origin=origin,
        licence=row.get("licence", ""),
        code=code,
        text=(f"{head}\n\n\n{code}\n" if head else f"{code}\n").expandtabs(4),
        visible=test_module("visible", visible),
        hidden=test_module("hidden", hidden),
    )

"""Which lines ran in failing and in passing tests, as the tracer in the sandbox reports it.

A failing test is looked at statement by statement. What its earlier assertions ran counts as
passed: they held. The statement that failed, and what only prepared it, count as failed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Where = tuple[str, int]  # path in the workspace with forward slashes, 0-based line
Statement = tuple[int, int, bool]  # first line, last line (1-based), does it assert?


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How often a line ran, and when for the last time (a count of lines)."""

    times: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """The lines that one test ran, or the part of it that held."""

    test: str
    failed: bool
    ran: Mapping[Where, Ran]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    spectra: tuple[Spectrum, ...] = ()

    @property
    def failing(self) -> tuple[Spectrum, ...]:
        return tuple(each for each in self.spectra if each.failed)

    @property
    def passing(self) -> tuple[Spectrum, ...]:
        return tuple(each for each in self.spectra if not each.failed)

    @classmethod
    def of(
        cls, contexts: Iterable[Mapping[str, Any]], read: Callable[[str], str | None]
    ) -> Coverage:
        """From the tracer's contexts; `read` gives the text of a file in the workspace.

        The report was written beside code that nobody has vouched for: what is malformed is
        left out.
        """
        tests: dict[str, list[_Context]] = {}
        for row in contexts:
            context = _context(row)
            if context is not None:
                tests.setdefault(context.test, []).append(context)
        statements = _Statements(read)
        spectra: list[Spectrum] = []
        for parts in tests.values():
            spectra += _spectra(parts, statements)
        return cls(spectra=tuple(spectra))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    test: str
    file: str | None
    line: int
    failed: bool
    ran: Mapping[Where, Ran]

    @property
    def last(self) -> int:
        return max((ran.last for ran in self.ran.values()), default=0)


def _context(row: Mapping[str, Any]) -> _Context | None:
    try:
        ran = {
            (str(path), int(line) - 1): Ran(times=int(times), last=int(last))
            for path, lines in row["files"].items()
            for line, times, last in lines
        }
        file = row.get("file")
        return _Context(
            test=str(row["test"]),
            file=file if isinstance(file, str) else None,
            line=int(row["line"]),
            failed=bool(row["failed"]),
            ran=ran,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _spectra(parts: list[_Context], statements: _Statements) -> list[Spectrum]:
    test = parts[0].test
    if not parts[0].failed:
        return [Spectrum(test=test, failed=False, ran=_merged(parts))]
    by_statement: dict[int, list[_Context]] = {}
    asserting = set()
    for part in parts:
        first, asserts = statements.at(part.file, part.line)
        by_statement.setdefault(first, []).append(part)
        if asserts:
            asserting.add(first)
    last = max(by_statement, key=lambda first: max(part.last for part in by_statement[first]))
    held = [first for first in by_statement if first in asserting and first != last]
    broken = [part for first in by_statement if first not in held for part in by_statement[first]]
    return [
        Spectrum(test=test, failed=True, ran=_merged(broken)),
        *(Spectrum(test=test, failed=False, ran=_merged(by_statement[each])) for each in held),
    ]


def _merged(parts: Iterable[_Context]) -> dict[Where, Ran]:
    merged: dict[Where, Ran] = {}
    for part in parts:
        for where, ran in part.ran.items():
            before = merged.get(where)
            merged[where] = (
                ran
                if before is None
                else Ran(times=before.times + ran.times, last=max(before.last, ran.last))
            )
    return merged


class _Statements:
    """The simple statements of test files: a line belongs to the innermost one around it."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self._read = read
        self._known: dict[str, list[Statement]] = {}

    def at(self, file: str | None, line: int) -> tuple[int, bool]:
        """The first line of the statement at `line`, and whether it asserts something."""
        if file is None or line == 0:
            return line, False
        if file not in self._known:
            self._known[file] = _statements(self._read(file) or "")
        around = [each for each in self._known[file] if each[0] <= line <= each[1]]
        if not around:
            return line, False
        first, _, asserts = min(around, key=lambda each: each[1] - each[0])
        return first, asserts


def _statements(text: str) -> list[Statement]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [
        (node.lineno, node.end_lineno or node.lineno, _asserts(node))
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and not hasattr(node, "body")
    ]


def _asserts(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assert):
        return True
    call = node.value if isinstance(node, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr.startswith("assert")
    )

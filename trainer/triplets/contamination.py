"""Keeps what models are judged by out of what they are trained on.

A training program is left out when it shares 13 words in a row with a program of an evaluation
suite (names, keywords, numbers and words of strings, in order; GPT-3's rule, Brown et al. 2020,
appendix C), or when one of its functions has the same syntax tree once names and constants are
made equal. Functions of a few nodes are alike without being copies, and are not compared.
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainer.evaluation.cases import SUITES, cases_of
from trainer.evaluation.problem_set import load
from whetstone.errors import UsageError

_WORDS = re.compile(r"[A-Za-z_]\w*|\d+")
_GRAM = 13
_LEAST_NODES = 24
_CODE = ("buggy", "fixed", "code", "prompt", "canonical_solution")


class Evaluated:
    """The fingerprints of all suites that nothing may be trained on."""

    def __init__(self, programs: Iterable[str]) -> None:
        self._grams: set[tuple[str, ...]] = set()
        self._trees: set[str] = set()
        self.programs = 0
        for program in programs:
            self.programs += 1
            self._grams.update(grams(program))
            self._trees.update(trees(program))

    def holds(self, program: str) -> str | None:
        """Why `program` may not be trained on: "13-gram" or "syntax tree"; None when it may."""
        if any(gram in self._grams for gram in grams(program)):
            return "13-gram"
        if any(tree in self._trees for tree in trees(program)):
            return "syntax tree"
        return None


def grams(program: str) -> Iterator[tuple[str, ...]]:
    words = _WORDS.findall(program)
    return (tuple(words[n : n + _GRAM]) for n in range(len(words) - _GRAM + 1))


def trees(program: str) -> Iterator[str]:
    """Of every function that is large enough, its tree with names and constants made equal."""
    try:
        parsed = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(parsed):
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if function and sum(1 for _ in ast.walk(node)) >= _LEAST_NODES:
            yield _shape(node, {})


def _shape(node: ast.AST, names: dict[str, int]) -> str:
    """The tree as text: a name is the number of its first use, a constant its type."""
    if isinstance(node, ast.Constant):
        return type(node.value).__name__
    parts = []
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "ctx", "type_comment", "lineno"):
            continue
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant):
                continue  # a docstring
            if isinstance(each, ast.AST):
                parts.append(_shape(each, names))
            elif isinstance(each, str) and field in ("id", "arg", "name"):
                parts.append(str(names.setdefault(each, len(names))))
            elif each is not None:
                parts.append(str(each))
    return f"{type(node).__name__}({','.join(parts)})"


def evaluated(paths: Iterable[Path]) -> Evaluated:
    """Our own suites, and files of problems in JSON lines; a folder stands for those in it.

    Raises:
        UsageError: a path cannot be read.
    """
    return Evaluated([*_own(), *(text for path in paths for text in _texts(path))])


def _own() -> Iterator[str]:
    for problem in load():
        yield problem.buggy
        yield problem.fix
    for suite in SUITES:
        for case in cases_of(suite):
            yield case.buggy
            yield case.fixed


def _texts(path: Path) -> Iterator[str]:
    files = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path}: holds no .jsonl file of evaluation problems.")
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
            rows = [json.loads(line) for line in lines if line.strip()]
            yield from (row[key] for row in rows for key in _CODE if isinstance(row.get(key), str))
        except (OSError, ValueError, AttributeError) as error:
            raise UsageError(f"{file}: cannot be read as JSON lines ({error}).") from error


def clean(programs: Iterable[tuple[str, str]], against: Evaluated) -> tuple[set[str], Counter[str]]:
    """Of (id, text): the ids that may be used, and how many were left out for which reason."""
    kept: set[str] = set()
    out: Counter[str] = Counter()
    for name, text in programs:
        reason = against.holds(text)
        if reason is None:
            kept.add(name)
        else:
            out[reason] += 1
    return kept, out

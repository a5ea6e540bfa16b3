"""Real Python: the standard library and the permissively licensed packages of the environment.

A unit is a small module cut from one file: the imports and constants it needs, and a class or some
neighbouring functions. The split goes by package (for the standard library by top-level module),
so nothing of a held-out package is ever trained on.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import re
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

_PERMISSIVE = re.compile(r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|0BSD|Zlib)\b", re.I)
_RESTRICTIVE = re.compile(r"GPL|MPL|Mozilla|Proprietary|EPL", re.I)
_MAX_FILE_BYTES = 400_000
_MAX_LINES, _MIN_LINES, _MAX_WIDTH = 60, 4, 110
_HELD_OUT_ONE_IN = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One working document."""

    package: str
    file: str
    split: str  # "train" or "held"
    text: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))


def read_units(path: Path) -> list[Unit]:
    with path.open(encoding="utf-8") as stream:
        return [Unit(**json.loads(line)) for line in stream]


def split_of(package: str) -> str:
    """ "held" for one package in 24, by the hash of its name."""
    digest = int(hashlib.sha256(package.encode()).hexdigest(), 16)
    return "held" if digest % _HELD_OUT_ONE_IN == 0 else "train"


def permissive(distribution: importlib.metadata.Distribution) -> bool:
    """True when the metadata name a permissive licence and no other."""
    meta = distribution.metadata
    named = [(text or "")[:200] for key in ("License-Expression", "License")
             for text in meta.get_all(key) or []]  # fmt: skip
    named += [c for c in meta.get_all("Classifier") or [] if c.startswith("License")]
    text = " ".join(named)
    return bool(_PERMISSIVE.search(text)) and not _RESTRICTIVE.search(text)


def library_files() -> dict[str, list[Path]]:
    """Module of the standard library, as in "python:json" -> its Python files."""
    found: dict[str, list[Path]] = {}
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(stdlib.rglob("*.py")):
        parts = path.relative_to(stdlib).parts
        if "site-packages" not in parts and "lib2to3" not in parts:
            name = parts[0].removesuffix(".py")
            if name == "test" and len(parts) > 1:
                name = parts[1].removesuffix(".py").removeprefix("test_")
            found.setdefault(f"python:{name}", []).append(path)
    return found


def installed_files() -> dict[str, list[Path]]:
    """Package -> its Python files, for the library and every permissive package."""
    found = library_files()
    for distribution in importlib.metadata.distributions():
        name = str(distribution.metadata["Name"]).lower()
        if not permissive(distribution) or name.startswith("whetstone"):
            continue
        files = [file for file in distribution.files or [] if file.suffix == ".py"]
        paths = sorted({Path(str(distribution.locate_file(file))) for file in files})
        if paths:
            found[name] = paths
    return found


def collect(
    packages: dict[str, list[Path]],
    *,
    per_package: int,
    per_file: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Unit]:
    """Units of all packages, near-duplicates removed, at most `per_package` of each."""
    seen: set[bytes] = set()
    for number, (package, paths) in enumerate(sorted(packages.items())):
        rng = Random(f"{seed}-{package}")
        order = rng.sample(paths, len(paths))
        left = per_package
        for path in order:
            if left <= 0:
                break
            fresh = [text for text in _cut(path, rng) if _new(text, seen)]
            chosen = rng.sample(fresh, min(len(fresh), per_file, left))
            left -= len(chosen)
            for text in chosen:
                yield Unit(package=package, file=path.name, split=split_of(package), text=text)
        if progress:
            progress(number + 1, len(packages))


def _new(text: str, seen: set[bytes]) -> bool:
    """False for a text seen before, whatever its strings, numbers and spacing were."""
    bare = re.sub(r"\"[^\"\n]*\"|'[^'\n]*'|\W|\d", "", text)
    digest = hashlib.sha256(bare.encode()).digest()[:12]
    if digest in seen:
        return False
    seen.add(digest)
    return True


def _cut(path: Path, rng: Random) -> Iterator[str]:
    """The units of one file; files that are odd in any way give none."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            return
        text = path.read_text(encoding="utf-8").expandtabs(4)
        if not text.isascii() or "\f" in text:
            return
        tree = ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    lines = [line.rstrip() for line in text.split("\n")]
    for group in _groups(tree, rng):
        unit = _unit(tree, lines, group, rng)
        if unit is not None:
            yield unit


def _groups(tree: ast.Module, rng: Random) -> Iterator[list[tuple[int, int]]]:
    """Line ranges (0-based, exclusive) that belong together in one unit."""
    group: list[tuple[int, int]] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _class_groups(node, rng)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            span = _span(node)
            size = sum(b - a for a, b in [*group, span])
            if group and (size > 40 or rng.random() < 0.45):
                yield group
                group = []
            group.append(span)
    if group:
        yield group


def _class_groups(node: ast.ClassDef, rng: Random) -> Iterator[list[tuple[int, int]]]:
    start, stop = _span(node)
    if stop - start <= 45:
        yield [(start, stop)]
        return
    head = (start, node.body[0].lineno - 1 - len(getattr(node.body[0], "decorator_list", ())))
    if head[1] <= head[0]:
        return
    group: list[tuple[int, int]] = []
    for item in node.body:
        span = _span(item)
        if span[1] - span[0] > 40:
            continue
        if group and sum(b - a for a, b in [*group, span]) > rng.choice([20, 30, 40]):
            yield [head, *group]
            group = []
        group.append(span)
    if group:
        yield [head, *group]


def _span(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return first - 1, node.end_lineno or node.lineno


def _unit(
    tree: ast.Module, lines: list[str], group: list[tuple[int, int]], rng: Random
) -> str | None:
    body: list[str] = []
    for begin, end in group:
        if body:
            indented = lines[begin].startswith(" ")
            gap = 0 if len(group) > 1 and begin == group[0][1] else 1 if indented else 2
            body += [""] * gap
        body += lines[begin:end]
    body = _short_docstrings(body, rng)
    words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(body)))
    imports, constants = _needed(tree, lines, words)
    parts = ["\n".join(imports), "\n".join(constants)]
    head = "\n\n".join(part for part in parts if part)
    text = (head + "\n\n\n" if head else "") + "\n".join(body).strip("\n") + "\n"
    every = text.split("\n")
    if not _MIN_LINES <= len(every) <= _MAX_LINES or max(map(len, every)) > _MAX_WIDTH:
        return None
    try:
        compile(text, "<unit>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return text


def _needed(tree: ast.Module, lines: list[str], words: set[str]) -> tuple[list[str], list[str]]:
    """Import lines and short assignments at module level that bind one of `words`."""
    imports: list[str] = []
    constants: list[str] = []
    for node in tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            used = [a for a in node.names if (a.asname or a.name).split(".")[0] in words]
            if used and len(imports) < 12:
                imports.append(_import(node, used))
        elif isinstance(node, ast.Assign) and (node.end_lineno or 0) - node.lineno < 3:
            targets = {t.id for t in node.targets if isinstance(t, ast.Name)}
            if targets & words and len(constants) < 8:
                constants += lines[node.lineno - 1 : node.end_lineno]
    return imports, constants


def _import(node: ast.Import | ast.ImportFrom, used: Iterable[ast.alias]) -> str:
    names = ", ".join(f"{a.name} as {a.asname}" if a.asname else a.name for a in used)
    if isinstance(node, ast.Import):
        return f"import {names}"
    return f"from {'.' * node.level}{node.module or ''} import {names}"


def _short_docstrings(lines: list[str], rng: Random) -> list[str]:
    """Long docstrings cut to their first line, mostly: prose teaches nothing about code."""
    out: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        match = re.match(r'\s*[rR]?"""(.*)$', line)
        if match and '"""' not in match[1]:
            end = next((n for n in range(number + 1, len(lines)) if '"""' in lines[n]), number)
            short = end > number and lines[end].rstrip().endswith('"""')
            if short and rng.random() < 0.85 and match[1].strip() and "\\" not in match[1]:
                out.append(line.rstrip() + '"""')
                number = end + 1
                continue
        out.append(line)
        number += 1
    return out

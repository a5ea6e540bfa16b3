"""A recorded editing session: open a file, type, ask, apply, type on.

Made by code from a seed, out of the standard library of the Python that runs this, so the text of
no third party lies in the repository. A bug is one of the trainer's mutations; most are made near
the last one, as somebody works who stays in a function for a while. The user goes from file to
file and comes back. Every prompt is made as the server makes it, in the format of the model.
"""

from __future__ import annotations

import ast
import dataclasses
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from trainer.data.mutations import KINDS, Mutation
from trainer.data.source import Source
from whetstone import context, diagnose, rules
from whetstone.fixer import DRAFTS
from whetstone.problem import Diagnostic, Document
from whetstone.prompt import FormatName, Prompt, render

FILES, REQUESTS = 20, 200
_LINES = (250, 1200)  # the length of files people edit: longer ones are in benchmarks.growth
_NEAR = 15  # lines between two bugs of somebody who stays in a function
_STAYS = 0.7
_TRIES = 12
# Tests, tables of characters, and what is no part of the library.
_LEFT_OUT = frozenset({"site-packages", "test", "encodings", "idlelib", "lib2to3", "pydoc_data"})
# Findings that need a run or a type checker are not made by `diagnose.find`.
_KINDS = tuple(kind for kind in KINDS if kind not in ("attribute", "method"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question of the session. `turn` counts the requests in its file, from 0."""

    number: int
    file: str
    turn: int
    line: int
    code: str
    prompt: Prompt


def files_for(requests: int) -> int:
    """As many requests in each file as the whole session has."""
    return max(1, round(requests * FILES / REQUESTS))


def record(
    *,
    requests: int = REQUESTS,
    files: int = FILES,
    format: FormatName,
    seed: int = 0,
    window: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Request]:
    """`requests` questions over `files` files; the same for the same seed and the same Python.

    Args:
        window: lines shown above and below the problem, fewer than the format takes.
    """
    rng = Random(seed)
    files = max(1, min(files, requests // 2))
    editors = [
        _Editor(path, text, Random(f"{seed}-{path.name}")) for path, text in _library(rng, files)
    ]
    made: list[Request] = []
    for number in _visits(len(editors), requests, rng):
        editor = editors[number]
        document, diagnostic = editor.break_something()
        problem = context.build_problem(
            document, diagnostic, hints=rules.hints(document, diagnostic)
        )
        if window is not None:
            problem = dataclasses.replace(
                problem, head=(), above=problem.above[-window:], below=problem.below[:window]
            )
        made.append(
            Request(
                number=len(made),
                file=document.name,
                turn=editor.asked,
                line=problem.region.start,
                code=diagnostic.code,
                prompt=render(problem, format, expected=rules.propose(document, problem)[:DRAFTS]),
            )
        )
        editor.apply_and_type_on()
        if progress:
            progress(len(made), requests)
    return made


def _library(rng: Random, count: int) -> list[tuple[Path, str]]:
    """Modules of the standard library, of the lengths that people edit."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(
        path
        for path in (*folder.glob("*.py"), *folder.glob("*/*.py"))
        if not _LEFT_OUT & set(path.parts)
    )
    chosen: list[tuple[Path, str]] = []
    for path in rng.sample(paths, len(paths)):
        text = _sound(path)
        if text and path.name not in {known.name for known, _ in chosen}:
            chosen.append((path, text))
        if len(chosen) == count:
            return chosen
    raise SystemExit(f"error: the standard library in {folder} has too few modules for this.")


def _sound(path: Path) -> str:
    """The module's text when it compiles, is plain ASCII and of a fit length, else nothing."""
    try:
        text = path.read_text(encoding="utf-8")
        ast.parse(text)
    except (OSError, ValueError, SyntaxError):
        return ""
    low, high = _LINES
    fit = low <= text.count("\n") <= high and text.isascii() and "\t" not in text
    return text if fit and "\f" not in text else ""


def _visits(files: int, requests: int, rng: Random) -> Iterator[int]:
    """Which file each request is in: a few in one, then another, and back later."""
    left = [requests // files + (number < requests % files) for number in range(files)]
    last = -1
    while any(left):
        open_ones = [number for number, count in enumerate(left) if count and number != last]
        last = rng.choice(open_ones) if open_ones else last
        for _ in range(min(left[last], rng.randint(2, 5))):
            left[last] -= 1
            yield last


class _Editor:
    """One open file and the person who works in it."""

    def __init__(self, path: Path, text: str, rng: Random) -> None:
        self._path = path
        self._source = Source(text)
        self._rng = rng
        self._row: int | None = None
        self.asked = -1

    def break_something(self) -> tuple[Document, Diagnostic]:
        """The document with a new bug, and what the tools say about it."""
        known = {(d.code, d.message) for d in diagnose.find(self._document(self._source.text))}
        for _ in range(200):
            mutation = self._slip()
            document = self._document(mutation.applied(self._source))
            for found in diagnose.find(document):
                here = context.region_for(document, found)
                if (found.code, found.message) not in known and here.start == mutation.start:
                    self._row = mutation.start
                    self.asked += 1
                    return document, found
        raise SystemExit(f"error: no bug could be made in {self._path.name}.")

    def apply_and_type_on(self) -> None:
        """The fix puts the old line back; then the user adds a comment below it."""
        row = self._row or 0
        lines = self._source.lines
        below = self._source.code_rows
        at = next((other for other in below if other > row), len(lines))
        margin = lines[at][: len(lines[at]) - len(lines[at].lstrip())] if at < len(lines) else ""
        note = f"{margin}# checked: step {self.asked + 1}"
        text = "\n".join([*lines[:at], note, *lines[at:]]) + "\n"
        try:
            ast.parse(text)
        except SyntaxError:  # inside a statement of several lines: type nothing
            return
        self._source = Source(text)

    def _slip(self) -> Mutation:
        """A mutation; near the last one, mostly."""
        near = self._row is not None and self._rng.random() < _STAYS
        best: Mutation | None = None
        for _ in range(_TRIES if near else 1):
            found = self._mutation()
            if best is None or self._distance(found) < self._distance(best):
                best = found
            if self._distance(best) <= _NEAR:
                break
        assert best is not None
        return best

    def _mutation(self) -> Mutation:
        shares = [KINDS[kind][1] for kind in _KINDS]
        while True:
            kind = self._rng.choices(_KINDS, shares)[0]
            found = KINDS[kind][0](self._source, self._rng)
            if found is not None and not found.message and found.applied(self._source):
                return found

    def _distance(self, mutation: Mutation) -> int:
        return abs(mutation.start - (self._row or 0))

    def _document(self, text: str) -> Document:
        return Document(text=text, path=self._path)


def second_requests(requests: Sequence[Request]) -> list[Request]:
    """Those that are the second in their file: most of their prompt was seen before."""
    return [request for request in requests if request.turn == 1]

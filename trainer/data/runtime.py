"""Bugs that only a run tells: programs from our own templates, broken, run, and their traceback.

Every sample was really run: the program works, the mutant raises, and the innermost frame of its
traceback is the line that was broken. The templates are ours and touch nothing but memory; a budget
of executed lines ends what would not end.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from types import FrameType
from typing import Any

from trainer.data import templates
from trainer.data.mutations import Mutation, attributes, names
from trainer.data.mutations.base import pick
from trainer.data.source import Source, misspelt
from whetstone.problem import Diagnostic, Span

FILE = "module.py"
_MOST_LINES = 20_000  # executed lines of one run; the templates take a few hundred


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A mutant of `source` with what its run raised."""

    kind: str
    source: Source
    mutation: Mutation
    text: str
    diagnostic: Diagnostic


class _TooLong(BaseException):
    """The budget of lines is used up."""


def failures(split: str, count: int, rng: Random) -> Iterator[Failed]:
    """`count` mutants that raise at the line that was broken."""
    numbers = [n for n in range(templates.count()) if (n % 10 == 4) == (split == "held")]
    made = 0
    while made < count:
        program = templates.fill(rng.choice(numbers), rng)
        if not program.calls or error_of(program.text, program.calls) is not None:
            continue
        source = Source(program.text)
        for kind in rng.sample(sorted(_KINDS), len(_KINDS)):
            found = _failed(kind, source, program.calls, rng)
            if found is not None and made < count:
                made += 1
                yield found


def _failed(kind: str, source: Source, calls: tuple[str, ...], rng: Random) -> Failed | None:
    mutation = _KINDS[kind](source, rng)
    if mutation is None:
        return None
    text = mutation.applied(source)
    raised = error_of(text, calls)
    if raised is None:
        return None
    line, code, message = raised
    span = Span(start_line=line, end_line=line, end_column=10_000)
    diagnostic = Diagnostic(source="traceback", code=code, message=message, span=span)
    return Failed(kind=kind, source=source, mutation=mutation, text=text, diagnostic=diagnostic)


def error_of(text: str, calls: tuple[str, ...]) -> tuple[int, str, str] | None:
    """(row of the innermost frame, kind, headline) of what running raises; None when it works, does
    not compile, or takes too long."""
    left = _MOST_LINES

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooLong
        return count

    scope: dict[str, Any] = {"__name__": "module", "input": _no_input}
    traced = sys.gettrace()
    try:
        code = compile(text, FILE, "exec", dont_inherit=True)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            sys.settrace(count)
            exec(code, scope)  # noqa: S102 - our own templates
            for call in calls:
                exec(compile(call, "<call>", "exec", dont_inherit=True), scope)  # noqa: S102
    except (SyntaxError, _TooLong):
        return None
    except Exception as error:
        sys.settrace(traced)
        return _place_of(error)
    finally:
        sys.settrace(traced)
    return None


def _place_of(error: Exception) -> tuple[int, str, str] | None:
    frames = traceback.extract_tb(error.__traceback__)
    rows = [frame.lineno for frame in frames if frame.filename == FILE and frame.lineno]
    last = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    kind = type(error).__name__
    return (rows[-1] - 1, kind, last) if rows and last.startswith(kind) else None


def _no_input(prompt: str = "") -> str:
    raise EOFError("EOF when reading a line")


def _rewritten(*rewrites: tuple[str, str]) -> Callable[[Source, Random], Mutation | None]:
    """A mutator: one place where one of the patterns is found becomes its replacement."""

    def mutate(source: Source, rng: Random) -> Mutation | None:
        pool = [
            (row, match, right) for row in source.code_rows for pattern, right in rewrites
            for match in re.finditer(pattern, source.lines[row])
        ]  # fmt: skip
        if not pool:
            return None
        row, match, right = rng.choice(pool)
        return Mutation.within(source, row, match, match.expand(right))

    return mutate


def _key(source: Source, rng: Random) -> Mutation | None:
    """The text of a subscript misspelt."""
    found = pick(source, r"(?<=[\w\])])\[([\"'])(\w{3,})\1\]", rng)
    if found is None:
        return None
    row, match = found
    new = misspelt(match[2], source.words, rng)
    return Mutation.within(source, row, match, new, group=2) if new is not None else None


def _seen_by_run(
    mutator: Callable[[Source, Random], Mutation | None],
) -> Callable[[Source, Random], Mutation | None]:
    """A static mutator's lines alone: what is wrong with them the run says."""

    def mutate(source: Source, rng: Random) -> Mutation | None:
        found = mutator(source, rng)
        return found and Mutation(
            start=found.start, stop=found.stop, lines=found.lines, answer_import=found.answer_import
        )

    return mutate


_KINDS: dict[str, Callable[[Source, Random], Mutation | None]] = {
    "run-name": _seen_by_run(names.name),
    "run-builtin": _seen_by_run(names.builtin),
    "run-import": _seen_by_run(names.lost_import),
    "run-self": _seen_by_run(names.lost_self),
    "run-attribute": _seen_by_run(attributes.own),
    "run-method": _seen_by_run(attributes.method),
    "run-key": _key,
    "run-text-and-number": _rewritten(
        (r"\bstr\(([\w.]+)\)", r"\1"), (r"\b(?:int|float)\(([\w.]+)\)", r"\1"),
        (r" \+ ([\w.]+)$", r' + str(\1)'), (r" \+= ([\w.]+)$", r" += str(\1)"),
        (r"\[(\w+)\]", r"[str(\1)]"), (r"range\(len\((\w+)\)", r"range(\1"),
    ),
    "run-arguments": _rewritten(
        (r"(?<!def )\b(\w+)\((\w+), ([\w.]+)\)", r"\1(\2)"),
        (r"(?<!def )\b(\w+)\(([\w.]+)\)", r"\1(\2, \2)"),
        (r"(?<!def )\b(\w+)\(([\w.]+)\)", r"\1()"),
        (r"\.(\w+)\(([\w.]+)\)", r".\1()"), (r"\.(\w+)\(\)", r".\1(0)"),
    ),
    "run-index": _rewritten(
        (r"range\(len\((\w+)\)\)", r"range(len(\1) + 1)"), (r"len\((\w+)\) - 1", r"len(\1)"),
        (r"(\w) < len\((\w+)\)", r"\1 <= len(\2)"), (r"\[(\w+) - 1\]", r"[\1 + 1]"),
    ),
    "run-bracket": _rewritten(
        (r"(\w)\[(\w+)\]", r"\1(\2)"), (r"(\w)\((\w+)\)", r"\1[\2]"),
        (r"\.(\w+)\(([\w.]*)\)", r".\1[\2]"), (r"len\((\w+)\)", r"len[\1]"),
        (r"(\w+)\.items\(\)", r"\1"), (r"(\w+)\.items\(\)", r"\1.items"),
    ),
    "run-parameters": _rewritten(
        (r"def (\w+)\(self, ", r"def \1("), (r"def (\w+)\(self\)", r"def \1()")
    ),
}  # fmt: skip

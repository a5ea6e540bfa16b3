"""Our own problem set: at least 100 hand-written programs with one bug each, and their proofs.

    python -m trainer.evaluation.problem_set                   # counts by kind and difficulty
    python -m trainer.evaluation.problem_set --verify          # every problem, every mutant
    python -m trainer.evaluation.problem_set --verify ID ...   # some, with the surviving mutants

One problem is one file, `problems/<id>.problem`, UTF-8 text:

    title: Parking fee forgets the last started hour
    kind: boundary
    difficulty: 1
    fails-with: IndexError

    === statement
    What the program should do, as a user would put it.
    === buggy
    The whole program, with one bug.
    === fix
    - a line of the program that goes
    + a line that comes in its place
    === visible
    assert fee(61) == 4
    === hidden
    assert fee(60) == 2

`fails-with` is optional: the exception that the visible test meets in the buggy program, when it
is not a failed assertion. `=== fix` is a patch: each hunk (hunks are parted by a line `@@`) is
made of lines that start with `- `, `+ ` or two spaces (context), and its old lines must stand
exactly once in the program; so a fix cannot differ from the program in more than it shows.
Tests run in the namespace of the program, as if they were appended to it (`DebugProblem.script`).
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources

from whetstone.errors import UsageError, WhetstoneError

SUFFIX = ".problem"
KINDS = {
    "aliasing": "two names for one mutable object",
    "arguments": "parameters: defaults, order, what is passed on",
    "async": "a missing or misplaced await, order of tasks, cancellation",
    "boundary": "off by one, at either end",
    "bytes": "text against bytes, encodings, byte order",
    "caching": "a cache that keys on too little or lives too long",
    "closure": "late binding and shared cells",
    "condition": "a wrong or incomplete condition",
    "context-manager": "what entering and leaving must guarantee",
    "dates": "calendars, durations, time zones",
    "exceptions": "what is caught, what is raised, what is swallowed",
    "float": "comparison, rounding and accumulation of floats",
    "generator": "exhaustion and laziness",
    "inheritance": "class attributes, super, overriding, dataclass fields",
    "mutation": "changing what is being iterated over",
    "overflow": "fixed-width integers, masks and signs",
    "parsing": "splitting and reading text formats",
    "precedence": "operators that bind otherwise than meant",
    "recursion": "base cases and what is carried between calls",
    "shadowing": "a name that hides another",
    "slicing": "indices, steps and copies of sequences",
    "sorting": "keys, stability and order of comparison",
    "state": "state machines and objects that must reset",
    "unicode": "case folding, normalization, width, categories",
}
_SECTIONS = ("statement", "buggy", "fix", "visible", "hidden")
_HEADERS = {"title", "kind", "difficulty", "fails-with"}
_MAX_CHANGED = 10  # lines removed plus lines added


class ProblemFileError(UsageError):
    """A problem file breaks the format; the message names the file and the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugProblem:
    """A program with one bug. Tests are plain asserts in the namespace of the program."""

    id: str
    title: str
    kind: str
    difficulty: int  # 1 to 3
    fails_with: str  # name of the exception that the visible test meets in the buggy program
    statement: str
    buggy: str
    fix: str
    visible: str
    hidden: str

    def script(self, program: str, *tests: str) -> str:
        """`program` with tests appended; the program keeps its line numbers."""
        return "\n\n".join((program.rstrip("\n") + "\n", *tests))


def load(ids: Iterable[str] = ()) -> tuple[DebugProblem, ...]:
    """All problems, or those named, in the order of their ids.

    Raises:
        ProblemFileError: a file breaks the format.
        UsageError: an id is unknown.
    """
    folder = resources.files("trainer.evaluation") / "problems"
    files = {f.name.removesuffix(SUFFIX): f for f in folder.iterdir() if f.name.endswith(SUFFIX)}
    wanted = sorted(set(ids) or files)
    if unknown := [name for name in wanted if name not in files]:
        raise UsageError(
            f"no problem is called {', '.join(unknown)}. "
            "`python -m trainer.evaluation.problem_set --list` prints their names."
        )
    return tuple(parse(name, files[name].read_text(encoding="utf-8")) for name in wanted)


def parse(name: str, text: str) -> DebugProblem:
    """One problem out of the text of its file. Raises ProblemFileError."""
    head, *blocks = re.split(r"^=== ?(.*)\n", text, flags=re.M)
    headers = _headers(name, head)
    titles, bodies = blocks[::2], [body.strip("\n") + "\n" for body in blocks[1::2]]
    _require(name, tuple(titles) == _SECTIONS, f"sections must be {', '.join(_SECTIONS)}")
    section = dict(zip(titles, bodies, strict=True))
    _require(name, headers["difficulty"] in {"1", "2", "3"}, "difficulty must be 1, 2 or 3")
    problem = DebugProblem(
        id=name,
        title=headers["title"],
        kind=headers["kind"],
        difficulty=int(headers["difficulty"]),
        fails_with=headers.get("fails-with", "AssertionError"),
        statement=section["statement"].strip(),
        buggy=section["buggy"],
        fix=_patched(name, section["buggy"], section["fix"]),
        visible=section["visible"],
        hidden=section["hidden"],
    )
    _validate(problem)
    return problem


def _headers(name: str, text: str) -> dict[str, str]:
    pairs = [line.partition(":")[::2] for line in text.splitlines() if line.strip()]
    headers = {key.strip(): value.strip() for key, value in pairs}
    _require(name, len(headers) == len(pairs), "a header stands twice")
    _require(name, all(headers.values()), "every header needs a value, as in `kind: float`")
    wrong = (_HEADERS ^ headers.keys()) - {"fails-with"}
    _require(name, not wrong, f"missing or unknown header: {', '.join(sorted(wrong))}")
    return headers


def _patched(name: str, program: str, patch: str) -> str:
    changed = 0
    for hunk in re.split(r"^@@\n", patch, flags=re.M):
        marked = [(line[:2].ljust(2), line[2:]) for line in hunk.splitlines()]
        _require(
            name,
            bool(marked) and {mark for mark, _ in marked} <= {"- ", "+ ", "  "},
            "every line of the fix starts with `- `, `+ ` or two spaces",
        )
        old, new = (
            "".join(f"{line}\n" for mark, line in marked if mark != other) for other in ("+ ", "- ")
        )
        count = f"\n{program}".count(f"\n{old}")
        _require(name, count == 1, f"old lines of the fix stand {count} times, not once:\n{old}")
        program = f"\n{program}".replace(f"\n{old}", f"\n{new}")[1:]
        changed += sum(mark != "  " for mark, _ in marked)
    _require(name, 0 < changed <= _MAX_CHANGED, f"the fix changes {changed} lines")
    return program


def _validate(problem: DebugProblem) -> None:
    name = problem.id
    _require(name, re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) is not None, "id is not a slug")
    _require(name, problem.kind in KINDS, f"unknown kind {problem.kind!r}")
    length = len(problem.buggy.splitlines())
    _require(name, 10 <= length <= 60, f"the program has {length} lines, not 10 to 60")
    sentences = len(re.findall(r"[.?!:](?=\s|$)", problem.statement))
    _require(name, 2 <= sentences <= 6, f"the statement has {sentences} sentences, not 2 to 6")
    for part in ("buggy", "fix", "visible", "hidden"):
        try:
            tree = ast.parse(getattr(problem, part))
        except SyntaxError as error:
            raise ProblemFileError(f"{name}{SUFFIX}: {part}: {error}. Correct the file.") from error
    asserts = sum(isinstance(node, ast.Assert) for node in ast.walk(tree))  # of the hidden tests
    _require(name, 5 <= asserts <= 14, f"{asserts} hidden asserts, not 5 to 14")


def _require(name: str, rule: bool, message: str) -> None:
    if not rule:
        raise ProblemFileError(f"{name}{SUFFIX}: {message}. Correct the file.")


def table(problems: Sequence[DebugProblem]) -> str:
    """Counts by kind and difficulty."""
    cells = Counter((p.kind, p.difficulty) for p in problems)
    rows = [f"{'kind':<18}{'all':>5}{'1':>5}{'2':>5}{'3':>5}"]
    for kind in [*sorted({p.kind for p in problems}), "all"]:
        counts = [sum(n for (k, d), n in cells.items() if kind in {k, "all"} and d == level)
                  for level in (1, 2, 3)]  # fmt: skip
        rows.append(f"{kind:<18}" + "".join(f"{n:>5}" for n in (sum(counts), *counts)))
    return "\n".join(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; the exit status is 1 when a problem fails its verification."""
    parser = argparse.ArgumentParser(prog="python -m trainer.evaluation.problem_set")
    parser.add_argument("ids", nargs="*", metavar="ID")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--verify", action="store_true", help="run programs, fixes and mutants")
    action.add_argument("--list", action="store_true", help="print ids and titles")
    options = parser.parse_args(argv)
    try:
        problems = load(options.ids)
    except WhetstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    if options.list:
        print(*(f"{p.id:<36}{p.difficulty}  {p.kind:<18}{p.title}" for p in problems), sep="\n")
        return 0
    if not options.verify:
        print(table(problems))
        return 0
    from trainer.evaluation import problem_check  # it, too, imports this module

    return problem_check.report(problems, survivors=bool(options.ids))


if __name__ == "__main__":
    raise SystemExit(main())

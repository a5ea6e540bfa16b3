"""How often the faulty line is among the first ones that a failing test leads to.

    python -m trainer.evaluation.localize                      # our own problems, as a table
    python -m trainer.evaluation.localize --json               # with a row for each problem
    python -m trainer.evaluation.localize --file FILE.jsonl    # others, as `programs/sources.py`
                                                               # reads them, with `fixed` beside

Each program runs with its visible test in the sandbox, as for the editor; the hidden tests and the
fix are not looked at before the lines are ranked. A line is right when the reference fix changes
it, or inserts beside it.
"""

from __future__ import annotations

import argparse
import difflib
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainer.evaluation.problem_set import load
from trainer.evaluation.programs.sources import (
    FILE,
    HIDDEN,
    VISIBLE,
    Program,
    own_programs,
    read_programs,
)
from trainer.evaluation.statistics import wilson
from whetstone.errors import UsageError, WhetstoneError
from whetstone.settings import Settings
from whetstone.testing.repair import FailingTest

FIRST = (1, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """One problem: the place of the first right line in the ranking (1 is first), 0 for none."""

    id: str
    kind: str
    place: int
    lines: int


def fault_lines(before: str, after: str) -> set[int]:
    """The 0-based lines that a fix changes; where it only inserts, the lines beside the place."""
    old, new = before.splitlines(), after.splitlines()
    lines: set[int] = set()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, start, stop, _, _ in matcher.get_opcodes():
        if tag == "insert":
            lines |= {line for line in (start - 1, start) if 0 <= line < len(old)}
        elif tag != "equal":
            lines |= set(range(start, stop))
    return lines


def locate_fault(program: Program, fixed: str) -> Located:
    """Rank the lines of one program. Raises SandboxError."""
    with tempfile.TemporaryDirectory(prefix="whetstone-localize-") as name:
        found = _lines(program, Path(name))
    if found is None and program.hidden != program.visible:
        with tempfile.TemporaryDirectory(prefix="whetstone-localize-") as name:
            found = _lines(program.swapped(), Path(name))
    right = fault_lines(program.buggy, fixed)
    places = [number for number, line in enumerate(found or (), 1) if line in right]
    return Located(
        id=program.id,
        kind=program.kind,
        place=places[0] if places else 0,
        lines=len(program.buggy.splitlines()),
    )


def _lines(program: Program, folder: Path) -> list[int] | None:
    """The lines in their order; None when the visible test passes."""
    for name, text in program.files().items():
        if name != HIDDEN:
            (folder / name).write_text(text, encoding="utf-8")
    test = f"{VISIBLE}::test_visible"
    with FailingTest(root=folder, test=test, settings=Settings()) as failing:
        baseline = failing.baseline()
    if baseline.passed:
        return None
    return [place.line for place in baseline.places if place.path.name == FILE]


def _own(ids: Sequence[str]) -> list[tuple[Program, str]]:
    problems = {problem.id: problem.fix for problem in load(ids)}
    return [(each, problems[each.id]) for each in own_programs() if each.id in problems]


def _foreign(path: Path) -> list[tuple[Program, str]]:
    """Programs with their fixes; a fix stands below the same setup as the program."""
    programs = read_programs(path)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    found = []
    for program, row in zip(programs, rows, strict=True):
        fixed, buggy = row.get("fixed"), row["buggy"].strip()
        if not isinstance(fixed, str):
            raise UsageError(f"{path}: {program.id} has no `fixed`, the program without the bug.")
        above = program.buggy[: program.buggy.index(buggy)]
        found.append((program, above + fixed.strip() + "\n"))
    return found


def summary(rows: Sequence[Located]) -> dict[str, object]:
    """Counts and 95 % intervals."""
    total = len(rows)
    counts = {n: sum(0 < row.place <= n for row in rows) for n in FIRST}
    return {
        "problems": total,
        "mean_lines": sum(row.lines for row in rows) / max(1, total),
        "first": {str(n): count for n, count in counts.items()},
        "interval": {str(n): wilson(count, total) for n, count in counts.items()},
        "ranked_at_all": sum(row.place > 0 for row in rows),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.evaluation.localize")
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--file", type=Path, help="programs to use instead of our own")
    parser.add_argument("--json", action="store_true", help="print JSON, with each problem")
    options = parser.parse_args(argv)
    try:
        work = _foreign(options.file) if options.file else _own(options.ids)
        with ThreadPoolExecutor(2) as pool:
            rows = list(pool.map(lambda each: locate_fault(*each), work))
    except WhetstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    facts = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        **summary(rows),
    }
    if options.json:
        print(json.dumps({**facts, "rows": [asdict(row) for row in rows]}, indent=1))
        return 0
    for n in FIRST:
        count = sum(0 < row.place <= n for row in rows)
        low, high = wilson(count, len(rows))
        print(f"among the first {n}: {count} of {len(rows)}  ({low:.0%} to {high:.0%})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

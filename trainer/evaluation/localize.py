"""How often the faulty line is among the first ones that a failing test leads to.

    python -m trainer.evaluation.localize            # our own problems, as a table
    python -m trainer.evaluation.localize --json     # the same with a row for each problem

Each program runs with its visible test in the sandbox, as `whetstone fix --test` would run it; the
hidden tests and the fix are not looked at before the lines are ranked. A line is right when the
reference fix changes it, or inserts beside it.
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

from trainer.evaluation.problem_set import DebugProblem, load
from trainer.evaluation.statistics import wilson
from whetstone import locate
from whetstone.errors import WhetstoneError
from whetstone.problem import Document
from whetstone.sandbox import Limits
from whetstone.testing.watch import watched_run

FIRST = (1, 3, 5)
_FILE = "program.py"


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


def locate_problem(problem: DebugProblem, *, timeout_s: float = 20.0) -> Located:
    """Rank the lines of one program. Raises SandboxError."""
    with tempfile.TemporaryDirectory(prefix="whetstone-localize-") as name:
        root = Path(name)
        path = root / _FILE
        script = problem.script(problem.buggy, problem.visible)
        path.write_text(script, encoding="utf-8")
        result, coverage = watched_run(
            [sys.executable, "-B", _FILE], root, {}, Limits(timeout_s=timeout_s)
        )
        document = Document(text=problem.buggy, path=path)
        output = f"{result.stdout}\n{result.stderr}"
        found = locate.suspects(document, output, root, coverage, limit=1000)
    right = fault_lines(problem.buggy, problem.fix)
    places = [number for number, each in enumerate(found, 1) if each.span.start_line in right]
    return Located(
        id=problem.id,
        kind=problem.kind,
        place=places[0] if places else 0,
        lines=len(problem.buggy.splitlines()),
    )


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
    parser.add_argument("--json", action="store_true", help="print JSON, with each problem")
    options = parser.parse_args(argv)
    try:
        with ThreadPoolExecutor(2) as pool:
            rows = list(pool.map(locate_problem, load(options.ids)))
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

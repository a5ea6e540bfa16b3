"""Small real values for the tests here, and for the processes that they start."""

from __future__ import annotations

from pathlib import Path

from whetstone.candidate import Candidate, Proposal
from whetstone.evidence import Check, Evidence
from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement, Span

TEXT = "def f(length):\n    return lenght\n"


def problem(
    *flagged: str, above: tuple[str, ...] = ("def f(length):",), name: str = "app.py"
) -> Problem:
    lines = flagged or ("    return lenght",)
    span = Span(start_line=len(above), end_line=len(above) + len(lines))
    return Problem(
        name=name,
        diagnostic=Diagnostic(
            source="ruff", code="F821", message="Undefined name `lenght`", span=span
        ),
        region=Region(start=span.start_line, stop=span.end_line),
        above=above,
        flagged=lines,
        hints=("length",),
    )


def replace(*lines: str) -> Replacement:
    return Replacement(kind="replace", lines=lines)


def add_import(line: str) -> Replacement:
    return Replacement(kind="import", lines=(line,))


def candidate(replacement: Replacement, *, shown: bool = True, origin: str = "model") -> Candidate:
    after = "\n".join(f"+{line}" for line in replacement.lines)
    return Candidate(
        origin=origin,  # type: ignore[arg-type]
        replacement=replacement,
        edits=(),
        new_text=TEXT,
        diff=f"--- app.py\n+++ app.py\n@@ -2 +2 @@\n-    return lenght\n{after}\n",
        evidence=Evidence(checks=(Check(name="parses", passed=shown),)),
        title="replace `lenght` with `length` (F821)",
        logprob=-0.5,
        tokens=4,
    )


def proposal(
    *shown: Replacement,
    rejected: tuple[Replacement, ...] = (),
    of: Problem | None = None,
    path: str = "/project/app.py",
    model_id: str = "starter@12345678",
) -> Proposal:
    the_problem = of or problem()
    return Proposal(
        problem=the_problem,
        document=Document(text=TEXT, path=Path(path)),
        diagnostic=the_problem.diagnostic,
        candidates=tuple(map(candidate, shown)),
        rejected=tuple(candidate(r, shown=False) for r in rejected),
        model_id=model_id,
        prompt_format="compact",
        latency_s=0.125,
        unparsable=1,
    )

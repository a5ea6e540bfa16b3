"""Mutants of programs with tests: broken ones that a test catches, and what to prefer for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from trainer.evaluation.programs.batch import Job, Verdict, run_batch
from trainer.evaluation.programs.sources import FILE
from trainer.triplets.line_mutants import LineMutant, choose, line_mutants
from trainer.triplets.programs import TrainingProgram
from trainer.triplets.triplet import Rejected, Triplet
from whetstone import context
from whetstone.engine.base import Cancel
from whetstone.locate import parse
from whetstone.locate.places import place
from whetstone.problem import Document, Problem, Replacement

LIMIT_S = 2.0  # of processor time for a program and its tests; slower ones are left out
_SPARE = 1.5  # mutants tried for each that is wanted: some pass their tests


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A mutant that fails a test which the program passes.

    Attributes:
        text: the whole mutant.
        fixed: the lines that its flagged lines were.
        near: other lines that were tried there and fail as well.
    """

    program: str
    kind: str
    text: str
    problem: Problem
    fixed: tuple[str, ...]
    near: tuple[tuple[str, ...], ...]

    @property
    def answer(self) -> Replacement:
        return Replacement(kind="replace", lines=self.fixed)

    def mended(self, replacement: Replacement) -> str:
        """The whole program with an answer in place."""
        lines = self.text.split("\n")
        start = self.problem.region.start
        if replacement.kind == "import":
            return "\n".join([*replacement.lines, *lines])
        return "\n".join([*lines[:start], *replacement.lines, *lines[self.problem.region.stop :]])

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Broken:
        return cls(
            program=data["program"],
            kind=data["kind"],
            text=data["text"],
            problem=Problem.from_json(data["problem"]),
            fixed=tuple(data["fixed"]),
            near=tuple(tuple(lines) for lines in data["near"]),
        )


def job_of(program: TrainingProgram, *versions: str) -> Job:
    """These versions of a program, to be run against its tests."""
    return Job(
        versions=versions,
        visible=program.visible,
        hidden=program.hidden,
        limit_s=LIMIT_S,
        measure=True,
    )


def break_programs(
    programs: Sequence[TrainingProgram], *, wanted: int, seed: int, cancel: Cancel | None = None
) -> list[Broken]:
    """Verified mutants, at most `wanted` of each program.

    Programs that do not pass their own tests here are left out.

    Raises:
        SandboxError: they could not be run.
        Cancelled: `cancel` was set.
    """
    mutants = []
    for program in programs:
        rng = Random(f"{seed}-{program.id}")
        mutants.append(choose(line_mutants(program.text), round(_SPARE * wanted), rng))
    jobs = [
        job_of(program, program.text, *(mutant.text for mutant in chosen))
        for program, chosen in zip(programs, mutants, strict=True)
    ]
    found: list[Broken] = []
    verdicts = run_batch(jobs, cancel)
    for program, chosen, (own, *theirs) in zip(programs, mutants, verdicts, strict=True):
        if own.right:
            found += list(_broken(program, chosen, theirs))[:wanted]
    return found


def _broken(
    program: TrainingProgram, mutants: Sequence[LineMutant], verdicts: Sequence[Verdict]
) -> Iterator[Broken]:
    ended = sorted(zip(mutants, verdicts, strict=True), key=lambda each: not each[1].visible_passed)
    wrong = [m for m, v in ended if not v.right]  # those that look right first
    for mutant, verdict in zip(mutants, verdicts, strict=True):
        problem = problem_of(mutant, verdict)
        if problem is not None:
            yield Broken(
                program=program.id,
                kind=mutant.kind,
                text=mutant.text,
                problem=problem,
                fixed=mutant.fixed,
                near=tuple(
                    other.flagged
                    for other in wrong
                    if (other.row, other.fixed) == (mutant.row, mutant.fixed)
                    and other.flagged != mutant.flagged
                ),
            )


def problem_of(mutant: LineMutant, verdict: Verdict, path: str = FILE) -> Problem | None:
    """What serving would ask about the mutant once its line is found; None when nothing failed.

    A test that never ends says nothing to show.
    """
    if "failed" not in (verdict.visible, verdict.hidden):
        return None
    failures = parse(verdict.text.replace("test_hidden", "test_visible"))
    if not failures:
        return None
    found = place(Path(path), mutant.row, failures[0], source="test")
    document = Document(text=mutant.text, path=Path(path))
    problem = context.build_problem(document, found.diagnostic, failure=found.failure)
    return problem if problem.flagged == mutant.flagged else None


def triplet_of(broken: Broken, program: TrainingProgram) -> Triplet:
    """The gold answer against the best that is known to be wrong."""
    rejected_is: Rejected = "near miss" if broken.near else "unchanged"
    lines = broken.near[0] if broken.near else broken.problem.flagged
    return Triplet(
        source="mutant",
        group=program.id,
        origin=program.origin,
        licence=program.licence,
        kind=broken.kind,
        problem=broken.problem,
        chosen=broken.answer,
        rejected=Replacement(kind="replace", lines=lines),
        rejected_is=rejected_is,
        chosen_is="original",
        chosen_by="tests",
    )

"""Mutants of the user's own code that the repository's own tests catch.

The tests run in the sandbox, in a copy: the repository itself is never written.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from trainer.evaluation.programs.batch import Verdict
from trainer.triplets.failing import problem_of
from trainer.triplets.line_mutants import LineMutant, choose, line_mutants
from trainer.triplets.triplet import Triplet
from whetstone.engine.base import Cancel
from whetstone.errors import UsageError
from whetstone.ignored import is_ignored
from whetstone.locate.places import is_test
from whetstone.problem import Replacement
from whetstone.sandbox import Copy, Limits, RunResult, copied
from whetstone.settings import IGNORE_GLOBS

_MAX_BYTES = 200_000
_SKIPPED = frozenset({"build", "dist", "node_modules", "site-packages"})
_FIRST_RUN = Limits(timeout_s=600.0)


def repository_triplets(
    root: Path,
    command: Sequence[str],
    *,
    count: int,
    per_file: int,
    seed: int,
    cancel: Cancel | None = None,
    on_mutant: Callable[[], None] = lambda: None,
) -> Iterator[Triplet]:
    """Break `count` lines of the repository one after the other; yield what the tests catch.

    Raises:
        UsageError: the tests do not pass as the repository stands.
        SandboxError: they cannot be run.
        Cancelled: `cancel` was set.
    """
    root = root.resolve()
    rng = Random(seed)
    files = [path for path in sorted(root.rglob("*.py")) if _usable(path, root)]
    with copied(root) as copy:
        before = copy.run(command, _FIRST_RUN, cancel)
        if not before.passed:
            raise UsageError(
                f"{root}: `{' '.join(command)}` does not pass as the repository stands (exit "
                f"status {before.status}). Mend that first, or give another --test.\n"
                + before.stdout[-1500:]
            )
        limits = Limits(timeout_s=max(10.0, 5 * before.duration_s))
        for path in rng.sample(files, len(files)):
            text = path.read_text(encoding="utf-8")
            chosen = choose(line_mutants(text), min(per_file, count), rng)
            count -= len(chosen)
            yield from _of_file(copy, path, text, chosen, command, limits, cancel, on_mutant)
            if count <= 0:
                return


def _usable(path: Path, root: Path) -> bool:
    relative = path.relative_to(root)
    hidden = any(part.startswith(".") or part in _SKIPPED for part in relative.parts)
    if hidden or path.is_symlink() or is_test(path) or is_ignored(relative, IGNORE_GLOBS):
        return False
    if any((root / parent / "pyvenv.cfg").exists() for parent in relative.parents):
        return False
    try:
        if path.stat().st_size > _MAX_BYTES:
            return False
        ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    return True


def _of_file(
    copy: Copy,
    path: Path,
    text: str,
    mutants: Sequence[LineMutant],
    command: Sequence[str],
    limits: Limits,
    cancel: Cancel | None,
    on_mutant: Callable[[], None],
) -> Iterator[Triplet]:
    caught: list[tuple[LineMutant, Verdict]] = []
    try:
        for mutant in mutants:
            copy.write(path, mutant.text)
            verdict = _verdict(copy.run(command, limits, cancel))
            if not verdict.right:
                caught.append((mutant, verdict))
            on_mutant()
    finally:
        copy.write(path, text)
    for mutant, verdict in caught:
        triplet = _triplet(copy.root, path, mutant, verdict, [each for each, _ in caught])
        if triplet is not None:
            yield triplet


def _verdict(result: RunResult) -> Verdict:
    if result.passed:
        return Verdict(visible="passed", hidden="passed")
    return Verdict(
        visible="timeout" if result.timed_out else "failed",
        hidden="",
        text=f"{result.stdout}\n{result.stderr}",
    )


def _triplet(
    root: Path, path: Path, mutant: LineMutant, verdict: Verdict, caught: Sequence[LineMutant]
) -> Triplet | None:
    name = path.relative_to(root).as_posix()
    problem = problem_of(mutant, verdict, name)
    if problem is None:
        return None
    near = next(
        (
            other.flagged
            for other in caught
            if (other.row, other.fixed) == (mutant.row, mutant.fixed)
            and other.flagged != mutant.flagged
        ),
        None,
    )
    return Triplet(
        source="repository",
        group=f"{root.name}/{name}",
        origin=root.name,
        licence="",
        kind=mutant.kind,
        problem=problem,
        chosen=Replacement(kind="replace", lines=mutant.fixed),
        rejected=Replacement(kind="replace", lines=near or problem.flagged),
        rejected_is="near miss" if near else "unchanged",
        chosen_is="original",
        chosen_by="tests",
    )

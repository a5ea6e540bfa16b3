"""From what a user did to the rewrites that agree with it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from whetstone.analogy.examples import Example, changed_line, examples_of
from whetstone.analogy.rewrite import Rewrite, generalize
from whetstone.kinds import finding_of
from whetstone.problem import Problem, Replacement

LEAST = 2  # choices: once may be chance
_AGREE = 2 / 3  # of the choices that a rewrite fits, in how many it must say what the user did
_MOST = 200  # rewrites; those that agree with most


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a user did about one problem that a fix of one line was taken or turned down for.

    Attributes:
        line: the flagged line without its indentation, and `taken` and `refused` what became of it
            or should not.
    """

    finding: str
    line: str
    taken: str | None
    refused: frozenset[str]
    examples: tuple[Example, ...] = ()


def choice_of(
    problem: Problem, taken: Replacement | None, refused: Iterable[Replacement]
) -> Choice | None:
    """None where nothing was about a single line."""
    good = None if taken is None else changed_line(problem.flagged, taken)
    bad = [found for fix in refused if (found := changed_line(problem.flagged, fix))]
    about = good or next(iter(bad), None)
    if about is None:
        return None
    return Choice(
        finding=finding_of(problem.diagnostic),
        line=about.old,
        taken=None if good is None else good.new,
        refused=frozenset(found.new for found in bad if found.old == about.old),
        examples=() if taken is None else tuple(examples_of(problem, taken)),
    )


def learn(choices: Iterable[Choice]) -> tuple[Rewrite, ...]:
    """The rewrites that at least two choices speak for, and few against; the surest first."""
    by_finding: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        by_finding[choice.finding].append(choice)
    found = []
    for alike in by_finding.values():
        examples = [example for choice in alike for example in choice.examples]
        for rewrite in dict.fromkeys(_candidates(examples)):
            if (times := _agrees(rewrite, alike)) >= LEAST:
                found.append(dataclasses.replace(rewrite, times=times))
    found.sort(key=lambda rewrite: (-rewrite.times, -len(rewrite.old)))
    return tuple(found[:_MOST])


def _candidates(examples: Sequence[Example]) -> list[Rewrite]:
    """Groups of examples that generalize; one that a group tells already adds nothing to it."""
    groups: list[tuple[Rewrite, list[Example]]] = []
    alone: list[Example] = []
    for example in examples:
        if any(example.fixed in rewrite.results(example.line) for rewrite, _ in groups):
            continue
        for number, (_, members) in enumerate(groups):
            wider = generalize([*members, example])
            if wider is not None:
                groups[number] = (wider, [*members, example])
                break
        else:
            for other in alone:
                both = generalize([other, example])
                if both is not None:
                    groups.append((both, [other, example]))
                    break
            alone.append(example)
    return [rewrite for rewrite, _ in groups]


def _agrees(rewrite: Rewrite, choices: Sequence[Choice]) -> int:
    """How many choices it tells rightly; 0 when the user too often did something else there."""
    hits = misses = 0
    for choice in choices:
        results = frozenset(rewrite.results(choice.line))
        if choice.taken in results:
            hits += 1
        elif results and (choice.taken is not None or results & choice.refused):
            misses += 1
    return hits if hits >= _AGREE * (hits + misses) else 0

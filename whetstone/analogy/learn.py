"""From what a user did to the rewrites that agree with it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from whetstone.analogy.examples import Example, changed_line, examples_of
from whetstone.analogy.rewrite import Rewrite, generalize
from whetstone.kinds import finding_of
from whetstone.problem import Problem, Replacement

LEAST = 2  # choices: once may be chance
_AGREE = 2 / 3  # of the choices that a rewrite fits, in how many it must say what the user did
_MOST = 200  # rewrites; those that agree with most
_NEAR = 50  # examples of one shape without a partner that a new one is compared with, the newest


# A suggestion's id, its problem, and the two sides of one of its pairs.
Judged = tuple[str, Problem, Replacement | None, Replacement | None]


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


def choices_of(judged: Iterable[Judged]) -> list[Choice]:
    """One choice for each suggestion that has one, in the order in which they first appear."""
    problems: dict[str, Problem] = {}
    taken: dict[str, Replacement] = {}
    refused: dict[str, list[Replacement]] = defaultdict(list)
    for suggestion, problem, chosen, rejected in judged:
        problems[suggestion] = problem
        if chosen is not None:
            taken[suggestion] = chosen
        if rejected is not None:
            refused[suggestion].append(rejected)
    found = (
        choice_of(problem, taken.get(suggestion), refused[suggestion])
        for suggestion, problem in problems.items()
    )
    return [choice for choice in found if choice is not None]


def learn(choices: Iterable[Choice]) -> tuple[Rewrite, ...]:
    """The rewrites that at least two choices speak for, and few against; the surest first."""
    by_finding: dict[str, list[Choice]] = defaultdict(list)
    for choice in choices:
        by_finding[choice.finding].append(choice)
    found = [rewrite for alike in by_finding.values() for rewrite in _covering(_judged(alike))]
    found.sort(key=lambda rewrite: (-rewrite.times, -len(rewrite.old)))
    return tuple(found[:_MOST])


def _judged(choices: Sequence[Choice]) -> list[tuple[Rewrite, frozenset[int]]]:
    """The rewrites of choices about one finding, with the numbers of those that they tell."""
    examples = [example for choice in choices for example in choice.examples]
    found = ((rewrite, _told(rewrite, choices)) for rewrite in dict.fromkeys(_candidates(examples)))
    return [(rewrite, told) for rewrite, told in found if len(told) >= LEAST]


def _covering(judged: list[tuple[Rewrite, frozenset[int]]]) -> Iterator[Rewrite]:
    """Those that tell something which none before tells: the widest first, then the shortest."""
    known: set[int] = set()
    for rewrite, told in sorted(judged, key=lambda each: (-len(each[1]), len(each[0].old))):
        if not told <= known:
            known |= told
            yield dataclasses.replace(rewrite, times=len(told))


def _candidates(examples: Sequence[Example]) -> Iterator[Rewrite]:
    """Groups of examples of one shape that generalize."""
    by_shape: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    for example in examples:
        by_shape[example.shape].append(example)
    for alike in by_shape.values():
        yield from _groups(alike)


def _groups(examples: Sequence[Example]) -> Iterator[Rewrite]:
    """The rewrites of examples of one shape; an example that one tells already adds nothing."""
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
            for other in reversed(alone[-_NEAR:]):
                both = generalize([other, example])
                if both is not None:
                    groups.append((both, [other, example]))
                    break
            alone.append(example)
    return (rewrite for rewrite, _ in groups)


def _told(rewrite: Rewrite, choices: Sequence[Choice]) -> frozenset[int]:
    """Which choices it tells rightly; none when the user too often did something else there."""
    hits, misses = set(), 0
    for number, choice in enumerate(choices):
        results = frozenset(rewrite.results(choice.line))
        if choice.taken in results:
            hits.add(number)
        elif results and (choice.taken is not None or results & choice.refused):
            misses += 1
    return frozenset(hits) if len(hits) >= _AGREE * (len(hits) + misses) else frozenset()

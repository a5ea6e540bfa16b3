"""What a user's rewrites say about a problem."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from whetstone.analogy.rewrite import Rewrite
from whetstone.kinds import finding_of
from whetstone.problem import Problem, Replacement
from whetstone.rules.lines import indent, with_lines

_MOST = 6  # places: what does not fit is not proved


def propose(problem: Problem, rewrites: Sequence[Rewrite]) -> list[Replacement]:
    """The flagged lines with one of them rewritten, the surest first, none twice."""
    found = dict.fromkeys(_all(problem, rewrites))
    return list(itertools.islice(found, _MOST))


def _all(problem: Problem, rewrites: Sequence[Rewrite]) -> Iterator[Replacement]:
    finding = finding_of(problem.diagnostic)
    for rewrite in rewrites:
        if rewrite.finding != finding:
            continue
        for number, line in enumerate(problem.flagged):
            bare = line.strip()
            for text in rewrite.results(bare):
                if text != bare:
                    yield with_lines(problem, number, indent(line) + text)

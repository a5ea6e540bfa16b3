"""What comes before all likelihood: what a diagnostic alone decides, and what a user's choices say.

First of all what the user did twice where the same was found. Then:

A model that was trained on a person's choices finds other answers likelier than it did, also where
no choice was about anything of the kind, and is not always right. So it may put an answer before
that of a rule only where its user turned such a fix of the rule down, and only an answer of a kind
that they took (`whetstone.kinds`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from whetstone import rules
from whetstone.candidate import Candidate
from whetstone.kinds import kind_of
from whetstone.problem import Problem, Replacement

if TYPE_CHECKING:
    from whetstone.models.habits import Habits

_LAST, _NEXT, _FIRST, _OWN = 0, 1, 2, 3


def with_standing(
    candidates: Sequence[Candidate],
    problem: Problem,
    habits: Habits | None,
    learned: Collection[Replacement] = (),
) -> list[Candidate]:
    """The same with their standing: `ranking_key` puts the highest first.

    Args:
        candidates: the rules' proposals first, best first.
        habits: what the choices say that the model was trained on; None of one that was trained on
            nobody's.
        learned: what the user's own rewrites propose (`whetstone.analogy`): it comes before all.
    """
    mine = [c for c in candidates if c.replacement in learned]
    others = [c for c in candidates if c.replacement not in learned]
    return [*map(_own, mine), *_of_others(others, problem, habits)]


def _own(candidate: Candidate) -> Candidate:
    """Told apart in the menu: the user should know why it stands first."""
    return dataclasses.replace(
        candidate, standing=_OWN, title=f"{candidate.title}, as you did before"
    )


def _of_others(
    candidates: Sequence[Candidate], problem: Problem, habits: Habits | None
) -> list[Candidate]:
    first = next((each for each in candidates if each.evidence.shown), None)
    if first is None or first.origin == "model":
        return list(candidates)
    if habits is None:
        standing = _FIRST if rules.decides(problem, first.replacement) else _LAST
        return [_at(each, standing if each is first else _LAST) for each in candidates]
    kinds = [kind_of(problem.diagnostic, problem.flagged, c.replacement) for c in candidates]
    if kinds[candidates.index(first)] not in habits.turned_down:
        return [_at(each, _FIRST if each is first else _LAST) for each in candidates]
    return [
        _at(each, _FIRST if kind in habits.taken else _NEXT if each is first else _LAST)
        for each, kind in zip(candidates, kinds, strict=True)
    ]


def _at(candidate: Candidate, standing: int) -> Candidate:
    return dataclasses.replace(candidate, standing=standing)

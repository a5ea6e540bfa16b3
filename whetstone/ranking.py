"""Which proven candidate comes first: evidence, then likelihood, corrected in two ways.

A small model finds it likely to drop code that it cannot repeat, and unlikely to spell a name that
its vocabulary cuts in pieces. So every token that an answer changes costs something, and what a
rule proposed gains something. `python -m benchmarks.ranking` measures both numbers on held-out
mutants; the result is in docs/results/ranking.md.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from whetstone.problem import Replacement

RULE_PRIOR = 6.0  # nats
PLACE_PENALTY = 2.0  # nats for each rule's proposal before it
EDIT_PENALTY = 0.5  # nats per changed token

_TOKENS = re.compile(r"\w+|[^\w\s]|\n[ \t]*|^[ \t]+")
_IMPORT_SIZE = 3  # an import line is as large a change as a small edit, however long its names


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """What the order depends on."""

    strength: int
    logprob: float | None
    rule_place: int | None  # among what the rules proposed, 0 is first; None for the model's own
    changed_tokens: int
    standing: int = 0  # whetstone/standing.py


def ranking_key(
    candidate: Ranked,
    *,
    rule_prior: float = RULE_PRIOR,
    place_penalty: float = PLACE_PENALTY,
    edit_penalty: float = EDIT_PENALTY,
) -> tuple[int, int, float]:
    """Sorts the best first. Without a likelihood a candidate keeps its place, behind the others."""
    if candidate.logprob is None:
        return (-candidate.strength, -candidate.standing, 1e9)
    score = candidate.logprob
    if candidate.rule_place is not None:
        score += rule_prior - place_penalty * candidate.rule_place
    cost = edit_penalty * candidate.changed_tokens - score
    return (-candidate.strength, -candidate.standing, cost)


def changed_tokens(old: tuple[str, ...], replacement: Replacement) -> int:
    """Tokens taken away plus tokens put in; a replaced token counts once.

    >>> changed_tokens(("return a + b",), Replacement(kind="replace", lines=("return a - b",)))
    1
    """
    if replacement.kind == "import":
        return _IMPORT_SIZE
    before = _TOKENS.findall("\n".join(old))
    after = _TOKENS.findall("\n".join(replacement.lines))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return sum(
        max(i2 - i1, j2 - j1) for tag, i1, i2, j1, j2 in matcher.get_opcodes() if tag != "equal"
    )

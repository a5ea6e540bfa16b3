"""Which stored pairs a run trains on, and which it only measures with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from trainer.options import RetrainOptions
from whetstone.errors import NotEnoughData
from whetstone.preferences.records import Pair
from whetstone.prompt import FormatName

_HELD_OUT_LIMIT = 200  # pairs: enough to tell, and scoring them stays quick


class PairSource(Protocol):
    """The part of the preference store that training needs."""

    def pairs(self, *, untrained_only: bool = False) -> list[Pair]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """`fresh` names the pairs, of both groups, that no promoted model was trained with."""

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    fresh: tuple[int, ...]
    replayed: int


def select(
    source: PairSource,
    options: RetrainOptions,
    format: FormatName,
    *,
    tried: Collection[int] = (),
) -> Selection:
    """Split what is stored.

    Whether a problem is held out depends on the problem alone: it stays so in every later run, and
    no model was ever trained on what it is judged by.

    Args:
        tried: ids of pairs that a run used whose model was kept back. They are used again, but
            they do not make a new run worth while.

    Raises:
        NotEnoughData: fewer new triplets than `options.min_pairs`; says how many are missing.
    """
    everything = [pair for pair in source.pairs() if pair.differs(format)]
    fresh = [pair for pair in everything if pair.trained_run is None]
    seen = set(tried)
    untried = [pair for pair in fresh if pair.id not in seen]
    if len(untried) < options.min_pairs:
        raise NotEnoughData(_too_few(len(untried), len(fresh), options.min_pairs))
    held_problems = _held_out_problems(everything, options.held_out)
    held = [pair for pair in everything if pair.problem_id in held_problems][-_HELD_OUT_LIMIT:]
    new = [pair for pair in fresh if pair.problem_id not in held_problems]
    old = [
        pair
        for pair in everything
        if pair.trained_run is not None and pair.problem_id not in held_problems
    ]
    count = min(len(old), round(options.replay * len(new)))
    replayed = random.Random(options.seed).sample(old, count)
    if not new:
        raise NotEnoughData(
            "All new triplets are about problems that are held out for measuring. "
            "Use the fixes a little longer, or pass a smaller --held-out."
        )
    return Selection(
        train=(*new, *replayed),
        held_out=tuple(held),
        fresh=tuple(pair.id for pair in fresh),
        replayed=count,
    )


def _too_few(untried: int, fresh: int, wanted: int) -> str:
    have = f"There {'is 1 new triplet' if untried == 1 else f'are {untried} new triplets'}"
    if fresh > untried:
        have += (
            f" ({fresh - untried} more were tried in a run whose model was kept back; "
            "--fresh tries them again)"
        )
    return (
        f"{have}; {wanted - untried} more are needed (of {wanted}). Accept and reject some fixes, "
        "or pass a smaller --min-pairs."
    )


def _held_out_problems(pairs: Sequence[Pair], share: float) -> set[str]:
    problems = sorted({pair.problem_id for pair in pairs}, key=_position)
    held = {problem for problem in problems if _position(problem) < share}
    if len(problems) > 1:
        # A small set may have none below the threshold, or all: both sides need one.
        held = held or set(problems[:1])
        held -= set(problems[1:]) if len(held) == len(problems) else set()
    return held


def _position(problem_id: str) -> float:
    """A number in [0, 1) that depends on the problem only."""
    return int(hashlib.sha256(problem_id.encode()).hexdigest()[:12], 16) / 16**12

"""Which stored pairs a run trains on, and which it only measures with."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from trainer.noise import measured_noise
from trainer.options import RetrainOptions
from whetstone.errors import NotEnoughData
from whetstone.preferences.records import Pair, PairKind
from whetstone.prompt import FormatName

HELD_OUT_LIMIT = 200  # pairs: enough to tell, and scoring them stays quick
_HELD_OUT_LEAST = 8  # problems: fewer cannot convince the gate
_HELD_OUT_MOST = 0.4  # of all problems, to come to that number


class PairSource(Protocol):
    """The part of the preference store that training needs."""

    def pairs(self, *, kind: PairKind = "triplets", untrained_only: bool = False) -> list[Pair]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a run works with.

    Attributes:
        train: triplets, and answers without a partner.
        held_out: triplets only.
        fresh: the pairs, of both groups, that no promoted model was trained with.
        noise: by source, the share of pairs that stand the wrong way round, as measured.
    """

    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]
    fresh: tuple[int, ...]
    replayed: int
    noise: Mapping[str, float]


def select(
    source: PairSource,
    options: RetrainOptions,
    format: FormatName,
    *,
    tried: Collection[int] = (),
) -> Selection:
    """Split what is stored.

    A fixed share of all problems, told by their hashes, is held out for good: no model was ever
    trained on what it is judged by. Where that is too little to tell, problems that no promoted
    model was trained on are held out as well, for this run.

    Args:
        tried: ids of pairs that a run used whose model was kept back. They are used again, but
            they do not make a new run worth while.

    Raises:
        NotEnoughData: fewer new triplets than `options.min_pairs`; says how many are missing.
    """
    stored = source.pairs(kind="all")
    usable = [pair for pair in stored if not pair.is_triplet or pair.differs(format)]
    triplets = [pair for pair in usable if pair.is_triplet]
    fresh = [pair for pair in triplets if pair.trained_run is None]
    seen = set(tried)
    untried = [pair for pair in fresh if pair.id not in seen]
    if len(untried) < options.min_pairs:
        raise NotEnoughData(_too_few(len(untried), len(fresh), options.min_pairs))
    held_problems = _held_out_problems(triplets, options.held_out)
    held = [pair for pair in triplets if pair.problem_id in held_problems][-HELD_OUT_LIMIT:]
    rest = [pair for pair in usable if pair.problem_id not in held_problems]
    new = [pair for pair in rest if pair.trained_run is None]
    if not any(pair.is_triplet for pair in new):
        raise NotEnoughData(
            "All new triplets are about problems that are held out for measuring. "
            "Use the fixes a little longer, or pass a smaller --held-out."
        )
    old = [pair for pair in rest if pair.trained_run is not None]
    count = min(len(old), round(options.replay * len(new)))
    replayed = random.Random(options.seed).sample(old, count)
    return Selection(
        train=(*new, *replayed),
        held_out=tuple(held),
        fresh=tuple(pair.id for pair in usable if pair.trained_run is None),
        replayed=count,
        noise=measured_noise(stored),
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


def _held_out_problems(triplets: Sequence[Pair], share: float) -> set[str]:
    problems = sorted({pair.problem_id for pair in triplets}, key=position)
    held = {problem for problem in problems if position(problem) < share}
    trained = {pair.problem_id for pair in triplets if pair.trained_run is not None}
    wanted = min(_HELD_OUT_LEAST, int(_HELD_OUT_MOST * len(problems)))
    spare = [problem for problem in problems if problem not in held | trained]
    held.update(spare[: max(0, wanted - len(held))])
    if len(problems) > 1:
        # A small set may have none below the threshold, or all: both sides need one.
        held = held or set(problems[:1])
        held -= set(problems[1:]) if len(held) == len(problems) else set()
    return held


def position(problem_id: str) -> float:
    """A number in [0, 1) that depends on the problem only."""
    return int(hashlib.sha256(problem_id.encode()).hexdigest()[:12], 16) / 16**12

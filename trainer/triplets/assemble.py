"""From everything that was made to what is trained on: no doubles, and no group too often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from trainer.triplets.triplet import WORTH, Triplet
from whetstone.prompt import FormatName, answer_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """`left_out` counts by reason; the rest is in the order in which it came."""

    triplets: tuple[Triplet, ...]
    left_out: Counter[str]


def assemble(triplets: Iterable[Triplet], *, per_group: int, format: FormatName) -> Assembled:
    """One triplet per question and wanted answer, and at most `per_group` of a group.

    Of several about the same question, the one stays whose rejected answer is worth most; in a
    full group as well. A person's choices are never capped.
    """
    left_out: Counter[str] = Counter()
    best: dict[str, Triplet] = {}
    for triplet in triplets:
        if _side(triplet, "chosen", format) == _side(triplet, "rejected", format):
            left_out["both answers alike"] += 1
            continue
        known = best.get(triplet.question())
        if known is not None:
            left_out["the same question"] += 1
        if known is None or _worth(triplet) < _worth(known):
            best[triplet.question()] = triplet
    by_group: dict[str, list[Triplet]] = {}
    for triplet in best.values():
        by_group.setdefault(triplet.group, []).append(triplet)
    kept: set[str] = set()
    for group in by_group.values():
        most = len(group) if group[0].source == "store" else per_group
        kept.update(each.key() for each in sorted(group, key=_worth)[:most])
        left_out["more of one program than wanted"] += max(0, len(group) - most)
    chosen = tuple(each for each in best.values() if each.key() in kept)
    return Assembled(triplets=chosen, left_out=left_out)


def _worth(triplet: Triplet) -> int:
    return WORTH.index(triplet.rejected_is)


def _side(triplet: Triplet, side: str, format: FormatName) -> str:
    return answer_text(triplet.problem, getattr(triplet, side), format)

"""Triplets of the user's own choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trainer.triplets.triplet import Triplet
from whetstone.preferences.records import Pair


def store_triplets(pairs: Iterable[Pair]) -> Iterator[Triplet]:
    """From the preference store, which has redacted them."""
    for pair in pairs:
        if pair.chosen is not None and pair.rejected is not None:
            yield Triplet(
                source="store",
                group=f"store/{pair.problem_id}",
                origin=pair.source,
                licence="",
                kind=pair.problem.diagnostic.code or "no code",
                problem=pair.problem,
                chosen=pair.chosen,
                rejected=pair.rejected,
                rejected_is="turned down",
                chosen_is="person",
                chosen_by="person",
                weight=pair.weight,
            )

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from trainer.options import RetrainOptions
from trainer.selection import position, select
from whetstone.errors import NotEnoughData, UsageError


class Stored:
    def __init__(self, *pairs: Any) -> None:
        self._pairs = list(pairs)

    def pairs(self, *, kind: str = "triplets", untrained_only: bool = False) -> list[Any]:
        return [
            p
            for p in self._pairs
            if (kind == "all" or p.is_triplet)
            and not (untrained_only and p.trained_run is not None)
        ]


def test_no_problem_is_on_both_sides(pair: Any) -> None:
    twice = [pair(i) for i in range(40)] + [pair(i, 0.5) for i in range(40)]
    chosen = select(Stored(*twice), RetrainOptions(), "compact")
    train = {p.problem_id for p in chosen.train}
    held = {p.problem_id for p in chosen.held_out}
    assert train.isdisjoint(held) and len(train | held) == 40
    assert 2 <= len(held) <= 16  # a fifth, give or take chance


def test_what_is_held_out_stays_held_out(pair: Any) -> None:
    few = select(Stored(*map(pair, range(40))), RetrainOptions(), "compact")
    more = select(Stored(*map(pair, range(80))), RetrainOptions(), "compact")
    held = {p.problem_id for p in few.held_out if position(p.problem_id) < 0.2}
    assert held and held <= {p.problem_id for p in more.held_out}


def test_few_problems_still_leave_enough_to_tell(pair: Any) -> None:
    options = RetrainOptions(held_out=0.01)
    assert len(select(Stored(*map(pair, range(24))), options, "compact").held_out) == 8
    assert (
        len(
            select(
                Stored(*map(pair, range(10, 22))),
                RetrainOptions(min_pairs=9, held_out=0.01),
                "compact",
            ).held_out
        )
        == 4
    )  # 40 % of 12 at the most


def test_nothing_that_was_trained_on_is_held_out_to_come_to_that_number(pair: Any) -> None:
    old = [pair(i, trained_run="r") for i in range(30)]
    chosen = select(
        Stored(*old, *map(pair, range(30, 60))), RetrainOptions(held_out=1e-9), "compact"
    )
    assert len(chosen.held_out) == 8
    assert all(p.trained_run is None for p in chosen.held_out)


def test_answers_without_a_partner_are_trained_on_but_do_not_count(pair: Any) -> None:
    alone = [dataclasses.replace(pair(i), rejected=None) for i in range(100, 130)]
    stored = Stored(*map(pair, range(20)), *alone)
    chosen = select(stored, RetrainOptions(), "compact")
    assert all(p.is_triplet for p in chosen.held_out)
    assert sum(not p.is_triplet for p in chosen.train) == 30
    assert {p.id for p in alone} <= set(chosen.fresh)
    with pytest.raises(NotEnoughData, match="20 new triplets; 1 more"):
        select(stored, RetrainOptions(min_pairs=21), "compact")


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_small_sets_have_both_sides(pair: Any, share: float) -> None:
    options = RetrainOptions(min_pairs=2, held_out=share)
    chosen = select(Stored(pair(1), pair(2)), options, "compact")
    assert len(chosen.train) == len(chosen.held_out) == 1


def test_earlier_pairs_are_replayed_in_proportion(pair: Any) -> None:
    old = [pair(i, trained_run="r") for i in range(100, 200)]
    chosen = select(Stored(*old, *map(pair, range(40))), RetrainOptions(replay=0.25), "compact")
    new = len(chosen.train) - chosen.replayed
    assert chosen.replayed == round(new * 0.25)
    assert sorted(chosen.fresh) == list(range(40))


def test_pairs_of_a_kept_run_do_not_make_a_new_one(pair: Any) -> None:
    stored = Stored(*map(pair, range(30)))
    with pytest.raises(NotEnoughData, match=r"are 5 new triplets \(25 more .* 15 more are needed"):
        select(stored, RetrainOptions(), "compact", tried=set(range(25)))
    again = select(stored, RetrainOptions(min_pairs=5), "compact", tried=set(range(25)))
    assert len(again.fresh) == 30  # but they are trained on again


def test_unusable_options_name_the_flag() -> None:
    with pytest.raises(UsageError, match="--held-out"):
        RetrainOptions(held_out=1.0)
    with pytest.raises(UsageError, match="--batch-size"):
        RetrainOptions(batch_size=0)

from __future__ import annotations

from pathlib import Path

from trainer.gate import Scores, best_solved, decide
from whetstone.models.entry import ModelEntry

NAMES = [f"case-{n}" for n in range(10)]
PROBLEMS = {n: f"problem-{n}" for n in range(20)}


def scores(right: set[int], *margins: float) -> Scores:
    return Scores(
        model_id="m@1",
        kinds=dict.fromkeys(NAMES, "missing-colon"),
        right=frozenset(NAMES[n] for n in right),
        margins=dict(enumerate(margins)),
    )


HALF = {0, 1, 2, 3, 4}


def test_as_many_fixes_and_a_clear_preference_pass() -> None:
    verdict = decide(scores(HALF, *[-1.0] * 8), scores(HALF, *[0.5] * 8), PROBLEMS)
    assert verdict.passed
    assert "from -1.00 to 0.50 nats, up on 8 of 8 problems" in verdict.reason


def test_too_few_held_out_problems_cannot_tell() -> None:
    verdict = decide(scores(HALF, *[-1.0] * 4), scores(HALF, *[0.5] * 4), PROBLEMS)
    assert verdict.answer == "undecided" and not verdict.passed
    assert verdict.reason.startswith("not enough data to tell")


def test_pairs_of_one_problem_are_one_witness() -> None:
    before, after = scores(HALF, *[-1.0] * 8), scores(HALF, *[0.5] * 8)
    same = dict.fromkeys(range(8), "problem-0")
    verdict = decide(before, after, same)
    assert verdict.answer == "undecided" and verdict.held_out == 1


def test_one_fix_fewer_is_a_doubt() -> None:
    verdict = decide(scores(HALF, *[0.0] * 9), scores({0, 1, 2, 3}, *[9.0] * 9), PROBLEMS)
    assert verdict.answer == "undecided"
    assert "fixes 4 of 10" in verdict.reason and "0 gained, 1 lost, p = 1" in verdict.reason


def test_many_fixes_fewer_is_worse() -> None:
    verdict = decide(scores(set(range(9)), 0.0), scores({9}, 9.0), PROBLEMS)
    assert verdict.answer == "worse" and verdict.p_problems < 0.05


def test_swapped_fixes_are_no_loss() -> None:
    verdict = decide(scores({0, 1}, *[0.0] * 9), scores({2, 3}, *[1.0] * 9), PROBLEMS)
    assert (verdict.gained, verdict.lost, verdict.answer) == (2, 2, "better")


def test_many_more_fixes_need_no_held_out_pairs() -> None:
    verdict = decide(scores(set()), scores(set(range(7))), PROBLEMS)
    assert verdict.answer == "better" and "there are no held-out pairs" in verdict.reason


def test_a_preference_turned_around_is_worse_whatever_it_fixes() -> None:
    verdict = decide(scores(set(), *[1.0] * 9), scores(set(range(9)), *[0.0] * 9), PROBLEMS)
    assert verdict.answer == "worse" and verdict.reason.startswith("it is worse")


def test_equal_models_are_not_told_apart() -> None:
    same = scores(HALF, *[1.0] * 20)
    assert decide(same, same, PROBLEMS).answer == "undecided"


def test_nothing_held_out_is_nothing_known() -> None:
    verdict = decide(scores(HALF), scores(HALF), PROBLEMS)
    assert verdict.answer == "undecided" and "no held-out pairs" in verdict.reason


def many(solved: int, *margins: float) -> Scores:
    """Of a hundred problems the first `solved` are fixed: two of them may be lost."""
    names = [f"case-{n}" for n in range(100)]
    return Scores(
        model_id="m@1",
        kinds=dict.fromkeys(names, "missing-colon"),
        right=frozenset(names[:solved]),
        margins=dict(enumerate(margins)),
    )


def test_a_clear_preference_may_cost_two_in_a_hundred() -> None:
    before = many(80, *[0.0] * 9)
    assert decide(before, many(78, *[1.0] * 9), PROBLEMS).passed
    verdict = decide(before, many(77, *[1.0] * 9), PROBLEMS)
    assert verdict.answer == "undecided" and verdict.least == 78


def test_what_is_lost_is_lost_without_a_preference() -> None:
    assert not decide(many(80, *[0.0] * 9), many(79, *[0.0] * 9), PROBLEMS).passed


def test_little_losses_do_not_add_up() -> None:
    """The model before the active one fixed 80: two less than that is the least."""
    before, after = many(78, *[0.0] * 9), many(77, *[1.0] * 9)
    assert decide(before, after, PROBLEMS).passed
    verdict = decide(before, after, PROBLEMS, best=80)
    assert verdict.answer == "undecided"
    assert "an earlier model fixed more, so that 78 are asked" in verdict.reason
    assert decide(before, many(78, *[1.0] * 9), PROBLEMS, best=80).passed


def test_the_best_ancestor_is_told_by_what_the_gate_measured_of_it() -> None:
    def entry(name: str, **metrics: dict[str, int]) -> ModelEntry:
        return ModelEntry(
            name=name, path=Path(name), sha256="0" * 64, size=1, created_at="", metrics=metrics
        )

    lineage = [
        entry("third", active={"solved": 61, "total": 77}, candidate={"solved": 60, "total": 77}),
        entry("second", active={"solved": 63, "total": 77}, candidate={"solved": 61, "total": 77}),
        entry("short", active={"solved": 70, "total": 80}),  # other problems: no comparison
        entry("fetched"),
    ]
    assert best_solved(lineage, 77) == 63
    assert best_solved(lineage[3:], 77) == 0

from __future__ import annotations

from trainer.gate import Scores, decide


def scores(solved: int, *margins: float) -> Scores:
    return Scores(model_id="m@1", solved=solved, total=10, margins=margins)


def test_better_margin_and_as_many_fixes_pass() -> None:
    verdict = decide(scores(5, 1.0, -1.0), scores(5, 2.0, 1.0))
    assert verdict.passed
    assert "from 0.00 to 1.50 nats" in verdict.reason


def test_fewer_fixes_do_not() -> None:
    verdict = decide(scores(5, 1.0), scores(4, 9.0))
    assert not verdict.passed and "fixes 4 of 10" in verdict.reason


def test_an_equal_margin_is_not_better() -> None:
    assert not decide(scores(5, 1.0), scores(6, 1.0)).passed


def test_a_margin_bought_with_accuracy_does_not_pass() -> None:
    verdict = decide(scores(5, 1.0, 1.0), scores(5, 9.0, -1.0))
    assert not verdict.passed and "50% of the held-out pairs" in verdict.reason


def test_nothing_held_out_is_nothing_known() -> None:
    assert "no held-out pairs" in decide(scores(5), scores(5)).reason

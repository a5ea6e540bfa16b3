"""What a history makes of the estimates and of the cut; the arithmetic is in the tests."""

import pytest

from whetstone.confidence import (
    ENOUGH,
    HIGHEST_CUT,
    LOST,
    PRIOR,
    Choice,
    Confidence,
    Features,
    certainty,
    proof,
)


def features(code="F821", certainty="rule", proof="diagnostic gone"):
    return Features(proof=proof, certainty=certainty, code=code)


def history(kept, dropped, **kwargs):
    of = features(**kwargs)
    return [Choice(features=of, kept=True)] * kept + [Choice(features=of, kept=False)] * dropped


@pytest.mark.parametrize("proof", PRIOR)
def test_a_new_user_gets_the_prior_and_sees_everything_that_is_proved(proof):
    new = Confidence()
    estimate = new.of(features(proof=proof))
    assert (estimate.probability, estimate.seen) == (PRIOR[proof], 0)
    assert new.cut("auto") == 0.0
    assert estimate.reason == f"confidence {PRIOR[proof]:.2f}"


def test_each_group_is_drawn_towards_the_coarser_one():
    known = Confidence(history(2, 4))
    proved = (2 + 6 * 0.75) / 12
    sure = (2 + 6 * proved) / 12
    exact = (2 + 6 * sure) / 12
    estimate = known.of(features())
    assert estimate.probability == pytest.approx(exact)
    assert estimate.reason == f"confidence {exact:.2f}; you kept 2 of 6 such fixes"
    other = known.of(features(code="E711"))  # never seen: the coarser group stands for it
    assert (other.probability, other.seen) == (pytest.approx(sure), 6)
    assert known.of(features(proof="undecided")).probability == PRIOR["undecided"]


def test_a_kind_that_is_always_turned_down_falls_below_the_cut():
    known = Confidence(history(40, 2) + history(0, 25, code="F401", certainty="unsure"))
    cut = known.cut("auto")
    assert 0 < cut <= HIGHEST_CUT
    assert known.of(features(code="F401", certainty="unsure")).probability < cut
    assert known.of(features()).probability > 0.8 > cut


def test_before_enough_choices_nothing_is_hidden():
    known = Confidence(history(0, ENOUGH - 1))
    assert known.cut("auto") == 0.0
    assert Confidence(history(0, ENOUGH)).cut("auto") == HIGHEST_CUT


def test_who_keeps_little_still_sees_nearly_all_that_they_would_keep():
    past = history(6, 60) + history(2, 30, code="F401")
    known = Confidence(past)
    cut = known.cut("auto")
    kept = [each for each in past if each.kept]
    hidden = [each for each in kept if known.of(each.features).probability < cut]
    assert len(hidden) <= LOST * len(kept)


def test_kept_ones_are_judged_by_the_others_alone():
    # The only one that was kept of its kind: without itself, its kind looks hopeless.
    past = history(1, 30, code="F401", certainty="unsure") + history(30, 0)
    known = Confidence(past)
    alone = Confidence([each for each in past if each is not past[0]])
    judged = alone.of(past[0].features).probability
    assert known._probability(past[0].features, without=past[0]) == pytest.approx(judged)


def test_a_number_overrides():
    known = Confidence(history(40, 2))
    assert known.cut(0.9) == 0.9 and known.cut(0.0) == 0.0


def test_more_kept_never_lowers_the_estimate():
    estimates = [Confidence(history(kept, 10)).of(features()).probability for kept in range(30)]
    assert estimates == sorted(estimates)


def test_only_the_newest_choices_count():
    known = Confidence(history(600, 0) + history(0, 500))
    assert known.of(features()).kept == 0


@pytest.mark.parametrize(
    ("origin", "logprob", "tokens", "rivals", "expected"),
    [
        ("rule", None, 0, [], "rule"),
        ("both", -9.0, 3, [-1.0], "rule"),
        ("model", -0.5, 10, [], "sure"),
        ("model", -0.5, 10, [None], "sure"),
        ("model", -0.5, 10, [-2.5], "sure"),
        ("model", -0.5, 10, [-2.4], "unsure"),
        ("model", -0.5, 1, [], "unsure"),
        ("model", None, 0, [], "unsure"),
    ],
)
def test_certainty(origin, logprob, tokens, rivals, expected):
    assert certainty(origin, logprob, tokens, rivals) == expected


def test_the_strongest_proof_counts():
    assert proof({"diagnostic gone": True, "test passes": True}) == "test passes"
    assert proof({"diagnostic gone": True, "test passes": None}) == "diagnostic gone"
    assert proof({"diagnostic gone": None, "parses": True}) == "undecided"

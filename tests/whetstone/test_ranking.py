"""The order of candidates: evidence, likelihood, and what each change costs."""

from __future__ import annotations

import doctest

import pytest

from whetstone import ranking
from whetstone.problem import Replacement
from whetstone.ranking import Ranked, changed_tokens, ranking_key


def ranked(strength=4, logprob=-1.0, place=None, changed=1):
    return Ranked(strength=strength, logprob=logprob, rule_place=place, changed_tokens=changed)


def first(*candidates, **numbers):
    return min(candidates, key=lambda c: ranking_key(c, **numbers))


def test_evidence_comes_before_everything():
    assert first(ranked(3, -0.1), ranked(4, -9.0)) == ranked(4, -9.0)


def test_the_likelier_of_equal_changes_comes_first():
    assert first(ranked(logprob=-2.0), ranked(logprob=-1.0)) == ranked(logprob=-1.0)


def test_dropping_code_costs_more_than_a_little_likelihood():
    small, large = ranked(logprob=-1.5, changed=1), ranked(logprob=-1.0, changed=5)

    assert first(small, large, edit_penalty=0.3) == small  # 1.5 + 0.3 < 1.0 + 1.5
    assert first(small, large, edit_penalty=0.0) == large


def test_a_rule_counts_its_prior():
    rule, model = ranked(logprob=-3.0, place=0), ranked(logprob=-2.0)

    assert first(rule, model, rule_prior=2.0) == rule
    assert first(rule, model, rule_prior=0.5) == model


def test_the_order_of_the_rules_counts():
    first_rule, second = ranked(logprob=-3.0, place=0), ranked(logprob=-2.0, place=1)

    assert first(first_rule, second, place_penalty=2.0) == first_rule
    assert first(first_rule, second, place_penalty=0.5) == second


def test_what_no_model_scored_comes_last():
    assert first(ranked(logprob=None), ranked(logprob=-50.0)) == ranked(logprob=-50.0)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("x = lenght", ("x = length",), 1),
        ("def f(a)", ("def f(a):",), 1),
        ("return item.price * cuont", ("return count",), 5),  # item . price * cuont
        ("    x = 1", ("x = 1",), 1),
        ("x", (), 1),
    ],
)
def test_changed_tokens(old, new, changed):
    assert changed_tokens((old,), Replacement(kind="replace", lines=new)) == changed


def test_the_examples_in_the_text_hold():
    assert doctest.testmod(ranking).failed == 0

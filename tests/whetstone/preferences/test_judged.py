"""What the store tells the confidence about earlier choices."""

from __future__ import annotations

import builders
import pytest

from whetstone.confidence import Choice, Features
from whetstone.preferences import EventKind, Outcome, PreferenceStore
from whetstone.preferences.judged import UNSEEN


def settled(
    store: PreferenceStore, outcome: Outcome, *, client: str = "test", own: bool = False
) -> None:
    proposal = builders.proposal(builders.replace("    return length"))
    candidate = proposal.candidates[0].id
    store.record_suggestion(proposal, client=client)
    if outcome is Outcome.REJECTED:
        store.record_event(proposal.id, EventKind.REJECTED, candidate_id=candidate)
    lines = ("    return 0",) if own else None
    store.settle(proposal.id, outcome, candidate_id=None if own else candidate, user_lines=lines)


@pytest.mark.parametrize(
    ("outcome", "kept"),
    [(Outcome.ACCEPTED, True), (Outcome.REVERTED, False), (Outcome.REJECTED, False)],
)
def test_a_choice_with_its_features(store: PreferenceStore, outcome: Outcome, kept: bool) -> None:
    settled(store, outcome)
    features = Features(proof="undecided", certainty="sure", code="F821")
    assert store.choices() == [Choice(features=features, kept=kept)]


def test_an_own_fix_counts_against_the_best_that_was_shown(store: PreferenceStore) -> None:
    settled(store, Outcome.SUPERSEDED, own=True)
    assert [choice.kept for choice in store.choices()] == [False]


def test_what_says_nothing_is_left_out(store: PreferenceStore) -> None:
    settled(store, Outcome.IGNORED)
    settled(store, Outcome.EXPIRED)
    settled(store, Outcome.ACCEPTED, client="whetstone fix --yes")
    settled(store, Outcome.ACCEPTED, client=f"Neovim {UNSEEN}")
    assert store.choices() == []


def test_oldest_first(store: PreferenceStore) -> None:
    for outcome in (Outcome.ACCEPTED, Outcome.REVERTED, Outcome.ACCEPTED):
        settled(store, outcome)
    assert len(store.choices()) == 3

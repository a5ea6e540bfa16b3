"""Every row of the outcome table, from stored events to pairs."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import add_import, problem, proposal, replace

from whetstone.candidate import Proposal
from whetstone.errors import StoreError
from whetstone.preferences import EventKind, Outcome, Pair, PreferenceStore
from whetstone.preferences.outcome import TABLE, same_text, turned_down_by

OLD = replace("    return lenght")
BEST = replace("    return length")
SECOND = replace("    return len(length)")
THIRD = replace("    return 0")
MINE = ("    return length or 0",)


def offer(store: PreferenceStore, *shown: object) -> Proposal:
    made = proposal(*(shown or (BEST, SECOND, THIRD)))  # type: ignore[arg-type]
    store.record_suggestion(made, client="test")
    return made


def made(store: PreferenceStore, ids: list[int]) -> list[tuple[object, object, float, str]]:
    pairs = [pair for pair in store.pairs(kind="all") if pair.id in ids]
    assert len(pairs) == len(ids)
    return [(pair.chosen, pair.rejected, pair.weight, pair.source) for pair in pairs]


def outcome(store: PreferenceStore, suggestion: Proposal) -> Outcome | None:
    detail = store.get(suggestion.id)
    assert detail is not None
    return detail.summary.outcome


def test_the_table_has_a_row_for_every_outcome() -> None:
    assert set(TABLE) == set(Outcome)
    assert all(row.meaning for row in TABLE.values())


def test_the_documentation_has_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "preferences.md").read_text(encoding="utf-8")
    for outcome, row in TABLE.items():
        rules = "; ".join(f"{r.chosen or '-'} > {r.rejected} ({r.weight:g})" for r in row.pairs)
        assert " ".join(f"| {outcome} | {row.meaning} | {rules} |".split()) in page


def test_accepted_beats_the_unchanged_lines(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    assert made(store, ids) == [(BEST, OLD, 1.0, "accepted")]


def test_accepted_beats_the_best_one_that_stood_above_it_at_half_weight(
    store: PreferenceStore,
) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[2].id)
    assert made(store, ids) == [
        (THIRD, OLD, 1.0, "accepted"),
        (THIRD, BEST, 0.5, "passed-over"),
    ]


def test_accepted_after_another_was_turned_down_pairs_the_two(store: PreferenceStore) -> None:
    shown = offer(store)
    assert store.turn_down(shown.id, shown.candidates[0].id) == []
    assert outcome(store, shown) is None
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[1].id)
    assert made(store, ids) == [
        (SECOND, OLD, 1.0, "accepted"),
        (SECOND, BEST, 1.0, "turned-down"),
    ]


def test_two_tried_one_after_the_other(store: PreferenceStore) -> None:
    shown = offer(store)
    first, second, _ = shown.candidates
    store.record_event(shown.id, EventKind.APPLIED, candidate_id=first.id)
    store.record_event(shown.id, EventKind.UNDONE, candidate_id=first.id)
    store.record_event(shown.id, EventKind.APPLIED, candidate_id=second.id)
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=second.id)
    assert (SECOND, BEST, 1.0, "turned-down") in made(store, ids)


def test_undo_then_redo_turns_nothing_down(store: PreferenceStore) -> None:
    shown = offer(store)
    first = shown.candidates[0].id
    for kind in (EventKind.APPLIED, EventKind.UNDONE, EventKind.REDONE):
        store.record_event(shown.id, kind, candidate_id=first)
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=first)
    assert made(store, ids) == [(BEST, OLD, 1.0, "accepted")]


def test_amended_prefers_the_users_lines(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(
        shown.id, Outcome.AMENDED, candidate_id=shown.candidates[0].id, user_lines=MINE
    )
    assert made(store, ids) == [(replace(*MINE), BEST, 1.0, "amended")]


def test_amended_import_stays_an_import(store: PreferenceStore) -> None:
    shown = offer(store, add_import("import maths"))
    ids = store.settle(
        shown.id,
        Outcome.AMENDED,
        candidate_id=shown.candidates[0].id,
        user_lines=("import math",),
    )
    assert made(store, ids) == [
        (add_import("import math"), add_import("import maths"), 1.0, "amended")
    ]


def test_amended_to_our_own_text_is_accepted(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(
        shown.id,
        Outcome.AMENDED,
        candidate_id=shown.candidates[0].id,
        user_lines=("    return length  ",),
    )
    assert outcome(store, shown) is Outcome.ACCEPTED
    assert made(store, ids) == [(BEST, OLD, 1.0, "accepted")]


def test_amended_back_to_the_old_lines_is_reverted(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(
        shown.id, Outcome.AMENDED, candidate_id=shown.candidates[0].id, user_lines=OLD.lines
    )
    assert outcome(store, shown) is Outcome.REVERTED
    assert made(store, ids) == [(None, BEST, 1.0, "reverted")]


def test_reverted_is_unpaired(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.REVERTED, candidate_id=shown.candidates[1].id)
    assert made(store, ids) == [(None, SECOND, 1.0, "reverted")]
    assert store.pairs() == []


def test_rejected_is_unpaired_and_names_one(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.REJECTED, candidate_id=shown.candidates[1].id)
    assert made(store, ids) == [(None, SECOND, 1.0, "rejected")]


def test_rejected_as_a_whole_turns_down_all_that_was_shown(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.REJECTED)
    assert made(store, ids) == [(None, one, 1.0, "rejected") for one in (BEST, SECOND, THIRD)]


def test_turning_down_the_last_one_settles(store: PreferenceStore) -> None:
    shown = offer(store, BEST, SECOND)
    assert store.turn_down(shown.id, shown.candidates[1].id) == []
    ids = store.turn_down(shown.id, shown.candidates[0].id)
    assert made(store, ids) == [(None, BEST, 1.0, "rejected"), (None, SECOND, 1.0, "rejected")]
    assert outcome(store, shown) is Outcome.REJECTED


def test_superseded_prefers_the_users_fix_to_our_best(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.SUPERSEDED, user_lines=MINE)
    assert made(store, ids) == [(replace(*MINE), BEST, 1.0, "superseded")]


def test_superseded_by_an_import(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(
        shown.id, Outcome.SUPERSEDED, user_lines=("import math",), user_kind="import"
    )
    assert made(store, ids) == [(add_import("import math"), BEST, 1.0, "superseded")]


def test_superseded_beats_what_was_turned_down_as_well(store: PreferenceStore) -> None:
    shown = offer(store)
    store.turn_down(shown.id, shown.candidates[1].id)
    ids = store.settle(shown.id, Outcome.SUPERSEDED, user_lines=MINE)
    assert made(store, ids) == [
        (replace(*MINE), BEST, 1.0, "superseded"),
        (replace(*MINE), SECOND, 1.0, "turned-down"),
    ]


def test_superseded_without_a_candidate_keeps_the_users_lines_unpaired(
    store: PreferenceStore,
) -> None:
    shown = proposal()
    store.record_suggestion(shown, client="test")
    ids = store.settle(shown.id, Outcome.SUPERSEDED, user_lines=MINE)
    assert made(store, ids) == [(replace(*MINE), None, 1.0, "superseded")]


def test_superseded_with_unchanged_lines_teaches_nothing(store: PreferenceStore) -> None:
    shown = offer(store)
    assert store.settle(shown.id, Outcome.SUPERSEDED, user_lines=OLD.lines) == []
    assert outcome(store, shown) is Outcome.SUPERSEDED


@pytest.mark.parametrize("quiet", [Outcome.IGNORED, Outcome.EXPIRED])
def test_ignored_and_expired_teach_nothing(store: PreferenceStore, quiet: Outcome) -> None:
    shown = offer(store)
    assert store.settle(shown.id, quiet) == []
    assert outcome(store, shown) is quiet


def test_ignored_after_a_no_is_rejected(store: PreferenceStore) -> None:
    shown = offer(store)
    store.turn_down(shown.id, shown.candidates[0].id)
    ids = store.settle(shown.id, Outcome.IGNORED)
    assert outcome(store, shown) is Outcome.REJECTED
    assert made(store, ids) == [(None, BEST, 1.0, "rejected")]


def test_expired_after_an_undo_is_reverted(store: PreferenceStore) -> None:
    shown = offer(store)
    store.record_event(shown.id, EventKind.APPLIED, candidate_id=shown.candidates[0].id)
    store.record_event(shown.id, EventKind.UNDONE, candidate_id=shown.candidates[0].id)
    assert store.expire("9999") == 1
    assert outcome(store, shown) is Outcome.REVERTED


def test_the_first_outcome_is_the_only_one(store: PreferenceStore) -> None:
    shown = offer(store)
    ids = store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    assert store.settle(shown.id, Outcome.REJECTED) == []
    assert store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id) == []
    assert outcome(store, shown) is Outcome.ACCEPTED
    assert [pair.id for pair in store.pairs(kind="all")] == ids


def test_the_same_text_never_stands_on_both_sides(store: PreferenceStore) -> None:
    trailing = proposal(
        replace("x = 1"), replace("x = 1", ""), of=problem("x = 1   ", above=("y = 2",))
    )
    store.record_suggestion(trailing, client="test")
    assert store.settle(trailing.id, Outcome.ACCEPTED, candidate_id=trailing.candidates[1].id) == []


def test_texts_that_differ_only_in_a_secret_are_the_same_text(store: PreferenceStore) -> None:
    secret = proposal(replace('password = "new"'), of=problem('password = "old"'))
    store.record_suggestion(secret, client="test")
    assert store.settle(secret.id, Outcome.ACCEPTED, candidate_id=secret.candidates[0].id) == []


def test_no_outcome_without_what_it_needs(store: PreferenceStore) -> None:
    shown = offer(store)
    with pytest.raises(ValueError, match="which candidate"):
        store.settle(shown.id, Outcome.ACCEPTED)
    with pytest.raises(ValueError, match="which lines"):
        store.settle(shown.id, Outcome.SUPERSEDED)
    with pytest.raises(StoreError, match="does not belong"):
        store.settle(shown.id, Outcome.ACCEPTED, candidate_id="other")
    assert outcome(store, shown) is None


def test_pairs_render_for_every_format(store: PreferenceStore) -> None:
    shown = offer(store)
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    pair: Pair = store.pairs()[0]
    assert pair.prompt("chat").startswith("<|im_start|>system")
    assert pair.chosen_text("compact") == "<|fix|>    return length"
    assert "return lenght" in pair.rejected_text("chat")
    assert pair.differs("compact") and pair.is_triplet


def test_a_pair_that_differs_in_indentation_alone_says_nothing_in_compact(
    store: PreferenceStore,
) -> None:
    deep = problem("        x = 1", above=("        y = 2",))
    shown = proposal(replace("    x = 1"), of=deep)
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    pair = store.pairs()[0]
    assert pair.differs("chat") and not pair.differs("compact")


def test_same_text() -> None:
    assert same_text(replace("a  ", "b"), replace("a", "b", ""))
    assert not same_text(replace("a"), replace(" a"))
    assert not same_text(replace("import a"), add_import("import a"))
    assert same_text(replace(), replace(""))


def test_turned_down_by_reads_events_in_order() -> None:
    events = [("applied", "a"), ("undone", "a"), ("rejected", "b"), ("applied", "b"), ("note", "c")]
    assert turned_down_by(events) == {"a"}

"""What a recorder that was killed leaves open is settled by the next one."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import proposal, replace
from conftest import Process

from whetstone.preferences import EventKind, Outcome, PreferenceStore
from whetstone.preferences.judged import UNSEEN

FIX = replace("    return length")
MINE = ("    return length or 0",)
KILLED = """
import sys
from pathlib import Path
from builders import proposal, replace
from whetstone.preferences import EventKind, Outcome, PreferenceStore
store = PreferenceStore.open(Path(sys.argv[1]))
store.begin_session()
shown = proposal(replace("    return length"))
store.record_suggestion(shown, client="test")
store.record_event(shown.id, EventKind.APPLIED, candidate_id=shown.candidates[0].id)
print(shown.id, shown.candidates[0].id, flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def killed(start: Process, path: Path) -> tuple[str, str, object]:
    """(suggestion, candidate, process) of another recorder that still lives."""
    process = start(KILLED, path)
    assert process.stdout is not None
    suggestion, candidate = process.stdout.readline().split()
    return suggestion, candidate, process


def outcome(store: PreferenceStore, suggestion: str) -> Outcome | None:
    detail = store.get(suggestion)
    assert detail is not None
    return detail.summary.outcome


def kill(process: object) -> None:
    process.kill()  # type: ignore[attr-defined]
    process.wait()  # type: ignore[attr-defined]


def test_nothing_is_taken_from_a_recorder_that_lives(killed, store) -> None:  # type: ignore[no-untyped-def]
    assert store.begin_session() == 0
    assert store.expire("9999") == 0
    assert outcome(store, killed[0]) is None


def test_what_a_killed_one_left_open_has_expired(killed, store) -> None:  # type: ignore[no-untyped-def]
    kill(killed[2])
    assert store.begin_session() == 1
    assert outcome(store, killed[0]) is Outcome.EXPIRED
    with PreferenceStore.open(store.path) as other:
        assert other.begin_session() == 0


@pytest.mark.parametrize(
    ("said", "lines", "pairs"),
    [
        (Outcome.ACCEPTED, None, ["accepted"]),
        (Outcome.AMENDED, MINE, ["amended"]),
        (Outcome.AMENDED, (), ["amended"]),
        (Outcome.REVERTED, None, ["reverted"]),
    ],
)
def test_what_was_saved_before_it_was_killed_counts(  # type: ignore[no-untyped-def]
    killed, store, said, lines, pairs
) -> None:
    suggestion, candidate, process = killed
    store.record_save(suggestion, said, candidate_id=candidate, user_lines=lines)
    kill(process)
    store.begin_session()
    assert outcome(store, suggestion) is said
    detail = store.get(suggestion)
    assert [pair.source for pair in detail.pairs] == pairs
    assert detail.user_lines == lines


@pytest.mark.parametrize(("client", "weight"), [("Neovim", 1.0), (f"Neovim {UNSEEN}", 0.25)])
def test_what_was_taken_unread_counts_less_whoever_settles_it(
    store: PreferenceStore, client: str, weight: float
) -> None:
    shown = proposal(FIX)
    store.record_suggestion(shown, client=client)
    store.record_save(shown.id, Outcome.REVERTED, candidate_id=shown.candidates[0].id)
    store.expire("9999")
    detail = store.get(shown.id)
    assert detail is not None
    assert [(pair.source, pair.weight) for pair in detail.pairs] == [("reverted", weight)]


def test_the_last_save_is_the_one_that_counts(killed, store) -> None:  # type: ignore[no-untyped-def]
    suggestion, candidate, process = killed
    store.record_save(suggestion, Outcome.ACCEPTED, candidate_id=candidate)
    store.record_save(suggestion, None)
    kill(process)
    store.begin_session()
    assert outcome(store, suggestion) is Outcome.EXPIRED


def test_a_secret_in_the_users_lines_is_not_kept_in_the_event(store: PreferenceStore) -> None:
    shown = proposal(FIX)
    store.record_suggestion(shown, client="test")
    lines = ('    password = "hunter2hunter2"', "    return length")
    store.record_save(shown.id, Outcome.SUPERSEDED, user_lines=lines)
    store.expire("9999")
    detail = store.get(shown.id)
    assert detail is not None
    assert detail.events[0].kind is EventKind.SAVED and "hunter2" not in str(detail)
    assert detail.user_lines is not None and len(detail.user_lines) == 2


def test_closing_ends_the_session(store: PreferenceStore, path: Path) -> None:
    store.begin_session()
    assert len(list((path.parent / "sessions").iterdir())) == 1
    store.close()
    assert list((path.parent / "sessions").iterdir()) == []


def test_a_settled_suggestion_is_undecided_no_more(store: PreferenceStore) -> None:
    shown = proposal(FIX)
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.IGNORED)
    other = proposal(FIX)
    store.record_suggestion(other, client="test")
    store.delete([other.id])
    left = store._file.read(lambda db: list(db["undecided"].rows))
    assert left == []

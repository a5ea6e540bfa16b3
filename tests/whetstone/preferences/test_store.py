"""What goes into the store and what comes out of it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace as changed
from pathlib import Path

import pytest
from builders import candidate, problem, proposal, replace

from whetstone.candidate import Proposal
from whetstone.errors import StoreError
from whetstone.evidence import Check, Evidence
from whetstone.preferences import EventKind, NewPair, Outcome, PreferenceStore
from whetstone.preferences.recording import MAX_EVENT_CHARS

GOOD = replace("    return length")
SECRET = "hunter2-and-more"


def accepted(store: PreferenceStore, **of: object) -> Proposal:
    shown = proposal(GOOD, **of)  # type: ignore[arg-type]
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[0].id)
    return shown


def everything_on_disk(store: PreferenceStore) -> bytes:
    return b"".join(p.read_bytes() for p in store.path.parent.iterdir())


def test_a_suggestion_comes_back_whole(store: PreferenceStore) -> None:
    shown = proposal(GOOD, replace("    return 0"), rejected=(replace("    y"),))
    assert store.record_suggestion(shown, client="nvim", workspace="/project") == shown.id
    detail = store.get(shown.id)
    assert detail is not None
    assert detail.problem == shown.problem
    summary = detail.summary
    assert (summary.file, summary.code, summary.client) == ("app.py", "F821", "nvim")
    assert (summary.model_id, summary.prompt_format) == ("starter@12345678", "compact")
    assert (summary.latency_s, summary.unparsable) == (0.125, 1)
    assert (summary.outcome, summary.candidates, summary.pairs) == (None, 2, 0)
    for stored, live in zip(detail.candidates, (*shown.candidates, *shown.rejected), strict=True):
        assert (stored.id, stored.replacement, stored.diff) == (
            live.id,
            live.replacement,
            live.diff,
        )
        assert stored.evidence == live.evidence.to_json()
        assert (stored.logprob, stored.tokens, stored.title) == (-0.5, 4, live.title)
    assert [c.shown for c in detail.candidates] == [True, True, False]


@pytest.mark.parametrize(
    ("file", "workspace", "stored"),
    [
        ("/project/pkg/app.py", "/project", "pkg/app.py"),
        ("/home/somebody/app.py", "/project", "app.py"),
        ("/project/app.py", "", "app.py"),
    ],
)
def test_no_folder_outside_the_workspace_is_stored(
    store: PreferenceStore, file: str, workspace: str, stored: str
) -> None:
    shown = proposal(GOOD, path=file)
    store.record_suggestion(shown, client="test", workspace=workspace)
    assert store.suggestions()[0].file == stored


def test_recording_again_changes_nothing(store: PreferenceStore) -> None:
    shown = accepted(store)
    store.record_suggestion(shown, client="other")
    assert [s.client for s in store.suggestions()] == ["test"]
    assert len(store.pairs()) == 1


def test_the_same_problem_is_stored_once(store: PreferenceStore) -> None:
    accepted(store)
    accepted(store)
    assert len({pair.problem_id for pair in store.pairs()}) == 1
    assert store._file.read(lambda db: db["problems"].count) == 1


def test_ignored_files_are_never_recorded(store: PreferenceStore) -> None:
    shown = proposal(GOOD, path="/project/.env")
    assert store.record_suggestion(shown, client="test") == shown.id
    store.record_event(shown.id, EventKind.APPLIED, text="SOME=thing")
    assert store.settle(shown.id, Outcome.REJECTED) == []
    assert store.turn_down(shown.id, shown.candidates[0].id) == []
    assert store.get(shown.id) is None
    mine = proposal(GOOD, path="/project/private/a.py")
    store.record_suggestion(mine, client="test", ignore_globs=["private/**"])
    assert store.stats().suggestions == 0


def test_no_secret_reaches_the_disk(store: PreferenceStore) -> None:
    line = f'    password = "{SECRET}"'
    leaky = problem(line, above=(line,))
    leaky = changed(
        leaky,
        head=(line.strip(),),
        failure=f"E  password={SECRET}!\n" + line,
        hints=(line,),
        diagnostic=changed(leaky.diagnostic, message=line),
    )
    shown = proposal(of=leaky)
    leaking = changed(
        candidate(replace(line, "    x = 1")),
        title=line,
        diff=f"@@ -1 +1 @@\n-{line}\n+{line}\n",
        evidence=Evidence(checks=(Check(name="test passes", passed=False, detail=line),)),
    )
    shown = changed(shown, candidates=(leaking,))
    store.record_suggestion(shown, client="test")
    store.record_event(
        shown.id,
        EventKind.EDITED,
        candidate_id=leaking.id,
        text=line,
        detail={"password": SECRET, "lines": [line]},
    )
    store.settle(shown.id, Outcome.AMENDED, candidate_id=leaking.id, user_lines=(line, "    x = 2"))
    store.add_pairs([NewPair(problem=leaky, chosen=replace(line, "x"), rejected=replace("y"))])
    detail = store.get(shown.id)
    assert detail is not None and len(detail.pairs) == 1
    assert "«redacted:password»" in detail.candidates[0].diff
    assert SECRET.encode() not in everything_on_disk(store)


def test_text_that_no_encoding_takes_is_stored(store: PreferenceStore) -> None:
    shown = accepted(store, of=problem("    return '\ud800'"))
    store.record_event(shown.id, EventKind.NOTE, text="\udfff", detail={"a": "\ud800"})
    detail = store.get(shown.id)
    assert detail is not None and "\ufffd" in detail.problem.flagged[0]


def test_events_are_kept_in_order_and_cannot_be_changed(store: PreferenceStore) -> None:
    shown = accepted(store)
    first = shown.candidates[0].id
    store.record_event(shown.id, EventKind.APPLIED, candidate_id=first, detail={"version": 3})
    store.record_event(shown.id, EventKind.EDITED, candidate_id=first, text="x" * 100_000)
    store.record_event(shown.id, EventKind.SAVED)
    detail = store.get(shown.id)
    assert detail is not None
    assert [e.kind for e in detail.events] == ["applied", "edited", "saved"]
    assert detail.events[0].detail == {"version": 3}
    assert len(detail.events[1].text or "") == MAX_EVENT_CHARS
    with pytest.raises(StoreError, match="only appended"):
        store._file.write(lambda db: db.execute("UPDATE events SET kind = 'x'"))


def test_two_outcomes_are_impossible_by_the_schema(store: PreferenceStore) -> None:
    shown = accepted(store)
    row = {"suggestion_id": shown.id, "outcome": "rejected", "at": "now"}
    with pytest.raises(StoreError, match="UNIQUE"):
        store._file.write(lambda db: db["outcomes"].insert(row))


def test_what_is_not_stored_is_left_alone(store: PreferenceStore) -> None:
    store.record_event("gone", EventKind.SAVED)
    assert store.settle("gone", Outcome.IGNORED) == []
    assert store.get("gone") is None and store.get("") is None
    assert store.delete(["gone"]) == 0


def test_training_marks(store: PreferenceStore) -> None:
    for _ in range(3):
        accepted(store)
    first, second, third = store.pairs()
    store.mark_trained([first.id, second.id, 99_999], "run-1")
    store.mark_trained([first.id], "run-1")
    assert store.pairs(untrained_only=True) == [third]
    assert store.stats().untrained == 1
    store.mark_trained([first.id], "run-2")
    assert [pair.trained_run for pair in store.pairs()] == ["run-2", "run-1", None]
    assert store.forget_training("run-1") == 2
    assert [pair.trained_run for pair in store.pairs()] == ["run-2", None, None]


def test_pairs_are_selected(store: PreferenceStore) -> None:
    accepted(store)
    lost = proposal(GOOD)
    store.record_suggestion(lost, client="test")
    store.settle(lost.id, Outcome.REJECTED)
    accepted(store)
    assert [pair.source for pair in store.pairs()] == ["accepted", "accepted"]
    assert [pair.source for pair in store.pairs(kind="unpaired")] == ["rejected"]
    assert len(store.pairs(kind="all")) == 3
    assert len(store.pairs(kind="all", limit=2)) == 2
    assert store.pairs(since="2999") == []
    assert store.pairs(source="amended") == []
    assert store.pairs()[0].id < store.pairs()[1].id


def test_expire_settles_what_a_killed_server_left(store: PreferenceStore) -> None:
    settled = accepted(store)
    left = proposal(GOOD)
    store.record_suggestion(left, client="nvim")
    assert store.expire("2000-01-01") == 0
    assert store.expire("2999-01-01", client="code") == 0
    assert store.expire("2999-01-01", client="nvim") == 1
    assert store.expire("2999-01-01") == 0
    outcomes = {s.id: s.outcome for s in store.suggestions()}
    assert outcomes == {settled.id: Outcome.ACCEPTED, left.id: Outcome.EXPIRED}


def test_delete_takes_all_that_hangs_on_a_suggestion(store: PreferenceStore) -> None:
    gone, kept = accepted(store, of=problem("    return lenght + 1")), accepted(store)
    store.record_event(gone.id, EventKind.SAVED)
    store.mark_trained([pair.id for pair in store.pairs()], "run-1")
    assert store.delete([gone.id]) == 1
    assert [pair.suggestion_id for pair in store.pairs()] == [kept.id]

    def counts(db: object) -> dict[str, int]:
        tables = ("problems", "suggestions", "candidates", "events", "outcomes", "trainings")
        return {name: db[name].count for name in tables}  # type: ignore[index]

    assert store._file.read(counts) == {
        "problems": 1,
        "suggestions": 1,
        "candidates": 1,
        "events": 0,
        "outcomes": 1,
        "trainings": 1,
    }


def test_purge_leaves_no_trace_on_the_disk(store: PreferenceStore) -> None:
    for number in range(50):
        accepted(store, of=problem(f"    return lenght + {number}  # a_word_to_look_for"))
    assert b"a_word_to_look_for" in everything_on_disk(store)
    size = len(everything_on_disk(store))
    assert store.purge() == (50, 50)
    assert b"a_word_to_look_for" not in everything_on_disk(store)
    assert len(everything_on_disk(store)) < size
    accepted(store)


def test_purge_by_outcome_keeps_the_rest(store: PreferenceStore) -> None:
    kept = accepted(store)
    ignored = proposal(GOOD)
    store.record_suggestion(ignored, client="test")
    store.settle(ignored.id, Outcome.IGNORED)
    store.add_pairs([NewPair(problem=problem(), chosen=GOOD, rejected=replace("    z"))])
    assert store.purge(outcomes=[Outcome.IGNORED]) == (1, 0)
    assert [s.id for s in store.suggestions()] == [kept.id]
    assert store.purge(before="2000") == (0, 0)
    assert store.purge(before="2999") == (1, 2)


def test_acceptance_leaves_out_what_was_no_decision(store: PreferenceStore) -> None:
    assert store.stats().acceptance is None
    accepted(store)
    for outcome in (Outcome.IGNORED, Outcome.EXPIRED, Outcome.REJECTED):
        shown = proposal(GOOD)
        store.record_suggestion(shown, client="test")
        store.settle(shown.id, outcome)
    stats = store.stats()
    assert stats.acceptance == pytest.approx(1 / 2)  # accepted; rejected
    assert stats.by_day[0].suggestions == 4


def test_an_event_of_a_kind_from_the_future_is_shown(store: PreferenceStore) -> None:
    shown = accepted(store)
    connection = sqlite3.connect(store.path)
    connection.execute(
        "INSERT INTO events (suggestion_id, at, kind) VALUES (?, 'now', 'dreamt')", [shown.id]
    )
    connection.commit()
    connection.close()
    detail = store.get(shown.id)
    assert detail is not None and detail.events[0].kind == "dreamt"


def test_the_default_place_is_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "mine with space#?%"))
    with PreferenceStore.open() as store:
        accepted(store)
        assert store.path == tmp_path / "mine with space#?%" / "preferences.db"
        assert store.stats().triplets == 1

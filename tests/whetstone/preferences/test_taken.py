"""From the store to what is proposed by analogy."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from builders import problem, proposal, replace
from click.testing import CliRunner

from whetstone.cli import main
from whetstone.preferences import EventKind, Outcome, PreferenceStore
from whetstone.preferences.taken import Rewrites

OFFERED = "    return {0} is None"
MINE = "    return not {0}"


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path))
    return tmp_path


def write_otherwise(name: str, *, client: str = "test") -> str:
    """Somebody applies a fix and makes another of it."""
    made = proposal(replace(OFFERED.format(name)), of=problem(f"    return {name} == None"))
    with PreferenceStore.open() as store:
        store.record_suggestion(made, client=client)
        store.record_event(made.id, EventKind.APPLIED, candidate_id=made.candidates[0].id)
        store.settle(
            made.id,
            Outcome.AMENDED,
            candidate_id=made.candidates[0].id,
            user_lines=(MINE.format(name),),
        )
    return made.id


def texts(rewrites: Rewrites) -> list[str]:
    return [str(rewrite) for rewrite in rewrites.now()]


def test_two_choices_are_seen_as_soon_as_they_are_stored() -> None:
    rewrites = Rewrites()
    assert texts(rewrites) == []  # no store yet
    write_otherwise("a")
    assert texts(rewrites) == []
    second = write_otherwise("b")
    assert texts(rewrites) == ["A == None -> not A"]
    with PreferenceStore.open() as store:
        store.delete([second])
    assert texts(rewrites) == []  # what is deleted is forgotten


def test_nothing_is_learnt_anew_while_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    write_otherwise("a")
    write_otherwise("b")
    rewrites = Rewrites()
    first = rewrites.now()
    assert first and rewrites.now() is first


def test_rejections_count_against_it() -> None:
    write_otherwise("a")
    write_otherwise("b")
    for name in ("c", "d"):
        made = proposal(replace(MINE.format(name)), of=problem(f"    return {name} == None"))
        with PreferenceStore.open() as store:
            store.record_suggestion(made, client="test")
            store.record_event(made.id, EventKind.REJECTED, candidate_id=made.candidates[0].id)
            store.settle(made.id, Outcome.REJECTED)
    assert texts(Rewrites()) == []


def test_what_yes_took_and_what_was_imported_says_nothing(tmp_path: Path) -> None:
    for name in ("a", "b"):
        made = proposal(replace(MINE.format(name)), of=problem(f"    return {name} == None"))
        with PreferenceStore.open() as store:
            store.record_suggestion(made, client="whetstone fix --yes")
            store.settle(
                made.id,
                Outcome.ACCEPTED,
                candidate_id=made.candidates[0].id,
                confidence=0.25,
            )
    assert texts(Rewrites()) == []


def test_a_damaged_store_gives_nothing(data: Path) -> None:
    (data / "preferences.db").write_bytes(b"not a database" * 100)
    assert texts(Rewrites()) == []


def test_prefs_learned_lists_it() -> None:
    done = CliRunner().invoke(main, ["prefs", "learned"])
    assert (done.exit_code, "Nothing yet" in done.output) == (0, True)
    write_otherwise("a")
    write_otherwise("b")
    done = CliRunner().invoke(main, ["prefs", "learned"])
    assert "A == None -> not A" in done.output
    done = CliRunner().invoke(main, ["prefs", "learned", "--json"])
    assert json.loads(done.output) == {
        "rewrites": [{"finding": "ruff:F821", "rewrite": "A == None -> not A", "times": 2}]
    }


def test_whetstone_fix_proposes_it_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "app.py"
    path.write_text("def f(x):\n    return x == None\n", encoding="utf-8")

    def first() -> str:
        done = CliRunner().invoke(main, ["fix", str(path), "--json", "--model", "none"])
        (row,) = [json.loads(line) for line in done.output.splitlines() if '"candidates"' in line]
        return str(row["candidates"][0]["diff"])

    for name in ("a", "b"):
        about = problem(f"    return {name} == None")
        finding = dataclasses.replace(about.diagnostic, code="E711")
        made = proposal(
            replace(MINE.format(name)), of=dataclasses.replace(about, diagnostic=finding)
        )
        assert "+    return x is None" in first()
        with PreferenceStore.open() as store:
            store.record_suggestion(made, client="test")
            store.settle(made.id, Outcome.ACCEPTED, candidate_id=made.candidates[0].id)
    assert "+    return not x" in first()
    monkeypatch.setenv("WHETSTONE_ANALOGIES", "false")
    assert "+    return x is None" in first()

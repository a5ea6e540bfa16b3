"""Pairs as files: what TRL and datasets read, what comes back, what is refused and why."""

from __future__ import annotations

import builtins
import json
import stat
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from builders import add_import, problem, proposal, replace

from whetstone.errors import NotEnoughData, StoreError, UsageError
from whetstone.preferences import NewPair, Outcome, Pair, PreferenceStore
from whetstone.preferences import importing as importing_module
from whetstone.preferences.exchange import export_pairs, triplet_row
from whetstone.preferences.importing import BadRow, import_pairs, parse_row

KINDS = ["jsonl", "parquet"]


@pytest.fixture
def filled(store: PreferenceStore) -> PreferenceStore:
    """Triplets and unpaired rows of every shape that is hard to carry."""
    best, other = replace("    return length"), replace("    return ünï ✓")
    shown = proposal(best, other)
    store.record_suggestion(shown, client="test")
    store.settle(shown.id, Outcome.ACCEPTED, candidate_id=shown.candidates[1].id)
    deep = problem("\t\tx = 1   ", "", above=("\tif y:", "        z = '<|fix|>'"))
    for chosen, rejected in [
        (replace("\t\tx = 2"), replace("\t\tx = 1   ", "")),  # space at a line end, blank last line
        (replace(), replace("\t\tpass")),  # deletes the lines
        (add_import("import os"), replace("\t\tx = '```'")),
        (replace("\t\tx = '<|end|>'"), replace('\t\tx = "\u2028"')),
    ]:
        assert store.add_pairs([NewPair(problem=deep, chosen=chosen, rejected=rejected)])[0]
    turned_down = proposal(best)
    store.record_suggestion(turned_down, client="test")
    store.settle(turned_down.id, Outcome.REJECTED)
    store.add_pairs([NewPair(problem=deep, chosen=replace("a"), rejected=None, weight=0.25)])
    return store


def content(pairs: list[Pair]) -> list[Pair]:
    return sorted(
        (changed(pair, id=0, trained_run=None) for pair in pairs),
        key=lambda pair: (pair.created_at, str(pair.chosen), str(pair.rejected)),
    )


@pytest.mark.parametrize("suffix", KINDS)
@pytest.mark.parametrize("format", ["chat", "compact"])
def test_a_round_trip_loses_nothing(
    filled: PreferenceStore, tmp_path: Path, suffix: str, format: Any
) -> None:
    expected = []
    with PreferenceStore.open(tmp_path / "other.db") as other:
        for kind in ("triplets", "unpaired"):
            pairs = filled.pairs(kind=kind)  # type: ignore[arg-type]
            file = tmp_path / f"{kind}.{suffix}"
            written = export_pairs(pairs, file, format=format)
            assert written.rows == len(pairs)
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            result = import_pairs(other, file)
            assert (result.added, result.known, result.bad.total()) == (len(pairs), 0, 0)
            assert import_pairs(other, file).known == len(pairs)
            assert import_pairs(filled, file).known == len(pairs)
            expected += pairs
        assert content(other.pairs(kind="all")) == content(expected)


@pytest.mark.parametrize("suffix", KINDS)
def test_datasets_loads_it_as_it_is(
    filled: PreferenceStore, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    pairs = filled.pairs()
    file = tmp_path / f"pairs.{suffix}"
    export_pairs(pairs, file)
    loaded = datasets.load_dataset(
        "json" if suffix == "jsonl" else "parquet",
        data_files=str(file),
        split="train",
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded.column_names[:3] == ["prompt", "chosen", "rejected"]
    for row, pair in zip(loaded, pairs, strict=True):
        assert row["prompt"] == pair.prompt("chat")
        assert row["chosen"] == pair.chosen_text("chat")
        assert row["rejected"] == pair.rejected_text("chat")
        assert isinstance(row["weight"], float)


def test_sides_that_read_the_same_in_a_format_are_left_out(
    store: PreferenceStore, tmp_path: Path
) -> None:
    deep = problem("        x = 1", above=("        y = 2",))
    store.add_pairs([NewPair(problem=deep, chosen=replace("    x = 1"), rejected=replace("z"))])
    store.add_pairs(
        [NewPair(problem=deep, chosen=replace("    x = 1"), rejected=replace("        x = 1"))]
    )
    assert export_pairs(store.pairs(), tmp_path / "a.jsonl", format="chat").same == 0
    written = export_pairs(store.pairs(), tmp_path / "b.jsonl", format="compact")
    assert (written.rows, written.same) == (1, 1)


def test_an_export_replaces_the_file_whole_or_not_at_all(
    filled: PreferenceStore, tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("old")
    with pytest.raises(NotEnoughData):
        export_pairs([], file)
    with pytest.raises(UsageError, match=r"\.jsonl or \.parquet"):
        export_pairs(filled.pairs(), tmp_path / "pairs.csv")
    with pytest.raises(StoreError, match="cannot be written"):
        export_pairs(filled.pairs(), tmp_path / "no" / "pairs.jsonl")
    assert file.read_text() == "old"
    export_pairs(filled.pairs(), file)
    assert len(file.read_text().split("\n")) == len(filled.pairs()) + 1
    assert [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")] == []


def test_parquet_without_pyarrow_says_how_to_get_it(
    filled: PreferenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any) -> Any:
        if name.split(".")[0] == "pyarrow":
            raise ImportError(name)
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=r"whetstone-fix\[train\]"):
        export_pairs(filled.pairs(), tmp_path / "pairs.parquet")


# -- import -------------------------------------------------------------------------------------


@pytest.fixture
def row(store: PreferenceStore) -> dict[str, Any]:
    new = NewPair(problem=problem(), chosen=replace("    return length"), rejected=replace("    x"))
    store.add_pairs([new])
    made = triplet_row(store.pairs()[0], "chat")
    store.delete_pairs([store.pairs()[0].id])
    return made


def test_the_texts_count_where_they_were_edited(row: dict[str, Any]) -> None:
    row["chosen"] = row["chosen"].replace("return length", "return size")
    assert parse_row(row).chosen == replace("    return size")


def test_a_row_with_the_needed_columns_alone_is_enough(row: dict[str, Any]) -> None:
    few = {key: row[key] for key in ("prompt", "chosen", "rejected", "problem")}
    pair = parse_row(few)
    assert (pair.source, pair.weight, pair.suggestion_id) == ("imported", 1.0, "")
    assert pair.chosen == replace("    return length")


def test_what_comes_in_is_redacted(store: PreferenceStore, row: dict[str, Any]) -> None:
    row["chosen"] = row["chosen"].replace("return length", 'password = "hunter2"')
    store.add_pairs([parse_row(row)])
    assert "hunter2" not in str(store.pairs())
    assert b"hunter2" not in store.path.read_bytes()


def bad(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**row, **changes}


def with_problem(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**row, "problem": json.dumps({**json.loads(row["problem"]), **changes})}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: bad(r, problem=None), "no `problem` column"),
        (lambda r: {k: r[k] for k in ("prompt", "chosen", "rejected")}, "no `problem` column"),
        (lambda r: bad(r, problem="{"), "not one of Whetstone's"),
        (lambda r: bad(r, problem="[" * 100_000), "not one of Whetstone's"),
        (lambda r: bad(r, problem="[1]"), "not one of Whetstone's"),
        (lambda r: bad(r, problem=7), "not one of Whetstone's"),
        (lambda r: with_problem(r, flagged="text"), "not one of Whetstone's"),
        (lambda r: with_problem(r, region={"start": 5, "stop": 1}), "not one of Whetstone's"),
        (lambda r: with_problem(r, region={"start": 0, "stop": 9}), "not one of Whetstone's"),
        (lambda r: with_problem(r, region={"start": True, "stop": 2}), "not one of Whetstone's"),
        (lambda r: with_problem(r, above=["a\nb"]), "line ending inside a line"),
        (lambda r: with_problem(r, below=["x"] * 6_000), "too long"),
        (lambda r: with_problem(r, name=".env"), "never recorded"),
        (lambda r: bad(r, chosen=None), "`chosen` is no text"),
        (lambda r: bad(r, chosen=[{"role": "assistant", "content": "x"}]), "a conversation"),
        (lambda r: bad(r, chosen="hello"), "not an answer in a known prompt format"),
        (lambda r: bad(r, format="xml"), "not an answer in a known prompt format"),
        (lambda r: bad(r, chosen="x" * 500_000), "`chosen` is too long"),
        (lambda r: bad(r, rejected=r["chosen"], answers=None), "the same text"),
        (
            lambda r: bad(r, chosen="REPLACE\n```python\n    return lenght\n```", answers="{}"),
            "changes nothing",
        ),
        (lambda r: bad(r, weight=0), "`weight`"),
        (lambda r: bad(r, weight=float("nan")), "`weight`"),
        (lambda r: bad(r, weight=1e9), "`weight`"),
        (lambda r: bad(r, weight="1"), "`weight`"),
        (lambda r: bad(r, weight=True), "`weight`"),
        (lambda r: bad(r, source="x\x1b[31m"), "`source` is not a short text"),
        (lambda r: bad(r, model_id="x" * 300), "`model_id` is not a short text"),
        (lambda r: bad(r, suggestion_id="../.."), "`suggestion_id` is not an id"),
        (lambda r: bad(r, label="yes", completion="x"), "`label` is not true or false"),
    ],
)
def test_bad_rows_say_why(row: dict[str, Any], change: Any, reason: str) -> None:
    parse_row(row)
    with pytest.raises(BadRow, match=reason.replace("[", r"\[")):
        parse_row(change(row))


def test_times_that_are_none_or_lie_ahead_become_now(row: dict[str, Any]) -> None:
    assert parse_row(bad(row, created_at="2025-01-02T03:04:05+01:00")).created_at == (
        "2025-01-02T02:04:05.000Z"
    )
    for value in ("9999-01-01", "soon", 7, None):
        assert parse_row(bad(row, created_at=value)).created_at is None


def test_bad_lines_are_counted_and_the_good_ones_taken(
    store: PreferenceStore, row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "MAX_ROW_BYTES", 20_000)
    good = json.dumps(row).encode()
    lines = [b"\xef\xbb\xbf" + good, b"{", b"[1]", b"\xff\xfe", b"", b"[" * 30_000, good]
    lines += [json.dumps({"prompt": "a", "chosen": "b", "rejected": "c"}).encode()]
    file = tmp_path / "mixed.jsonl"
    file.write_bytes(b"\n".join(lines))
    result = import_pairs(store, file)
    assert (result.added, result.known) == (1, 1)
    assert dict(result.bad) == {
        "not JSON": 1,
        "not a JSON object": 1,
        "not UTF-8": 1,
        "longer than 20,000 bytes": 1,
        "no `problem` column: plain text pairs cannot be rendered for another model": 1,
    }
    assert result.examples["not JSON"] == [2]


def test_files_that_cannot_be_read_say_so(
    store: PreferenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        import_pairs(store, tmp_path / "none.jsonl")
    damaged = tmp_path / "x.parquet"
    damaged.write_bytes(b"PAR1" + b"\0" * 100)
    with pytest.raises(UsageError, match="damaged Parquet"):
        import_pairs(store, damaged)
    monkeypatch.setattr(importing_module, "MAX_FILE_BYTES", 10)
    with pytest.raises(UsageError, match="Split it"):
        import_pairs(store, damaged)


def test_a_check_without_a_store_stores_nothing(filled: PreferenceStore, tmp_path: Path) -> None:
    export_pairs(filled.pairs(), tmp_path / "a.jsonl")
    assert import_pairs(None, tmp_path / "a.jsonl").added == len(filled.pairs())

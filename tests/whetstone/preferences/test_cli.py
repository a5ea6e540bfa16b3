"""`whetstone prefs` as it is typed: output, JSON, exit statuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from builders import problem, proposal, replace
from click.testing import CliRunner, Result

from whetstone.candidate import Proposal
from whetstone.cli import main
from whetstone.preferences import EventKind, Outcome, PreferenceStore


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def shown(data: Path) -> list[Proposal]:
    """Four suggestions: accepted, rejected, amended, open."""
    made = [
        proposal(replace("    return length"), replace("    return 0"), rejected=(replace("  y"),))
        for _ in range(4)
    ]
    with PreferenceStore.open() as store:
        for one in made:
            store.record_suggestion(one, client="whetstone fix", workspace="/project")
        first = [one.candidates[0].id for one in made]
        store.record_event(made[0].id, EventKind.APPLIED, candidate_id=first[0])
        store.settle(made[0].id, Outcome.ACCEPTED, candidate_id=first[0])
        store.settle(made[1].id, Outcome.REJECTED, candidate_id=first[1])
        lines = ("    return len([red]x[/red])",)
        store.settle(made[2].id, Outcome.AMENDED, candidate_id=first[2], user_lines=lines)
    return made


def run(*arguments: str, status: int = 0, answer: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["prefs", *arguments], input=answer)
    assert result.exit_code == status, result.output
    return result


def read(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_list(shown: list[Proposal]) -> None:
    output = run("list").stdout
    for one, word in zip(shown, ("accepted", "rejected", "amended", "open"), strict=True):
        line = next(line for line in output.splitlines() if line.startswith(one.id[:8]))
        assert word in line and "app.py" in line and "F821 Undefined name `lenght`" in line
        assert "starter@12345678" in line


def test_list_filters(shown: list[Proposal]) -> None:
    def ids(*arguments: str) -> list[str]:
        return [one["id"] for one in read("list", *arguments)["suggestions"]]

    assert set(ids()) == {one.id for one in shown}
    assert ids("--outcome", "rejected") == [shown[1].id]
    assert ids("--outcome", "open") == [shown[3].id]
    assert len(ids("-n", "2")) == 2
    assert ids("--code", "E999") == []
    assert len(ids("--model", "starter@12345678")) == 4
    assert len(ids("--since", "1h")) == 4
    assert ids("--since", "2999-01-01") == []
    assert "neither an age" in run("list", "--since", "soon", status=2).output


def test_an_empty_store_says_what_fills_it(data: Path) -> None:
    assert "No suggestions here yet" in run("list").stdout
    assert "0 suggestions" in run("stats").stdout


def test_show_has_diffs_events_and_pairs(shown: list[Proposal]) -> None:
    output = run("show", shown[0].id[:10]).stdout
    assert shown[0].id in output
    assert "app.py:2  F821 Undefined name `lenght`" in output
    assert "+    return length" in output and "-    return lenght" in output
    assert "applied, and kept until it was settled" in output
    assert "never shown" in output and "parses: yes" in output and "parses: no" in output
    assert "applied fix 1" in output
    assert "accepted, weight 1, not trained on yet" in output


def test_show_prints_stored_text_as_it_is(shown: list[Proposal]) -> None:
    assert "+    return len([red]x[/red])" in run("show", shown[2].id).stdout


def test_show_never_sends_stored_control_characters(data: Path) -> None:
    evil = proposal(replace("    \x1b]0;pwned\x07\x1b[2J"), of=problem("x\x9b31m"))
    with PreferenceStore.open() as store:
        store.record_suggestion(evil, client="\x1b[31m")
        store.settle(evil.id, Outcome.ACCEPTED, candidate_id=evil.candidates[0].id)
    output = run("show", evil.id).stdout + run("list").stdout
    assert "\x1b" not in output and "\x9b" not in output and "\x07" not in output
    assert "\\x1b[2J" in output


def test_show_json_holds_everything(shown: list[Proposal]) -> None:
    detail = read("show", shown[2].id)
    assert detail["summary"]["outcome"] == "amended"
    assert detail["user_lines"] == ["    return len([red]x[/red])"]
    assert [candidate["shown"] for candidate in detail["candidates"]] == [True, True, False]
    assert detail["pairs"][0]["rejected"]["lines"] == ["    return length"]


def test_show_of_nothing_and_of_too_many(shown: list[Proposal]) -> None:
    assert "No suggestion starts with 'zz'" in run("show", "zz", status=2).stderr
    twins = [proposal(replace("x")) for _ in range(17)]  # two of 17 share a first hex digit
    with PreferenceStore.open() as store:
        for twin in twins:
            store.record_suggestion(twin, client="t")
    first = [one.id[0] for one in twins]
    common = next(digit for digit in first if first.count(digit) > 1)
    assert "Give more of the id" in run("show", common, status=2).stderr


def test_stats(shown: list[Proposal]) -> None:
    output = run("stats").stdout
    assert "4 suggestions, 1 open; taken: 67%" in output  # 2 of 3: accepted, amended; rejected
    assert "2 triplets, 2 not trained on yet; 1 with one side alone" in output
    assert "F821" in output and "starter@12345678" in output
    data = read("stats")
    assert data["outcomes"] == {"accepted": 1, "amended": 1, "rejected": 1}
    assert data["acceptance"] == pytest.approx(2 / 3)
    assert data["by_code"] == [
        {
            "name": "F821",
            "suggestions": 4,
            "outcomes": {"accepted": 1, "amended": 1, "rejected": 1},
            "acceptance": pytest.approx(2 / 3),
        }
    ]


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_export_purge_import_brings_the_pairs_back(
    shown: list[Proposal], tmp_path: Path, suffix: str
) -> None:
    triplets, unpaired = tmp_path / f"pairs.{suffix}", tmp_path / f"single.{suffix}"
    output = run("export", str(triplets)).stdout
    assert "2 triplets." in output and "1 with one side alone" in output
    assert "1 unpaired" in run("export", "--unpaired", str(unpaired)).stdout
    before = read("stats")
    assert "Deleted 4 suggestions and 3 pairs" in run("purge", "--yes").stdout
    assert read("stats")["triplets"] == 0
    assert "2 would be added" in run("import", "--dry-run", str(triplets)).stdout
    assert read("stats")["triplets"] == 0
    assert "2 added, 0 not taken" in run("import", str(triplets)).stdout
    assert "1 added" in run("import", str(unpaired)).stdout
    assert "0 added, 2 known already" in run("import", str(triplets)).stdout
    after = read("stats")
    assert (after["triplets"], after["unpaired"]) == (before["triplets"], before["unpaired"])
    assert after["sources"] == before["sources"]


def test_export_options(shown: list[Proposal], tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    run("export", "--format", "compact", "--source", "amended", str(file))
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["source"] for row in rows] == ["amended"]
    assert rows[0]["prompt"].startswith("<|pre|>")
    with PreferenceStore.open() as store:
        store.mark_trained([pair.id for pair in store.pairs()], "run-1")
    assert "no pairs to export" in run("export", "--untrained", str(file), status=3).stderr
    assert run("export", str(tmp_path / "x.csv"), status=2).stderr.startswith("error: ")


def test_import_of_a_bad_file_takes_the_good_rows_and_exits_1(
    shown: list[Proposal], tmp_path: Path
) -> None:
    file = tmp_path / "pairs.jsonl"
    run("export", str(file))
    with file.open("a") as stream:
        stream.write('{"prompt": "a", "chosen": "b", "rejected": "c"}\n' * 5 + "nonsense\n")
    run("purge", "--yes")
    result = run("import", str(file), status=1)
    assert "2 added, 6 not taken" in result.stdout
    assert "5 x no `problem` column" in result.stderr
    assert "(row 3, 4, 5, ...)" in result.stderr
    assert "1 x not JSON (row 8)" in result.stderr


def test_delete(shown: list[Proposal]) -> None:
    assert "Deleted 1 of 1" in run("delete", shown[0].id[:12], answer="y\n").stdout
    run("delete", shown[1].id, status=1, answer="n\n")
    assert {one["id"] for one in read("list")["suggestions"]} == {one.id for one in shown[1:]}
    assert read("stats")["triplets"] == 1
    number = read("show", shown[2].id)["pairs"][0]["id"]
    run("delete", "--pair", "--yes", str(number))
    assert read("stats")["triplets"] == 0
    assert "Nothing was deleted" in run("delete", "zz", "--yes", status=2).stderr
    assert "not the number of a pair" in run("delete", "--pair", "x", status=2).stderr


def test_purge_asks_and_selects(shown: list[Proposal]) -> None:
    assert "all that Whetstone has learned from" in run("purge", answer="n\n", status=1).output
    run("purge", status=1)  # no answer at all
    assert len(read("list")["suggestions"]) == 4
    assert "Deleted 1 suggestion and 1 pair." in run("purge", "--outcome", "rejected", "-y").stdout
    assert "Deleted 0 suggestions" in run("purge", "--older-than", "7d", "-y").stdout
    assert "Deleted 3 suggestions and 2 pairs." in run("purge", "-y").stdout


def test_a_damaged_database_is_told_and_work_goes_on(data: Path, shown: list[Proposal]) -> None:
    (data / "preferences.db").write_bytes(b"garbage" * 1000)
    result = run("stats")
    assert "0 suggestions" in result.stdout
    assert "warning:" in result.stderr and "set aside" in result.stderr


def test_the_real_command(data: Path, shown: list[Proposal]) -> None:
    command = [sys.executable, "-m", "whetstone", "prefs", "show", "nothing"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: No suggestion starts with 'nothing'")

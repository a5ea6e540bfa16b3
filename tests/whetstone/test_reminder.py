from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from whetstone.reminder import Reminder

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def at(time: datetime) -> Reminder:
    return Reminder(now=lambda: time)


def test_once_a_day() -> None:
    assert at(NOON).claim()
    assert not at(NOON + timedelta(hours=23)).claim()
    assert at(NOON + timedelta(hours=24)).claim()
    assert at(NOON - timedelta(days=400)).due  # a clock that was set back


def test_of_two_servers_one_asks() -> None:
    gate, claims = threading.Barrier(8), []

    def claim() -> None:
        gate.wait()
        claims.append(at(NOON).claim())

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert claims.count(True) == 1


def test_never_is_for_ever() -> None:
    at(NOON).never()
    assert not at(NOON + timedelta(days=9999)).due
    assert not at(NOON).claim()


@pytest.mark.parametrize("text", ["", "[1]", '{"asked_at": 7}', '{"asked_at": "2026-11-24"}'])
def test_a_damaged_file_counts_as_never_asked(data_folder: Path, text: str) -> None:
    at(NOON)
    (data_folder / "reminder.json").write_text(text)
    assert at(NOON).claim()
    assert not at(NOON).claim()

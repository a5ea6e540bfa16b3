"""What the pages of `prefs browse` are given to draw."""

from __future__ import annotations

import pytest

from whetstone.preferences.browse.chart import chart
from whetstone.preferences.browse.shown import diff, unified, visible
from whetstone.preferences.records import Group


def drawn(old: list[str], new: list[str]) -> list[str]:
    """`-` and `+` lines, with what was changed inside them in brackets."""
    return [
        row.sign + "".join(f"[{p.text}]" if p.changed else p.text for p in row.pieces)
        for row in diff(old, new)
    ]


def test_what_was_changed_inside_a_line_is_marked() -> None:
    assert drawn(["return lenght * w"], ["return length * w"]) == [
        "-return [lenght] * w",
        "+return [length] * w",
    ]


def test_lines_that_share_little_are_two_lines() -> None:
    assert drawn(["a = 1"], ["for q in []: break"]) == ["-a = 1", "+for q in []: break"]


def test_equal_lines_are_context_and_blocks_stay_together() -> None:
    assert drawn(["x", "y = 1"], ["x", "y = 2", "z"]) == [" x", "-y = 1", "+y = 2", "+z"]


def test_a_stored_diff_loses_its_file_names() -> None:
    rows = unified("--- a\n+++ b\n@@ -1 +1 @@\n-old\n+new\n same\n")
    assert [(row.kind, row.pieces[0].text) for row in rows] == [
        ("place", "@@ -1 +1 @@"), ("old", "old"), ("new", "new"), ("same", "same")
    ]  # fmt: skip


def test_hidden_characters_are_written_out() -> None:
    assert visible("a\x1b[0m\u202eb\u200b\tc\u2066") == "a\\u001b[0m\\u202eb\\u200b\tc\\u2066"


def days(*counts: tuple[str, int, int]) -> list[Group]:
    return [
        Group(name=day, suggestions=9, outcomes={"accepted": taken, "rejected": left, "ignored": 2})
        for day, taken, left in counts
    ]


def test_no_chart_before_anything_was_decided() -> None:
    assert chart([]) is None
    assert chart(days(("2026-11-01", 0, 0))) is None


def test_each_day_is_a_bar_and_days_without_anything_leave_a_gap() -> None:
    found = chart(days(("2026-11-01", 3, 1), ("2026-11-03", 0, 4)))
    assert found is not None and found.unit == "day"
    assert [bar.title for bar in found.bars] == [
        "day 2026-11-01: 3 taken, 1 not, 75% taken",
        "day 2026-11-02: 0 taken, 0 not",
        "day 2026-11-03: 0 taken, 4 not, 0% taken",
    ]
    first, _, last = found.bars
    assert first.taken_height == pytest.approx(3 * first.left_height, abs=0.2)
    assert first.taken_y + first.taken_height == pytest.approx(first.left_y, abs=0.2)
    assert last.taken_height == 0 and len(found.dots) == 2


def test_few_decisions_make_no_point_on_the_line() -> None:
    found = chart(days(("2026-11-01", 2, 0), ("2026-11-02", 3, 0)))
    assert found is not None and len(found.dots) == 1


@pytest.mark.parametrize(("last", "unit"), [("2026-06-30", "week"), ("2029-01-01", "month")])
def test_longer_times_are_put_together(last: str, unit: str) -> None:
    found = chart(days(("2026-01-05", 5, 5), (last, 7, 3)))
    assert found is not None and found.unit == unit and len(found.bars) <= 46
    assert sum(" 7 taken, 3 not" in bar.title for bar in found.bars) == 1


def test_a_day_that_is_none_is_left_out() -> None:
    assert chart(days(("not a day", 5, 5))) is None

"""Where a range of lines went."""

import pytest

from lsp_server.alignment import map_span

OLD = ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, (2, 3)),
        (["x", *OLD], (3, 4)),  # an edit above moves it
        (OLD[1:], (1, 2)),
        ([*OLD, "x"], (2, 3)),
        (["a", "b", "C", "d", "e"], (2, 3)),  # changed in place
        (["a", "b", "c1", "c2", "d", "e"], (2, 4)),  # one line became two
        (["a", "b", "d", "e"], (2, 2)),  # deleted
        (["a", "b", "x", "c", "d", "e"], (3, 4)),  # inserted at its upper edge: outside
        (["a", "b", "c", "x", "d", "e"], (2, 3)),  # inserted at its lower edge: outside
        (["x", "a", "b", "c", "d", "y"], (3, 4)),  # two cursors at once
    ],
)
def test_one_line(new, expected):
    assert map_span(OLD, new, 2, 3) == expected


def test_an_empty_range_moves_with_the_lines_above_it():
    assert map_span(OLD, ["x", *OLD], 2, 2) == (3, 3)
    assert map_span(OLD, ["a", "b", "x", "c", "d", "e"], 2, 2) == (2, 2)


def test_a_formatter_that_rewrites_neighbours_too_keeps_the_range():
    old = ["import os", "x=1", "y = call(one, two)", "z=3"]
    new = ["import os", "x = 1", "y = call(", "    one,", "    two,", ")", "z = 3"]
    assert map_span(old, new, 2, 3) == (2, 6)


def test_a_whole_file_sent_at_once_is_as_good_as_one_edit():
    old = [f"line {n}" for n in range(2_000)]
    new = ["# new", *old[:1_000], "changed", *old[1_001:], "# end"]
    assert map_span(old, new, 1_000, 1_001) == (1_001, 1_002)

"""Where a range of lines went."""

import itertools
import random

import pytest

from lsp_server.alignment import map_span, trim

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


@pytest.mark.parametrize("size", [40, 700])
def test_random_edits_around_a_range_move_it_exactly(size):
    random.seed(size)
    fresh = itertools.count()
    for _ in range(150):
        old = [f"line {next(fresh)}" for _ in range(size)]
        start = random.randrange(1, size - 3)
        stop = start + random.randrange(1, 3)
        above, ours, below = old[:start], old[start:stop], old[stop:]
        for part in (above, below):
            for _ in range(random.randrange(3)):
                at = random.randrange(len(part) + 1)
                part[at : at + random.randrange(3)] = [
                    f"line {next(fresh)}" for _ in range(random.randrange(3))
                ]
        new = [*above, *ours, *below]
        assert map_span(old, new, start, stop) == (len(above), len(above) + len(ours))


def test_one_line_rewritten_together_with_its_neighbours_is_found_by_its_words():
    old = ["a = first(1)", "b = second(2)", "c = third(3)"]
    new = ["a=first( 1 )", "b=second(", "  2", ")", "c=third( 3 )"]
    assert map_span(old, new, 0, 1) == (0, 1)
    assert map_span(old, new, 1, 2) == (1, 4)
    assert map_span(old, new, 2, 3) == (4, 5)
    assert map_span(old, new, 1, 3) == (1, 5)


def test_a_range_in_a_block_that_was_deleted_is_empty_there():
    assert map_span(OLD, ["a", "e"], 2, 3) == (1, 1)
    assert map_span(OLD, ["a", "x", "e"], 1, 4) == (1, 2)
    assert map_span(OLD, [], 0, 5) == (0, 0)


def test_trim_never_counts_a_line_twice():
    assert trim(["a", "a"], ["a"]) == (1, 0)
    assert trim(["x"] * 600, ["x"] * 599) == (599, 0)
    assert trim(["x"] * 600 + ["y"], ["z"] + ["x"] * 599 + ["y"]) == (0, 600)

"""From a traceback or a failing test to the line, with a fix that can be previewed there."""

from __future__ import annotations

import pytest
import story

BROKEN = """\
def price(items):
    total = 0
    for item in items:
        total += item["price"]
    return total / len(items)


def report(items):
    return "in all " + price(items)
"""
FAILURE = """\
Traceback (most recent call last):
  File "{file}", line 9, in report
    return "in all " + price(items)
  File "{file}", line 5, in price
    return total / len(items)
ZeroDivisionError: division by zero
"""
TESTS = """\
from orders import load


class TestOrders:
    def test_load(self):
        assert load("[1]") == [1]

    def test_nothing(self):
        assert True
"""


@pytest.fixture
def nvim(start, world):
    world.file.write_text(BROKEN)
    nvim = start()
    # Answer the server's questions: 0.10 asks one way, newer versions another.
    nvim.lua(
        "vim.ui.select = function(items, _, done) done(items[1], 1) end\n"
        "vim.fn.inputlist = function() return 1 end"
    )
    nvim.open(world.file)
    nvim.until("the client", lambda: nvim.lua("return #vim.lsp.get_clients() == 1"))
    nvim.until("the server", lambda: nvim.lua("return vim.lsp.get_clients()[1].initialized"))
    return nvim


def quickfix(nvim):
    """(line, text) of the quickfix list."""
    return [(item["lnum"], item["text"]) for item in nvim.nvim.call("getqflist")]


def row(nvim):
    return nvim.nvim.current.window.cursor[0]


def assert_innermost_first(nvim):
    nvim.until("the innermost line", lambda: row(nvim) == 5)
    # The server shows the place before it answers with all of them.
    nvim.until("the list", lambda: quickfix(nvim))
    assert [line for line, _ in quickfix(nvim)] == [5, 9]
    assert "division by zero" in quickfix(nvim)[0][1]


def test_of_a_selection(nvim, world):
    nvim.command("new")
    nvim.nvim.current.buffer[:] = ["# seen", *FAILURE.format(file=world.file).splitlines()]
    nvim.command("2,$Whetstone traceback")
    assert_innermost_first(nvim)


def test_of_a_register(nvim, world):
    nvim.lua("vim.fn.setreg('a', ...)", FAILURE.format(file=world.file))
    nvim.command("Whetstone traceback a")
    assert_innermost_first(nvim)


def test_of_a_terminal(nvim, world, tmp_path):
    failed = tmp_path / "failed.txt"
    failed.write_text(FAILURE.format(file=world.file))
    nvim.command(f"botright split | terminal cat {failed}")
    nvim.until("the output", lambda: any("ZeroDivision" in line for line in nvim.lines()))
    nvim.command("Whetstone traceback")
    assert_innermost_first(nvim)


def test_without_a_traceback_it_says_what_to_do(nvim):
    nvim.lua("vim.fn.setreg('a', ' ')")
    nvim.command("Whetstone traceback a")
    nvim.until("a hint", lambda: "select a traceback" in nvim.messages())
    nvim.lua("vim.fn.setreg('a', 'nothing of ours')")
    nvim.command("Whetstone traceback a")
    nvim.until("an answer", lambda: "no line of this workspace" in nvim.messages())


def test_of_the_test_at_the_cursor(nvim, world):
    world.file.write_text(story.TEXT)
    nvim.command("edit!")
    tests = world.file.with_name("test_orders.py")
    tests.write_text(TESTS)
    nvim.open(tests)
    nvim.cursor(5, 8)
    nvim.command("Whetstone test")
    nvim.until("the line at fault", lambda: quickfix(nvim))
    assert quickfix(nvim)[0][0] == story.ACCEPT.line + 1
    nvim.until("there", lambda: nvim.lua("return vim.fn.expand('%:t')") == story.FILE)
    assert row(nvim) == story.ACCEPT.line + 1
    nvim.until("its fix", lambda: "◆ replace `txet`" in nvim.screen())


def test_outside_of_a_test_it_says_so(nvim):
    nvim.command("Whetstone test")
    nvim.until("a message", lambda: "not in a test function" in nvim.messages())


def test_preferences_are_told_in_numbers(nvim):
    nvim.command("Whetstone prefs")
    nvim.until("an answer", lambda: "Nothing has been stored yet" in nvim.messages())


def test_without_an_earlier_model_there_is_nothing_to_roll_back_to(nvim):
    nvim.command("Whetstone rollback")
    nvim.until("an answer", lambda: "Whetstone: " in nvim.messages())
    assert "Error" not in nvim.messages()

"""A server that is killed while a file is open: said, started again, and fixes come again."""

from __future__ import annotations

import os
import signal

import pytest
import story
from neovim import PLUGIN

STATUSLINE = "return require('whetstone').statusline()"
MOST_CRASHES = 4


@pytest.fixture
def pids(world, tmp_path):
    """The processes that were the server, the last one last; `cmd` starts and notes it."""
    path = tmp_path / "pids"
    path.touch()

    def read():
        return [int(line) for line in path.read_text().split()]

    read.cmd = f"['sh', '-c', 'echo $$ >> {path}; exec whetstone-lsp']"
    return read


def begin(start, world, pids):
    nvim = start(before=[f"set runtimepath^={PLUGIN}", f"let g:whetstone = #{{cmd: {pids.cmd}}}"])
    nvim.open(world.file)
    nvim.until("fixes", lambda: "4 fixes ready" in nvim.lua(STATUSLINE))
    return nvim


def next_server(nvim, pids, count):
    nvim.until(f"server {count}", lambda: len(pids()) == count)


def test_killed_it_is_started_again_and_fixes_are_offered_again(start, world, pids):
    nvim = begin(start, world, pids)
    os.kill(pids()[-1], signal.SIGKILL)
    nvim.until("a message", lambda: "ended by itself and is started again" in nvim.messages())
    next_server(nvim, pids, 2)
    nvim.until("its fixes", lambda: "4 fixes ready" in nvim.lua(STATUSLINE))
    nvim.code_action(story.ACCEPT.line)
    nvim.until("the fix", lambda: nvim.line(story.ACCEPT.line) == story.ACCEPT.fix)


def test_killed_again_and_again_it_is_left_alone_until_it_is_asked_for(start, world, pids):
    nvim = begin(start, world, pids)
    for count in range(1, MOST_CRASHES + 2):
        next_server(nvim, pids, count)
        os.kill(pids()[-1], signal.SIGKILL)
    nvim.until("a message", lambda: ":Whetstone restart starts it again" in nvim.messages())
    assert len(pids()) == MOST_CRASHES + 1
    nvim.command("Whetstone restart")
    next_server(nvim, pids, MOST_CRASHES + 2)
    nvim.until("its fixes", lambda: "4 fixes ready" in nvim.lua(STATUSLINE))
    nvim.command("Whetstone restart")  # of one that runs
    next_server(nvim, pids, MOST_CRASHES + 3)
    nvim.until("the new one's", lambda: "4 fixes ready" in nvim.lua(STATUSLINE))

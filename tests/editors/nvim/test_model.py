"""Retraining from Neovim: progress while it runs, before and after, and the way back."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from neovim import PLUGIN

from whetstone.models.registry import Registry

SERVER = Path(__file__).parents[1] / "server_with_trainer.py"
STATUSLINE = "return require('whetstone').statusline()"
PROGRESS = "vim.g.told = (vim.g.told or '') .. vim.lsp.status() return vim.g.told"
# Newer versions ask through vim.ui.select, 0.10 through inputlist; both are answered with the
# second button, once one is asked for.
ANSWER = """
vim.g.asked = ''
local function answer(items)
  vim.g.asked = table.concat(items, '\\n')
  return 2
end
vim.ui.select = function(items, options, done)
  local shown = vim.tbl_map(options.format_item or tostring, items)
  table.insert(shown, 1, options.prompt)
  done(items[answer(shown)], 2)
end
vim.fn.inputlist = function(items) return answer(items) end
"""


def test_trained_measured_and_rolled_back(start, world):
    command = json.dumps([sys.executable, str(SERVER)])
    nvim = start(before=[f"set runtimepath^={PLUGIN}", f"let g:whetstone = #{{cmd: {command}}}"])
    nvim.lua(ANSWER)
    nvim.open(world.file)
    nvim.until("a status", lambda: "fixes ready" in nvim.lua(STATUSLINE))
    registry = Registry(world.data / "models")
    before = registry.active_name()

    nvim.command("Whetstone retrain")
    nvim.until("how far it is", lambda: "training 50 %" in nvim.lua(STATUSLINE))
    nvim.until("progress", lambda: "50%" in nvim.lua(PROGRESS))
    assert "retraining began" in nvim.messages()
    (world.data / "seen").touch()
    nvim.until("the result", lambda: "static set 0 -> 0 of 1" in nvim.lua("return vim.g.asked"))
    assert "Roll back" in nvim.lua("return vim.g.asked")
    nvim.until("rolled back", lambda: "is served again" in nvim.messages())
    assert registry.active_name() == before

    nvim.command("Whetstone rollback")
    nvim.until("the end of it", lambda: "There is no earlier model" in nvim.messages())

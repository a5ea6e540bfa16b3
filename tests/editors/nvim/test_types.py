"""The plugin's Lua has the types of LuaCATS, which editors read."""

from __future__ import annotations

import re

import pytest
from neovim import PLUGIN

_FUNCTION = re.compile(r"(?:local )?function ([\w.:]+)\(([^)]*)\)")


@pytest.mark.parametrize("path", sorted(PLUGIN.rglob("*.lua")), ids=lambda path: path.stem)
def test_every_function_says_what_it_takes_and_gives(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        head = _FUNCTION.match(line)
        if head is None:
            continue
        top = number
        while top and lines[top - 1].startswith("---"):
            top -= 1
        notes = "\n".join(lines[top:number])
        taken = dict.fromkeys(name.strip() for name in head[2].split(",") if name.strip())
        noted = re.findall(r"^---@param ([\w.]+)\??", notes, re.MULTILINE)
        assert noted == list(taken), f"{path.name}: {head[1]}"
        body = lines[number + 1 : lines.index("end", number)]
        if any(re.match(r"  return\s+\S", each) for each in body):
            assert "---@return" in notes, f"{path.name}: {head[1]}"

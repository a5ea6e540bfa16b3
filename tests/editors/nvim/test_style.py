"""The plugin's Lua, as StyLua and luacheck want it, with the configuration committed beside it, and
with the types of LuaCATS, which editors read."""

from __future__ import annotations

import re
import subprocess

import pytest
from neovim import PLUGIN


def run(program, *arguments):
    files = sorted(str(path.relative_to(PLUGIN)) for path in PLUGIN.rglob("*.lua"))
    command = [program, *arguments, *files]
    done = subprocess.run(command, cwd=PLUGIN, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stylua(editor):
    run(editor("stylua"), "--check")


def test_luacheck(editor):
    run(editor("luacheck"), "--no-color", "--quiet")


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

"""The plugin's Lua, as StyLua and luacheck want it, with the configuration committed beside it."""

from __future__ import annotations

import subprocess

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

"""One Neovim with the plugin of this checkout, driven as its user would be: keys and commands in,
the screen and the buffer out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pynvim
from waiting import until

PLUGIN = Path(__file__).parents[2] / "editor-clients/nvim"
SIZE = (100, 30)


class Neovim:
    """A child process. With `ui`, a user interface is attached, so lenses and marks are drawn."""

    def __init__(
        self,
        program: str,
        environment: dict[str, str],
        *,
        ui: bool = False,
        before: Sequence[str] = (f"set runtimepath^={PLUGIN}",),
    ) -> None:
        assignments = [f"{key}={value}" for key, value in environment.items()]
        command = ["env", "-i", *assignments, program, "--embed", "--clean", "-n"]
        if not ui:
            command.append("--headless")
        for line in before:
            command += ["--cmd", line]
        self.nvim = pynvim.attach("child", argv=command)
        if ui:
            self.nvim.ui_attach(*SIZE, rgb=True, ext_linegrid=True)

    # -- in -----------------------------------------------------------------------------------

    def command(self, text: str) -> None:
        self.nvim.command(text)

    def lua(self, code: str, *arguments: Any) -> Any:
        return self.nvim.exec_lua(code, *arguments)

    def keys(self, text: str) -> None:
        self.nvim.input(text)

    def open(self, path: Path) -> None:
        self.command(f"edit {path}")

    def cursor(self, line: int, column: int = 0) -> None:
        """0-based, as everywhere in the tests."""
        self.nvim.current.window.cursor = (line + 1, column)

    def code_action(self, line: int, *, reject: bool = False) -> None:
        """Take the fix of a line, or the entry that rejects it, through Neovim's own menu."""
        self.cursor(line)
        self.lua(
            "local reject = ...\n"
            "vim.lsp.buf.code_action({ apply = true, filter = function(action)\n"
            "  local turns_down = action.title:find('reject') ~= nil\n"
            "  local all = action.title:find('fix all') ~= nil\n"
            "  return action.kind == 'quickfix' and turns_down == reject and not all\n"
            "end })",
            reject,
        )

    # -- out ----------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        return list(self.nvim.current.buffer[:])

    def line(self, number: int) -> str:
        return str(self.nvim.current.buffer[number])

    def diagnostics(self) -> list[tuple[int, str]]:
        found = self.lua(
            "return vim.tbl_map(function(d) return { d.lnum, tostring(d.code) } end,"
            " vim.diagnostic.get(0))"
        )
        return sorted((line, code) for line, code in found)

    def screen(self) -> str:
        """What a person sees."""
        self.command("redraw")
        return str(
            self.lua(
                "local rows = {}\n"
                "for r = 1, vim.o.lines do\n"
                "  local cells = {}\n"
                "  for c = 1, vim.o.columns do cells[c] = vim.fn.screenstring(r, c) end\n"
                "  rows[r] = (table.concat(cells):gsub('%s+$', ''))\n"
                "end\n"
                "return table.concat(rows, '\\n')"
            )
        )

    def messages(self) -> str:
        return str(self.lua("return vim.api.nvim_exec2('messages', { output = true }).output"))

    def until(self, what: str, condition: Callable[[], Any]) -> Any:
        """Wait until `condition()` is true, and return it."""
        return until(what, condition, seen=lambda: f"{self.screen()}\n{self.messages()}")

    def quit(self) -> None:
        """End it as a user does, and wait for its server to have written everything down."""
        self.nvim.command("qall!", async_=True)
        self.nvim.close()

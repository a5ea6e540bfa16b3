"""A program in a pseudo-terminal, and its screen as a person sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pexpect
import picture
import pyte
from waiting import until


class Terminal:
    def __init__(
        self,
        command: list[str],
        *,
        environment: dict[str, str],
        folder: Path,
        columns: int = 110,
        rows: int = 34,
    ) -> None:
        self._child = pexpect.spawn(
            command[0],
            command[1:],
            env={**environment, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            dimensions=(rows, columns),
            cwd=str(folder),
        )
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)

    def keys(self, text: str) -> None:
        self._child.send(text)

    def paste(self, text: str) -> None:
        """As terminals do: one insertion, not a key for each character."""
        self.keys(f"\x1b[200~{text}\x1b[201~")

    def screen(self) -> str:
        """What stands there once the program is quiet."""
        while True:
            try:
                self._stream.feed(self._child.read_nonblocking(65536, timeout=0.1))
            except (pexpect.TIMEOUT, pexpect.EOF):
                return "\n".join(row.rstrip() for row in self._screen.display)

    def picture(self, path: Path) -> None:
        """Write what stands there to a PNG file."""
        self.screen()
        picture.of_terminal(self._screen, path)

    def until(self, what: str, condition: Callable[[str], bool]) -> str:
        """Wait until the screen is as it should be, and return it."""

        def shown() -> str | None:
            screen = self.screen()
            return screen if condition(screen) else None

        return str(until(what, shown, seen=self.screen))

    def ended(self) -> bool:
        self.screen()
        return not self._child.isalive()

    def close(self) -> None:
        self._child.close(force=True)

"""Where Whetstone is off: by the settings, by a comment in the file, or for this session."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lsp_server.documents import OpenDocument
from whetstone.settings import Settings

OFF_LINES = 5  # the comment has to stand among the first lines of the file
_OFF = re.compile(r"#\s*whetstone\s*:\s*off\s*$", re.IGNORECASE)


def says_off(lines: Sequence[str]) -> bool:
    """Is there a `# whetstone: off` comment where it counts?"""
    return any(_OFF.search(line.rstrip()) for line in lines[:OFF_LINES])


class Switches:
    """What was switched off by a command: until the server ends, or it is switched on again."""

    def __init__(self) -> None:
        self.workspace = False
        self.files: set[str] = set()
        self.codes: set[str] = set()

    def off(self, document: OpenDocument, settings: Settings) -> str | None:
        """Why nothing is done for this document; None when it is served."""
        if not settings.enabled:
            return "switched off by the setting `enabled`"
        if self.workspace:
            return "switched off for this workspace until the server ends"
        if document.uri in self.files:
            return "switched off for this file until the server ends"
        if says_off(document.buffer.lines):
            return "switched off by a `# whetstone: off` comment in the file"
        return None

    def ignored_codes(self, settings: Settings) -> set[str]:
        return {*settings.ignore_codes, *self.codes}

"""The code blocks of the pages in docs/editors, so that the tests run what the pages say."""

from __future__ import annotations

import re
from pathlib import Path

PAGES = Path(__file__).parents[2] / "docs/editors"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of one language, in order."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)

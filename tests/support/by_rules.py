"""What the rules alone propose for the first problem of a text."""

from __future__ import annotations

from pathlib import Path

from whetstone import diagnose
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings


def fixes(text: str, name: str = "module.py") -> list[str]:
    """The whole text after each fix that is shown, best first."""
    document = Document(text=text, path=Path(name))
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])
    return [candidate.new_text for candidate in proposal.candidates]


def first_fix(text: str, name: str = "module.py") -> str:
    """The whole text after the first fix that is shown; empty when none is."""
    return next(iter(fixes(text, name)), "")

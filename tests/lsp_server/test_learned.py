"""What the user did twice comes first in the server, too."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lsp_server.cli import real_parts
from whetstone import diagnose
from whetstone.fixer import Fixer
from whetstone.preferences import Outcome, PreferenceStore
from whetstone.problem import Document, Replacement
from whetstone.settings import Settings


def test_the_servers_fixer_knows_what_was_chosen_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHETSTONE_DATA", str(tmp_path))
    parts = real_parts()

    def first(settings: Settings) -> tuple[str, ...]:
        document = Document(text="def f(x):\n    return x == None\n", path=Path("a.py"))
        (finding,) = diagnose.find(document)
        proposal = parts.make_fixer(None, settings, True).propose(document, finding)
        return proposal.candidates[0].replacement.lines

    for name in ("a", "b"):
        assert first(Settings()) == ("    return x is None",)
        document = Document(text=f"def f({name}):\n    return {name} == None\n", path=Path("b.py"))
        proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])
        mine = Replacement(kind="replace", lines=(f"    return not {name}",))
        (shown, *_) = proposal.candidates
        proposal = dataclasses.replace(
            proposal, candidates=(dataclasses.replace(shown, replacement=mine),)
        )
        with PreferenceStore.open() as store:
            store.record_suggestion(proposal, client="test")
            store.settle(proposal.id, Outcome.ACCEPTED, candidate_id=shown.id)
    assert first(Settings()) == ("    return not x",)
    assert first(Settings(analogies=False)) == ("    return x is None",)

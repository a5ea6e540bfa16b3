"""The file of `make demo` keeps what demo/README.md promises, even without a model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from whetstone import diagnose
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings
from whetstone.terminal.session import FixSession, Target

INVENTORY = Path(__file__).parents[2] / "demo" / "inventory.py"
DELIVERIES = "name,price,count\nhammer,12.50,7\nnails,0.03,400\nhammer,13.00,2\nsaw,20,1\n"


def fix(path: Path) -> list[str]:
    session = FixSession(fixer=Fixer(None, Settings()), store=None, ask=lambda *_: "accept")
    return [
        step.proposal.diagnostic.code
        for step in session.run(Target(path=path, root=path.parent))
        if step.accepted is not None
    ]


def test_problems_come_to_light_one_after_the_other_and_the_program_runs(tmp_path: Path) -> None:
    path = tmp_path / "inventory.py"
    path.write_bytes(INVENTORY.read_bytes())
    assert fix(path) == ["SyntaxError"] * 3 + ["F821", "F821", "F401", "E711"]
    assert diagnose.find(Document(text=path.read_text(), path=path)) == []

    csv = tmp_path / "deliveries.csv"
    csv.write_text(DELIVERIES)
    done = subprocess.run(
        [sys.executable, str(path), str(csv)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "article              count         value",
        "hammer                   9    117.00 EUR",
        "nails                  400     12.00 EUR",
        "saw                      1     20.00 EUR",
        "in all 149.00 EUR",
        "order again: saw",
    ]


def test_the_original_shows_only_its_first_syntax_error() -> None:
    found = diagnose.find(Document(text=INVENTORY.read_text(), path=INVENTORY))
    assert [item.headline for item in found] == ["SyntaxError: expected ':'"]

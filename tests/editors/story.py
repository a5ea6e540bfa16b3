"""What every editor is driven through, written once: the file, the steps, and what the database
must hold afterwards. The embedded model proves exactly one fix for each problem of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from waiting import until

from whetstone.preferences.store import PreferenceStore

# The first answer is greedy: with it alone, no sampling decides what is offered. A saved change
# counts after a second, not after half a minute; and a busy machine may take its time with a test.
ENVIRONMENT = {
    "WHETSTONE_CANDIDATES": "1",
    "WHETSTONE_SETTLE_S": "1",
    "WHETSTONE_TEST_TIMEOUT_S": "120",
}

FILE = "orders.py"
TEXT = '''\
"""Orders of a small shop."""

import json


def load(text):
    """Orders from JSON."""
    return json.loads(txet)


def newest(orders):
    """The order that came last, if there is one."""
    if orders == None:
        return {}
    return orders[-1]


def greeting(customer):
    """The first line of a letter."""
    return "Dear {}".format(custmer)


def label():
    """What stands on every parcel."""
    return f"handle with care"
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One problem of the file, what the user does about it, and what must be stored.

    Attributes:
        line: 0-based line of the problem.
        fix: the line as the one proved fix writes it.
        user: the line as the user leaves it; None where they write nothing.
        pairs: (source, chosen lines, rejected lines) of the pairs.
    """

    do: str
    code: str
    line: int
    fix: str
    user: str | None = None
    outcome: str
    pairs: tuple[tuple[str, str | None, str | None], ...]

    @property
    def broken(self) -> str:
        return TEXT.splitlines()[self.line]

    @property
    def final(self) -> str:
        """The line in the saved file."""
        if self.do == "accept":
            return self.fix
        return self.broken if self.user is None else self.user


def _line(part: str) -> int:
    [number] = [n for n, line in enumerate(TEXT.splitlines()) if part in line]
    return number


ACCEPT = Step(
    do="accept",
    code="F821",
    line=_line("txet"),
    fix="    return json.loads(text)",
    outcome="accepted",
    pairs=(("accepted", "    return json.loads(text)", "    return json.loads(txet)"),),
)
REJECT = Step(
    do="reject",
    code="E711",
    line=_line("== None"),
    fix="    if orders is None:",
    outcome="rejected",
    pairs=(("rejected", None, "    if orders is None:"),),
)
AMEND = Step(
    do="amend",
    code="F821",
    line=_line("custmer"),
    fix='    return "Dear {}".format(customer)',
    user='    return f"Dear {customer},"',
    outcome="amended",
    pairs=(("amended", '    return f"Dear {customer},"', '    return "Dear {}".format(customer)'),),
)
UNDO = Step(
    do="undo",
    code="F541",
    line=_line('f"handle'),
    fix='    return "handle with care"',
    outcome="reverted",
    pairs=(("reverted", None, '    return "handle with care"'),),
)
STEPS = (ACCEPT, REJECT, AMEND, UNDO)


def write(folder: Path) -> Path:
    """A workspace with the buggy file; its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "orders"\n', encoding="utf-8")
    path = folder / FILE
    path.write_text(TEXT, encoding="utf-8")
    return path


def saved_text(steps: Sequence[Step] = STEPS) -> str:
    """The file when all `steps` are done and it was saved."""
    lines = TEXT.splitlines()
    for step in steps:
        lines[step.line] = step.final
    return "\n".join(lines) + "\n"


def stored(data: Path) -> list[tuple[str, str | None, tuple[object, ...]]]:
    """(code, outcome, pairs) of every suggestion in the database, oldest first."""
    if not (data / "preferences.db").exists():
        return []
    with PreferenceStore.open(data / "preferences.db") as store:
        return [
            (
                each.code,
                each.outcome and str(each.outcome),
                tuple(
                    (
                        pair.source,
                        pair.chosen and "\n".join(pair.chosen.lines),
                        pair.rejected and "\n".join(pair.rejected.lines),
                    )
                    for pair in store.get(each.id).pairs
                ),
            )
            for each in reversed(store.suggestions())
        ]


def settled(data: Path) -> list[tuple[str, str | None, tuple[object, ...]]]:
    """What is stored and decided. Suggestions that were shown or prepared may still be open."""
    return [each for each in stored(data) if each[1] is not None]


def check_undone(data: Path, steps: Sequence[Step]) -> None:
    """Nothing but the fixes of `steps`, taken unread with "fix all" and undone together."""
    expected = [(step.code, "reverted", (("reverted", None, step.fix),)) for step in steps]
    until(
        f"the reverts {expected}",
        lambda: sorted(stored(data), key=repr) == sorted(expected, key=repr),
        seen=lambda: stored(data),
    )
    with PreferenceStore.open(data / "preferences.db") as store:
        details = [store.get(each.id) for each in store.suggestions()]
        assert {pair.weight for each in details for pair in each.pairs} == {0.25}


def check(data: Path, steps: Sequence[Step] = STEPS) -> None:
    """The database holds what `steps` must leave there, and nothing else."""
    expected = sorted(((step.code, step.outcome, step.pairs) for step in steps), key=repr)
    until(
        f"the choices {expected}",
        lambda: sorted(stored(data), key=repr) == expected,
        seen=lambda: stored(data),
    )

from __future__ import annotations

import ast
from random import Random

from trainer.triplets.line_mutants import choose, line_mutants

PROGRAM = '''\
def runs(items, least):
    """How long each run is."""
    found = []
    count = 0
    for i in range(1, len(items)):
        count += 1
        if items[i] != items[i - 1] and count >= least:
            found.append(count)
            count = 0
    return sorted(found[:])
'''


def mutants(program: str = PROGRAM) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for mutant in line_mutants(program):
        found.setdefault(mutant.kind, set()).add("\n".join(mutant.flagged).strip())
    return found


def test_slips_of_many_kinds_in_the_programs_own_spelling() -> None:
    found = mutants()
    assert "if items[i] == items[i - 1] and count >= least:" in found["comparison"]
    assert "if items[i] != items[i - 1] or count >= least:" in found["and, or"]
    assert "if items[i] != items[i + 1] and count >= least:" in found["operator"]
    assert "for i in range(1, len(items) - 1):" in found["off by one"]
    assert "return sorted(found)" in found["lost copy"]
    assert "return found[:]" in found["lost call"]
    assert "count = 1" in found["lost accumulation"]
    assert "found.extend(count)" in found["wrong function"]
    assert "sorted(found[:])" in found["lost return"]


def test_the_flagged_lines_are_what_a_repair_replaces() -> None:
    for mutant in line_mutants(PROGRAM):
        lines = mutant.text.split("\n")
        stop = mutant.row + len(mutant.flagged)
        assert tuple(lines[mutant.row : stop]) == mutant.flagged
        assert "\n".join([*lines[: mutant.row], *mutant.fixed, *lines[stop:]]) == PROGRAM


def test_a_missing_line_is_put_back_before_the_line_that_is_flagged() -> None:
    lost = [m for m in line_mutants(PROGRAM) if m.kind == "missing line"]
    assert (("    count = 0",), ("    found = []", "    count = 0")) in [
        (m.flagged, m.fixed) for m in lost
    ]


def test_chosen_ones_compile_and_come_in_pairs_of_one_line() -> None:
    chosen = choose(line_mutants(PROGRAM), 12, Random(0))
    assert len(chosen) == len({m.text for m in chosen}) == 12
    for mutant in chosen:
        ast.parse(mutant.text)
    alone = [m for m in chosen if sum(m.row == other.row for other in chosen) == 1]
    assert len(alone) <= 3
    assert choose(line_mutants(PROGRAM), 12, Random(0)) == chosen


def test_text_that_is_not_ascii_is_left_to_the_kinds_that_take_whole_lines() -> None:
    found = mutants('def f(x):\n    y = x + 1\n    print("ä")\n    return y\n')
    assert set(found) <= {"missing line", "indentation"}

"""Static mutants and choices; what is kept of many."""

from __future__ import annotations

import dataclasses

from trainer.data import templates
from trainer.triplets import static
from trainer.triplets.assemble import assemble
from trainer.triplets.contamination import Evaluated, grams, trees
from trainer.triplets.static import static_triplets
from trainer.triplets.store import store_triplets
from trainer.triplets.triplet import Triplet
from whetstone.problem import Diagnostic, Problem, Region, Replacement, Span


def triplet(number: int = 0, rejected: str = "x = 3", **changes: object) -> Triplet:
    flagged = f"x = {number}"
    problem = Problem(
        name="a.py",
        diagnostic=Diagnostic(
            source="test", code="AssertionError", message="assert 1 == 2",
            span=Span(start_line=0, end_line=0),
        ),
        region=Region(start=0, stop=1),
        flagged=(flagged,),
    )  # fmt: skip
    made = Triplet(
        source="mutant", group="g", origin="o", licence="MIT", kind="constant", problem=problem,
        chosen=Replacement(kind="replace", lines=("x = 1",)),
        rejected=Replacement(kind="replace", lines=(rejected,)),
        rejected_is="near miss", chosen_is="original", chosen_by="tests",
    )  # fmt: skip
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def test_of_one_question_the_rejected_answer_of_most_worth_stays() -> None:
    near = triplet()
    own = triplet(rejected="x = 7", source="policy", rejected_is="looks right")
    found = assemble([near, own, near], per_group=8, format="compact")
    assert found.triplets == (own,)
    assert found.left_out["the same question"] == 2


def test_a_full_group_keeps_what_is_worth_most_and_choices_are_never_capped() -> None:
    many = [triplet(n, rejected=f"x = {n}", rejected_is="unchanged") for n in range(2, 9)]
    own = triplet(9, rejected_is="own wrong")
    choices = [
        triplet(n, source="store", group="mine", rejected_is="turned down") for n in (21, 22, 23)
    ]
    found = assemble([*many, own, *choices], per_group=2, format="compact")
    assert own in found.triplets and len(found.triplets) == 5
    assert found.left_out["more of one program than wanted"] == 6


def test_answers_that_are_alike_say_nothing() -> None:
    found = assemble([triplet(rejected="x = 1")], per_group=8, format="compact")
    assert not found.triplets and found.left_out["both answers alike"] == 1


def test_triplets_survive_json() -> None:
    assert Triplet.from_json(triplet().to_json()) == triplet()


def test_static_triplets_reject_the_lines_as_they_were(monkeypatch) -> None:
    units = templates.units("train", 60, seed=5)
    monkeypatch.setattr(static, "installed_files", dict)
    monkeypatch.setattr(static, "collect", lambda *_, **__: units)
    found = list(static_triplets(30, 1, Evaluated(())))
    assert len(found) == 30
    for each in found:
        assert each.rejected.lines == each.problem.flagged != each.chosen.lines
    assert not list(static_triplets(30, 1, Evaluated(unit.text for unit in units)))


def test_choices_keep_their_weight(pair) -> None:
    (found,) = store_triplets([pair(1, weight=0.5)])
    assert (found.source, found.weight, found.origin) == ("store", 0.5, "test")


def test_renamed_copies_have_the_same_tree_and_other_code_has_not() -> None:
    code = (
        "def f(a, b):\n    total = 0\n    for x in a:\n        if x > b:\n"
        "            total += x * 2\n    return total\n"
    )
    renamed = code.replace("total", "s").replace("a,", "items,").replace("in a", "in items")
    assert list(trees(code)) == list(trees(renamed))
    assert list(trees(code)) != list(trees(code.replace(">", "<")))
    assert not list(trees("def f(a):\n    return a + 1\n"))  # too small to be a copy


def test_thirteen_words_in_a_row() -> None:
    text = "a b c d e f g h i j k l m n"
    assert len(list(grams(text))) == 2
    against = Evaluated([text])
    assert against.holds("zero " + text) == "13-gram"
    assert against.holds("a b c d e f g h i j k l") is None

"""The judge of the held-out benchmark, and one sample through it."""

from __future__ import annotations

from benchmarks.held_out import measure, posed, same_program
from trainer.data.samples import Sample
from whetstone.fixer import Fixer
from whetstone.settings import Settings


def sample(text: str, fixed: str, line: int) -> Sample:
    return Sample(kind="colon", prompt="", answer="", text=text, fixed=fixed, line=line)


def test_layout_and_the_order_of_imports_do_not_matter() -> None:
    assert same_program("import a\nimport b\nx = 1\n", "import b, a\nx  =  1\n")
    assert not same_program("import a\nx = 1\n", "import a as b\nx = 1\n")
    assert not same_program("x = 1\n", "x = 2\n")
    assert not same_program("x = 1\n", "x = \n")


def test_only_documents_that_are_clean_without_the_bug_count() -> None:
    good = sample("if True\n    x = 1\n", "if True:\n    x = 1\n", 0)
    other = sample("if True\n    x = y\n", "if True:\n    x = y\n", 0)
    found = measure(Fixer(None, Settings()), list(posed([good, other])))
    assert found["kinds"] == {"colon": [1, 1, 1, 1]} and found["first_right"] == 1

"""What a user did twice is proposed the third time."""

from __future__ import annotations

from pathlib import Path

import pytest

from whetstone import diagnose
from whetstone.analogy import choice_of, learn, propose
from whetstone.engine.scripted import ScriptedEngine
from whetstone.fixer import Fixer
from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement, Span
from whetstone.settings import Settings


def problem(line, *, code="X1", message="", source="ruff"):
    diagnostic = Diagnostic(
        source=source, code=code, message=message, span=Span(start_line=0, end_line=1)
    )
    return Problem(
        name="a.py", diagnostic=diagnostic, region=Region(start=0, stop=1), flagged=(line,)
    )


def fix(*lines):
    return Replacement(kind="replace", lines=lines)


def learnt(*pairs, refused=(), code="X1"):
    """Rewrites of (line, what the user made of it) and of (line, what they turned down)."""
    taken = [choice_of(problem(old, code=code), fix(new), []) for old, new in pairs]
    down = [choice_of(problem(old, code=code), None, [fix(new)]) for old, new in refused]
    return learn([choice for choice in (*taken, *down) if choice is not None])


def proposed(rewrites, line, **about):
    return ["\n".join(each.lines) for each in propose(problem(line, **about), rewrites)]


@pytest.mark.parametrize(
    ("examples", "line", "wanted", "shown"),
    [
        (
            [("if a == None:", "if not a:"), ("while b == None:", "while not b:")],
            "        if player.team == None or c:",
            "        if not player.team or c:",
            "A == None -> not A",
        ),
        (
            [("x = os.path.exists(a)", "x = Path(a).exists()"),
             ("if os.path.exists(b):", "if Path(b).exists():")],
            "    return os.path.exists(self.root[0])",
            "    return Path(self.root[0]).exists()",
            "os.path.exists(A) -> Path(A).exists()",
        ),
        (
            [("count++", "count = count + 1"), ("total++", "total = total + 1")],
            "self.shelf++",
            "self.shelf = self.shelf + 1",
            "A++ -> A = A + 1",
        ),
        (
            [("if type(a) == int:", "if isinstance(a, int):"),
             ("return type(b) == str", "return isinstance(b, str)")],
            "ok = type(row) == list",
            "ok = isinstance(row, list)",
            "type(A) == B -> isinstance(A, B)",
        ),
        (
            [("x = f(1)", "_ = f(1)"), ("y = g()", "_ = g()")],
            "    unused = h(2)",
            "    _ = h(2)",
            "A = -> _ =",
        ),
        (
            [("    raise NotImplemented", "    raise NotImplementedError()")] * 2,
            "raise NotImplemented",
            "raise NotImplementedError()",
            "NotImplemented -> NotImplementedError()",
        ),
        (
            [("elseif a > 1:", "if a > 1:"), ("elseif b:", "if b:")],
            "    elseif c >= 2:",
            "    if c >= 2:",
            "elseif -> if",
        ),
        (
            [("name = 'a\"", 'name = "a"'), ("return 'b\"", 'return "b"')],
            "x = f('c\")",
            'x = f("c")',
            "' -> \"",
        ),
    ],
)  # fmt: skip
def test_two_examples_make_a_rewrite(examples, line, wanted, shown):
    rewrites = learnt(*examples)
    assert [str(rewrite) for rewrite in rewrites] == [shown]
    assert rewrites[0].times == 2
    assert proposed(rewrites, line)[0] == wanted


def test_once_may_be_chance():
    assert learnt(("a == None", "not a")) == ()


def test_names_alone_make_no_rewrite():
    """Whoever mended two typing errors has not asked for every name to be replaced."""
    assert learnt(("lenght", "length"), ("widht", "width")) == ()


def test_only_where_the_same_was_found():
    rewrites = learnt(("a == None", "not a"), ("b == None", "not b"))
    assert proposed(rewrites, "c == None") == ["not c"]
    assert proposed(rewrites, "c == None", code="X2") == []


def test_one_name_in_two_places_has_to_be_one_again():
    rewrites = learnt(("a = a + 1", "a += 1"), ("b = b + 1", "b += 1"))
    assert proposed(rewrites, "c = c + 1") == ["c += 1"]
    assert proposed(rewrites, "c = d + 1") == []


def test_who_does_now_this_and_now_that_has_no_habit():
    both = [("a == None", "not a"), ("b == None", "not b")]
    assert learnt(*both, ("c == None", "c is None")) != ()
    assert learnt(*both, ("c == None", "c is None"), ("d == None", "d is None")) == ()


def test_what_was_turned_down_speaks_against_it():
    pairs = [("a == None", "not a"), ("b == None", "not b")]
    assert learnt(*pairs, refused=[("c == None", "not c")]) != ()
    assert learnt(*pairs, refused=[("c == None", "not c"), ("d == None", "not d")]) == ()
    assert learnt(*pairs, refused=[("c == None", "c is None"), ("d == None", "d is None")]) != ()


def test_several_lines_imports_and_deletions_are_no_examples():
    for new in (fix(), fix("a", "b"), Replacement(kind="import", lines=("import os",))):
        assert choice_of(problem("x == None"), new, []) is None


@pytest.mark.parametrize("line", ["", "(((((", "a" * 50_000, "a." * 20_000, "f(" * 5_000 + "\x00"])
def test_strange_lines_cost_little_and_give_nothing(line):
    rewrites = learnt(("a == None", "not a"), ("b == None", "not b"))
    assert proposed(rewrites, line) == []


def test_it_comes_first_once_it_is_proved():
    """Before a rule's fix, and before what the model finds likelier."""
    document = Document(text="def f(x):\n    return x == None\n", path=Path("a.py"))
    (finding,) = diagnose.find(document)
    engine = ScriptedEngine(lambda prompt: ["<|fix|>    return x is None"], gap=10.0)
    learned = learnt(("a == None", "not a"), ("b == None", "not b"), code="E711")

    def first(rewrites):
        proposal = Fixer(engine, Settings(), learned=rewrites).propose(document, finding)
        return proposal.candidates[0].replacement.lines, proposal.candidates[0].title

    assert first(()) == (("    return x is None",), "replace `==` with `is` (E711)")
    lines, title = first(learned)
    assert lines == ("    return not x",)
    assert title == "replace `x == None` with `not x` (E711), as you did before"


def test_what_cannot_be_proved_is_not_shown():
    document = Document(text="def f(x):\n    return x == None\n", path=Path("a.py"))
    (finding,) = diagnose.find(document)
    learned = learnt(("a == None", "gone(a)"), ("b == None", "gone(b)"), code="E711")
    proposal = Fixer(None, Settings(), learned=learned).propose(document, finding)
    assert [c.replacement.lines for c in proposal.candidates] == [("    return x is None",)]
    assert ("    return gone(x)",) in [c.replacement.lines for c in proposal.rejected]

"""Finding problems."""

from __future__ import annotations

import pytest

from whetstone import context, diagnose
from whetstone.problem import Diagnostic, Document, Region, Span


def found(text: str) -> list[tuple[str, int]]:
    problems = diagnose.find(Document(text=text))
    return [(problem.code, problem.span.start_line) for problem in problems]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("x = 1\n", []),
        ("", []),
        ("def f()\n    pass\n", [("SyntaxError", 0)]),
        ("def f():\npass\n", [("IndentationError", 1)]),
        ("print(lenght)\n", [("F821", 0)]),
        ("import os\nx = 1 is 1\n", [("F401", 0), ("F632", 1)]),
        ("def f(a=[]):\n    return a == None\n", [("B006", 0), ("E711", 1)]),
        ("import os  # noqa: F401\n", []),
        ("x = '\0'\n", [("SyntaxError", 0)]),
        ("return 1\n", [("SyntaxError", 0)]),
    ],
)
def test_problems_with_their_lines(text, problems):
    assert found(text) == problems


def test_columns_count_code_points():
    (problem,) = diagnose.find(Document(text="s = '😀é', nope\n"))

    assert (problem.span.start_column, problem.span.end_column) == (10, 14)


def test_a_syntax_error_at_the_end_of_the_file_lies_inside_it():
    (problem,) = diagnose.find(Document(text="if x:\n"))

    assert problem.span.start_line == 0


def test_many_files_cost_one_process(tmp_path):
    (tmp_path / "a.py").write_text("print(a)\n")
    (tmp_path / "b.py").write_text("b = 1\n")
    (tmp_path / "c.py").write_text("import os\n")
    result = diagnose.ruff_folder(tmp_path)

    assert {name: [p.code for p in items] for name, items in result.items()} == {
        "a.py": ["F821"],
        "c.py": ["F401"],
    }


def test_the_region_of_an_unclosed_bracket_reaches_the_end_of_its_statement():
    document = Document(text="def f(x):\n    y = [1,\n         x\n    return y\n")
    (problem,) = diagnose.find(document)

    assert context.regions_for(document, problem) == [
        Region(start=1, stop=2),
        Region(start=1, stop=3),
    ]


def test_a_large_file_gives_a_small_problem():
    text = "".join(f"x{i} = {i}\n" for i in range(20_000)) + "print(nope)\n"
    document = Document(text=text)
    (diagnostic,) = diagnose.find(document)
    problem = context.build_problem(document, diagnostic)

    assert problem.region.start == 20_000
    assert 80 <= len(problem.above) < 160


@pytest.mark.parametrize("flagged", [0, 3, 79, 80, 119, 160, 215, 299])
def test_the_window_is_the_same_for_places_near_each_other(flagged):
    lines = [f"value_{number} = {number}" for number in range(300)]
    document = Document(text="\n".join(lines))

    def window(line):
        found = Diagnostic(
            source="ruff", code="F821", message="m", span=Span(start_line=line, end_line=line)
        )
        problem = context.build_problem(document, found)
        assert problem.flagged == (lines[line],)
        return [*problem.above, *problem.flagged, *problem.below]

    shown = window(flagged)
    assert min(flagged, 80) <= shown.index(lines[flagged]) < 160
    assert min(299 - flagged, 20) <= len(shown) - shown.index(lines[flagged]) - 1 < 60
    begins = {
        window(line)[0] for line in range(flagged // 80 * 80, min(300, flagged // 80 * 80 + 80))
    }
    assert begins == {shown[0]}

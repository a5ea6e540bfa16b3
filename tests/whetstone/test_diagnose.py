"""Finding problems, and places in tracebacks."""

from __future__ import annotations

import pytest

from whetstone import context, diagnose
from whetstone.problem import Document, Region


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


TRACEBACK = """\
Traceback (most recent call last):
  File "{root}/main.py", line 3, in <module>
    run()
  File "{root}/lib/core.py", line 2, in run
    return {{}}["x"]
  File "/usr/lib/python3.11/json/__init__.py", line 9, in loads
    raise KeyError
KeyError: 'x'
"""


@pytest.fixture
def workspace(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "main.py").write_text("from lib import core\n\ncore.run()\n")
    (tmp_path / "lib" / "core.py").write_text('def run():\n    return {}["x"]\n')
    return tmp_path


def test_the_innermost_frame_inside_the_workspace_is_the_problem(workspace):
    located = diagnose.from_traceback(TRACEBACK.format(root=workspace), workspace)

    assert located.path == workspace / "lib" / "core.py"
    assert located.diagnostic.span.start_line == 1
    assert located.diagnostic.headline == "KeyError: 'x'"


def test_pytest_output_points_at_the_source_rather_than_the_test(workspace):
    (workspace / "test_core.py").write_text("from lib.core import run\n")
    output = "lib/core.py:2: KeyError\ntest_core.py:1: in test\nE   KeyError: 'x'\n"

    assert diagnose.from_traceback(output, workspace).path.name == "core.py"


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/hosts", "missing.py", "bad\0name.py"])
def test_a_traceback_cannot_name_files_outside(workspace, path):
    assert diagnose.from_traceback(f'  File "{path}", line 1, in x\n', workspace) is None


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
    assert len(problem.above) == 120

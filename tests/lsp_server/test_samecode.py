"""What counts as the same code."""

import pytest

from lsp_server.samecode import imports, same_code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["x = f(a, b)"], ["x = f(a,b)"]),
        (["x = f(a, b)"], ["x = f(", "    a,", "    b,", ")"]),
        (["x = 'a'"], ['x = "a"']),
        (["    return a and b"], ["    return (", "        a and b", "    )"]),
        (["if x:"], ["if  x :"]),
        (["else:"], ["else :"]),
        (["    'k': f(1, 2),"], ['    "k": f(', "        1,", "        2,", "    ),"]),
    ],
)
def test_a_formatters_reflow_is_the_same(one, other):
    assert same_code(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["x = f(a, b)"], ["x = f(b, a)"]),
        (["x = 1"], ["y = 1"]),
        (["x = 'a'"], ["x = 'b'"]),
        (["x = (1,)"], ["x = (1)"]),
        (["x = 1"], []),
        (["if x:"], ["if not x:"]),
    ],
)
def test_other_code_is_not(one, other):
    assert not same_code(one, other)


def test_imports_are_found_wherever_they_stand_and_however_they_are_written():
    text = [
        "import os, sys as s\n",
        "from a import (\n",
        "    b,\n",
        "    c as d,\n",
        ")\n",
        "x = 1\n",
    ]
    assert imports(text) == {
        ("os", "", ""),
        ("sys", "", "s"),
        ("a", "b", ""),
        ("a", "c", "d"),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (["from a import \\\n", "    b\n"], {("a", "b", "")}),
        (["import a\n", "import (\n"], {("a", "", "")}),
        (["    import a\n", "imports = 1\n"], set()),
        (["from . import x\n"], {(".", "x", "")}),
    ],
)
def test_imports_over_several_lines_broken_ones_and_none(text, expected):
    assert imports(text) == expected


def test_blank_lines_have_no_tokens():
    assert same_code(["", ""], ["", "", ""])
    assert not same_code([""], ["elif"])

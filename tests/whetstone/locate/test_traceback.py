"""Failures out of text, in every form that people paste."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from whetstone.locate import Frame, parse

PLAIN = """\
Traceback (most recent call last):
  File "/w/main.py", line 9, in <module>
    main()
  File "/w/lib/core.py", line 3, in run
    return {}["x"]
           ~~^^^^^
KeyError: 'x'
"""


def found(text):
    return [(f.kind, [(frame.path, frame.line) for frame in f.frames]) for f in parse(text)]


CORE = ("KeyError", [("/w/main.py", 8), ("/w/lib/core.py", 2)])


def test_a_plain_traceback():
    (failure,) = parse(PLAIN)
    assert failure.headline == "KeyError: 'x'"
    assert failure.frames[-1] == Frame(path="/w/lib/core.py", line=2, function="run")
    assert failure.text == PLAIN.strip()


@pytest.mark.parametrize(
    "prefix",
    ["2026-11-24 10:00:00,123 ERROR app: ", "web_1  | ", "[err] ", "I 10:00 [12] "],
)
def test_the_prefix_of_a_log_before_every_line(prefix):
    text = "".join(f"{prefix}{line}\n" for line in PLAIN.splitlines())
    (failure,) = parse(text)
    assert found(text) == [CORE]
    assert failure.message == "'x'"
    assert failure.text == PLAIN.strip()


def test_a_prefix_before_the_first_line_only():
    assert found("ERROR:root:" + PLAIN + "INFO:root:going on\n") == [CORE]


def test_colours_and_line_ends_of_windows():
    coloured = PLAIN.replace("File", "\x1b[35mFile\x1b[0m").replace("\n", "\r\n")
    assert found("\x1b]0;title\x07" + coloured) == [CORE]


def test_windows_paths():
    text = PLAIN.replace("/w/lib/core.py", "C:\\w\\lib dir\\core.py")
    assert found(text)[0][1][-1] == ("C:\\w\\lib dir\\core.py", 2)


def test_the_last_traceback_of_a_log_is_looked_at_first():
    other = PLAIN.replace("KeyError: 'x'", "ValueError: no")
    assert [kind for kind, _ in found(PLAIN + "\nsome line\n" + other)] == [
        "ValueError",
        "KeyError",
    ]


def run(code, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(code))
    done = subprocess.run([sys.executable, path], capture_output=True, text=True)
    return [(f.headline, f.frames[-1].line + 1, f.link) for f in parse(done.stderr)]


def test_a_cause_comes_before_what_was_raised_from_it(tmp_path):
    code = """\
        def load(x):
            return int(x)
        try:
            load("no")
        except ValueError as error:
            raise RuntimeError("wrapped") from error
        """
    assert [each[1:] for each in run(code, tmp_path)] == [(2, ""), (6, "cause")]


def test_what_fails_while_handling_comes_before_what_was_handled(tmp_path):
    code = """\
        try:
            {}["x"]
        except KeyError as error:
            error.nothing
        """
    assert [each[1:] for each in run(code, tmp_path)] == [(4, "context"), (2, "")]


def test_exception_groups(tmp_path):
    code = """\
        def one():
            raise ValueError("first")
        def two():
            raise TypeError("second")
        errors = []
        for each in (one, two):
            try:
                each()
            except Exception as error:
                errors.append(error)
        raise ExceptionGroup("both", errors)
        """
    headlines = {(headline, line) for headline, line, _ in run(code, tmp_path)}
    assert {("ValueError: first", 2), ("TypeError: second", 4)} <= headlines
    assert ("ExceptionGroup: both (2 sub-exceptions)", 11) in headlines


def test_a_syntax_error_names_its_own_file(tmp_path):
    (tmp_path / "broken.py").write_text("x = (1,\n")
    assert run("import broken\n", tmp_path) == [("SyntaxError: '(' was never closed", 1, "")]


def test_an_exception_of_the_users_own_without_a_telling_name(tmp_path):
    code = "class Oops(Exception):\n    pass\nraise Oops('so')\n"
    assert run(code, tmp_path) == [("Oops: so", 3, "")] or run(code, tmp_path) == [
        ("__main__.Oops: so", 3, "")
    ]


def test_a_bare_assertion_says_what_was_asserted(tmp_path):
    assert run("x = 1\nassert x == 2\n", tmp_path) == [("AssertionError: assert x == 2", 2, "")]


def test_recursion_that_repeats(tmp_path):
    ((headline, line, _),) = run("def f(n):\n    return f(n + 1)\nf(0)\n", tmp_path)
    assert headline.startswith("RecursionError")
    assert line == 2


TESTS = """\
import pytest
from core import divide, label

@pytest.mark.parametrize("n", [1, 0])
def test_divide(n):
    assert divide(1, n) == 1

def test_label():
    assert label("a") == "A"

def test_warns():
    import warnings
    warnings.warn("core.py:99: not a failure", UserWarning)
"""
CORE_PY = "def divide(a, b):\n    return a / b\n\ndef label(x):\n    return x\n"


@pytest.mark.parametrize("style", ["long", "short", "native", "line", "auto"])
@pytest.mark.parametrize("colour", ["yes", "no"])
def test_every_style_of_pytest(tmp_path, style, colour):
    (tmp_path / "test_core.py").write_text(TESTS)
    (tmp_path / "core.py").write_text(CORE_PY)
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q",
            f"--tb={style}", f"--color={colour}",
        ],
        capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    failures = parse(done.stdout)
    first, second = failures
    assert (first.kind, first.message) == ("ZeroDivisionError", "division by zero")
    assert first.frames[-1].path.endswith("core.py")
    assert first.frames[-1].line == 1
    assert second.kind == "AssertionError"
    assert second.frames[-1].path.endswith("test_core.py")
    assert second.frames[-1].line == 8
    if style != "line":
        assert first.test == "test_divide[0]"
        assert [f.line for f in first.frames if "core.py" in f.path] == [5, 1]
        assert 'label("a") == "A"' in second.text


def test_unittest_prints_plain_tracebacks(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n"
        "        self.assertEqual(1, 2)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "test_it"], capture_output=True, text=True, cwd=tmp_path
    )
    (failure,) = parse(done.stderr)
    assert failure.headline == "AssertionError: 1 != 2"
    assert (failure.frames[0].path.endswith("test_it.py"), failure.frames[0].line) == (True, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing to see\nKeyError: 'x'\n",
        "src/a.py:3: DeprecationWarning-like text: no\n",
        "a.py:3:5: F821 undefined name\n",
        "/lib/plugin.py:306: PytestDeprecationWarning: The option is unset.\n\n  warn(x)\n",
        "=== warnings summary ===\na.py:3\n  a.py:3: UserWarning: x\n",
        "\x1b[" * 1000,
        "Traceback (most recent call last):\n" * 5000,
        'File "' * 100_000,
        "_ " * 100_000,
        "E   " * 100_000,
    ],
)
def test_text_without_a_failure(text):
    assert parse(text) == []

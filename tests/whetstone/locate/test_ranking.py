from __future__ import annotations

from pathlib import Path

from whetstone.locate import Coverage, Spectrum, Workspace, rank, suspects
from whetstone.locate.coverage import Ran
from whetstone.problem import Document

TEXT = """\
import math

LIMIT = 3


def size(x, cache=[]):
    \"\"\"A docstring.\"\"\"
    y = x
    if y > LIMIT:
        y = y * 2 + 1
    return y


def unused(x):
    return x + 1
"""


def spectrum(failed, *lines):
    ran = {("a.py", line): Ran(times=1, last=number) for number, line in enumerate(lines)}
    return Spectrum(test="t", failed=failed, ran=ran)


def ranked(tmp_path, *spectra, output=""):
    path = tmp_path / "a.py"
    path.write_text(TEXT)
    document = Document(text=TEXT, path=path)
    found = suspects(document, output, tmp_path, Coverage(spectra=spectra), limit=20)
    return [each.span.start_line for each in found]


def test_lines_of_failing_tests_alone_come_first(tmp_path):
    lines = ranked(tmp_path, spectrum(True, 7, 8, 9, 10), spectrum(False, 7, 8, 10))
    assert lines[0] == 9
    assert set(lines[1:4]) == {7, 8, 10}
    assert lines.index(5) < lines.index(13)  # a mutable default before a function never entered
    assert 0 not in lines and 6 not in lines  # imports and docstrings are no suspects


def test_ochiai_is_what_the_paper_says(tmp_path):
    """ef 1 of nf 1, ep 3: 1 / sqrt(1 * 4) = 0.5: three passing tests halve a line."""
    path = tmp_path / "a.py"
    path.write_text("def f():\n    a = 1\n    b = 1\n")

    def order(passing):
        spectra = [spectrum(True, 2, 1), *[spectrum(False, 1)] * passing]
        document = Document(text=path.read_text(), path=path)
        found = suspects(document, "", tmp_path, Coverage(spectra=tuple(spectra)))
        return [each.span.start_line for each in found]

    assert order(0)[:2] == [1, 2]  # equal, but for the one that ran later
    assert order(3)[:2] == [2, 1]


def test_the_innermost_frame_comes_before_the_rest(tmp_path):
    output = '  File "a.py", line 8, in size\n    y = x\nKeyError: 1\n'
    assert ranked(tmp_path, spectrum(True, 7, 8, 9, 10), output=output)[0] == 7


def test_without_coverage_the_named_functions_are_looked_at(tmp_path):
    output = "test_a.py:2: in test\n    assert unused(1) == 1\nE   assert 2 == 1\n"
    assert ranked(tmp_path, output=output)[0] == 14


def test_a_frame_past_the_end_of_the_file_is_left_out(tmp_path):
    output = '  File "a.py", line 99, in size\nKeyError: 1\n'
    assert 98 not in ranked(tmp_path, output=output)


def test_several_files_and_no_tests(tmp_path):
    for name in ("a.py", "b.py", "test_a.py"):
        (tmp_path / name).write_text("def f(x):\n    return x + 1\n")
    ran = {(name, 1): Ran(times=1, last=0) for name in ("a.py", "b.py", "test_a.py")}
    other = {("a.py", 1): Ran(times=1, last=0)}
    coverage = Coverage(
        spectra=(
            Spectrum(test="t", failed=True, ran=ran),
            Spectrum(test="u", failed=False, ran=other),
        )
    )
    found = rank([], coverage, Workspace(root=tmp_path), lambda path: path.read_text())
    assert [each.path.name for each in found if each.line == 1] == ["b.py", "a.py"]
    assert found[0].diagnostic.message == "the test fails"


def test_reports_that_are_malformed_are_left_out():
    rows = [{}, {"test": 1, "files": []}, {"test": "t", "line": "x", "files": {}, "failed": 1},
            {"test": "t", "line": 0, "failed": True, "files": {"a.py": [[1, 1]]}}]  # fmt: skip
    assert Coverage.of(rows, lambda _: None).spectra == ()


def test_earlier_assertions_of_a_failing_test_count_as_passed():
    def context(line, ran):
        return {"test": "t", "file": "t.py", "line": line, "failed": True, "files": {"a.py": ran}}

    text = "def t():\n    x = f(1)\n    assert f(2)\n    assert f(\n        3)\n"
    rows = [context(2, [[1, 1, 1]]), context(3, [[2, 1, 2]]), context(4, [[3, 1, 3]]),
            context(5, [[4, 1, 4]])]  # fmt: skip
    failed, held = Coverage.of(rows, {"t.py": text}.get).spectra
    assert (failed.failed, sorted(failed.ran)) == (True, [("a.py", 0), ("a.py", 2), ("a.py", 3)])
    assert (held.failed, sorted(held.ran)) == (False, [("a.py", 1)])


def test_a_document_without_a_path_has_no_suspects():
    assert suspects(Document(text=""), "", Path()) == []

"""Problems that no diagnostic tool reports follow the text, and go when their lines change."""

from lsp_server.documents import OpenDocument
from lsp_server.extra import ExtraProblems
from lsp_server.problems import all_problems, problems_at
from lsp_server.text import Buffer
from whetstone.problem import Diagnostic, Span

URI = "file:///a.py"


def at(line, code="ZeroDivisionError", source="python"):
    span = Span(start_line=line, end_line=line, end_column=5)
    return Diagnostic(source=source, code=code, message="division by zero", span=span)


def lines(extra):
    return [each.diagnostic.span.start_line for each in extra.of(URI)]


def typed(extra, start, end, text, *, before="a\nb\nc\nd\ne\n"):
    extra.changed(URI, Buffer(before).replace(start, end, text))


def test_it_follows_edits_above_and_below():
    extra = ExtraProblems()
    extra.add(URI, at(2), failure="the output")
    typed(extra, (0, 0), (0, 0), "new\nlines\n")
    assert lines(extra) == [4]
    typed(extra, (4, 1), (4, 1), "!", before="new\nlines\na\nb\nd\nc\n")
    assert lines(extra) == []


def test_its_own_lines_drop_it_and_others_do_not():
    extra = ExtraProblems()
    for line in (1, 2, 3):
        extra.add(URI, at(line))
    typed(extra, (2, 0), (2, 1), "changed")
    assert lines(extra) == [1, 3]
    typed(extra, (0, 0), (1, 0), "")
    assert lines(extra) == [0, 2]


def test_the_newest_at_one_place_counts():
    extra = ExtraProblems()
    extra.add(URI, at(1), failure="old")
    kept = extra.add(URI, at(1), failure="new")
    extra.add(URI, at(1, code="KeyError"))
    assert [each.failure for each in extra.of(URI)] == ["new", ""]
    extra.remove(URI, kept)
    assert [each.diagnostic.code for each in extra.of(URI)] == ["KeyError"]
    extra.clear(URI)
    assert extra.of(URI) == []


def test_a_recursion_does_not_fill_the_memory():
    extra = ExtraProblems()
    for line in range(1000):
        extra.add(URI, at(line))
    assert len(extra.of(URI)) == 32 and lines(extra)[-1] == 999


def test_a_diagnostic_under_the_cursor_comes_before_what_a_failing_test_led_to():
    line = Span(start_line=0, end_line=0, end_column=21)
    name = Span(start_line=0, start_column=11, end_line=0, end_column=17)
    failing = Diagnostic(source="test", code="AssertionError", message="", span=line)
    extra = ExtraProblems()
    extra.add(URI, failing, test=lambda text: None)
    buffer = Buffer("    return lenght - 1\n")
    document = OpenDocument(uri=URI, version=1, language="python", buffer=buffer)
    undefined = Diagnostic(source="ruff", code="F821", message="", span=name)
    problems = all_problems(document, [undefined], [], extra.of(URI))

    def first(column):
        at = buffer.span((0, column), (0, column))
        return problems_at(document, at, problems)[0].diagnostic.code

    # 0 is where the cursor is put after the test was run.
    assert [first(0), first(12), first(20)] == ["AssertionError", "F821", "AssertionError"]

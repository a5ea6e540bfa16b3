"""Findings that follow the text until newer ones are there."""

import asyncio
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from lsprotocol import types as T

from lsp_server.documents import Documents
from lsp_server.findings import Findings, Followed
from lsp_server.text import Buffer
from whetstone.problem import Diagnostic, Span

URI = "file:///a.py"


def at(line):
    span = Span(start_line=line, end_line=line, end_column=3)
    return Diagnostic(source="ruff", code="F821", message=f"name {line}", span=span)


def lines(number):
    return Span(start_line=number, end_line=number)


def followed(*edits, found=(1, 3, 5)):
    buffer = Buffer("a\nb\nc\nd\ne\nf\n")
    followed = Followed(tuple(map(at, found)))
    for start, end, text in edits:
        followed.move(buffer.replace(start, end, text))
    return followed


def places(found):
    return [(each.span.start_line, each.message[-1]) for each in found]


def test_nothing_changed():
    assert places(followed().unless_typed_in(lines(3))) == [(1, "1"), (3, "3"), (5, "5")]


@pytest.mark.parametrize(
    ("edits", "asked", "expected"),
    [
        ([((0, 0), (0, 0), "x")], 3, [(1, "1"), (3, "3"), (5, "5")]),
        ([((0, 0), (0, 0), "x\ny\n")], 5, [(3, "1"), (5, "3"), (7, "5")]),
        ([((3, 0), (3, 0), "x")], 5, [(1, "1"), (5, "5")]),
        ([((2, 0), (4, 0), "")], 1, [(1, "1"), (3, "5")]),
        ([((5, 1), (5, 1), "x"), ((5, 2), (5, 2), "y")], 3, [(1, "1"), (3, "3")]),
    ],
)
def test_they_move_with_the_text_and_those_typed_over_go(edits, asked, expected):
    assert places(followed(*edits).unless_typed_in(lines(asked))) == expected


def test_what_was_typed_in_has_to_be_looked_at_again():
    typed = followed(((2, 0), (2, 0), "x"), ((4, 0), (4, 0), "y\n"))
    assert [typed.unless_typed_in(lines(n)) is None for n in range(7)] == [
        False, False, True, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.asyncio
async def test_a_text_opened_again_under_the_same_version_is_another_text():
    looking, go_on = threading.Event(), threading.Event()

    def find(document):
        if document.text == "old\n":
            looking.set()
            go_on.wait(30)
        return [replace(at(0), message=document.text)]

    documents = Documents()
    found = Findings(SimpleNamespace(find=find), documents, warn=print)

    def opened(text):
        documents.close(URI)
        found.forget(URI)
        item = T.TextDocumentItem(uri=URI, language_id="python", version=4, text=text)
        return documents.open(item)

    opened("old\n")
    old = asyncio.create_task(found.current(URI))
    await asyncio.to_thread(looking.wait, 30)
    opened("new\n")
    go_on.set()
    assert await old is None
    assert [each.message for each in await found.current(URI)] == ["new\n"]
    found.close()

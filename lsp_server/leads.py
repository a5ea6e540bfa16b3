"""Places that a failure leads to: shown, answered, and made problems with fixes.

The files need not be open. What is not open is read from the disk, through the same checks.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.uris import from_fs_path

from lsp_server.documents import OpenDocument
from lsp_server.problems import range_of
from lsp_server.text import Buffer, content

if TYPE_CHECKING:
    from lsp_server.server import WhetstoneServer
    from whetstone.engine.base import Cancel
    from whetstone.evidence import TestRunner
    from whetstone.locate import Place

_T = TypeVar("_T")
_MOST_ANSWERED = 20
MOST_PREPARED = 3


def texts(server: WhetstoneServer, root: Path) -> dict[Path, str]:
    """The text of every open Python file below `root`, saved or not."""
    documents = server.session.documents
    found = {}
    for uri in documents.uris():
        document = documents.python(uri)
        if document is not None and document.path is not None:
            path = document.path.resolve()
            if path.is_relative_to(root) and server.session.silence(document) is None:
                found[path] = document.buffer.text
    return found


def document_at(server: WhetstoneServer, path: Path) -> OpenDocument | None:
    """The open document of a file, else the file as it lies on the disk; None for neither."""
    from whetstone import source_file
    from whetstone.errors import UsageError

    documents = server.session.documents
    for uri in documents.uris():
        document = documents.python(uri)
        if document is not None and document.path and document.path.resolve() == path:
            return document
    try:
        text = source_file.read(path).document.text
    except UsageError:
        return None
    return OpenDocument(
        uri=from_fs_path(str(path)) or path.as_uri(),
        version=-1,
        language="python",
        buffer=Buffer(text, documents.encoding),
    )


def fitted(place: Place, document: OpenDocument) -> Place | None:
    """The place with a range that ends where its line ends; None when there is no such line."""
    lines = document.buffer.lines
    if place.line >= len(lines):
        return None
    span = dataclasses.replace(
        place.diagnostic.span, end_column=len(content(lines[place.line])), end_line=place.line
    )
    diagnostic = dataclasses.replace(place.diagnostic, span=span)
    return dataclasses.replace(place, diagnostic=diagnostic)


async def lead(
    server: WhetstoneServer,
    places: Sequence[Place],
    *,
    prepare: int = MOST_PREPARED,
    judge: Callable[[Place], TestRunner] | None = None,
) -> list[dict[str, Any]]:
    """Register the first places as problems, show the first one, and answer them all.

    A failing assertion in a test is shown, but changing it would mend nothing.
    """
    located: list[tuple[Place, OpenDocument]] = []
    for place in places[:_MOST_ANSWERED]:
        document = await asyncio.to_thread(document_at, server, place.path)
        fitting = fitted(place, document) if document is not None else None
        if document is not None and fitting is not None:
            located.append((fitting, document))
    prepared = [each for each in located if not _asserts_in_test(each[0])][:prepare]
    for place, document in prepared:
        server.session.extra.add(
            document.uri,
            place.diagnostic,
            failure=place.failure,
            test=judge(place) if judge is not None else None,
        )
    for uri in dict.fromkeys(document.uri for _, document in prepared):
        server.session.extras_changed(uri)
    answers = [_answer(server, place, document) for place, document in located]
    if answers:
        await _show(server, answers[0])
    return answers


def _asserts_in_test(place: Place) -> bool:
    from whetstone.locate.places import is_test

    return is_test(place.path) and place.diagnostic.code == "AssertionError"


def _answer(server: WhetstoneServer, place: Place, document: OpenDocument) -> dict[str, Any]:
    """`key` is empty while the document is not open, or the place is no problem."""
    problems = server.session.problems(document) if document.version >= 0 else []
    at = [each for each in problems if each.diagnostic.span.start_line == place.line]
    exact = [each for each in at if each.diagnostic == place.diagnostic]
    return {
        "uri": document.uri,
        "range": range_of(document, place.diagnostic.span),
        "message": place.diagnostic.headline,
        "key": next((each.key for each in [*exact, *at]), ""),
    }


async def _show(server: WhetstoneServer, answer: dict[str, Any]) -> None:
    """The cursor stands before the place; nothing is selected that a key would write over."""
    if server.session.client.shows_documents:
        start = answer["range"].start
        at = types.Range(start=start, end=start)
        await server.window_show_document_async(
            types.ShowDocumentParams(uri=answer["uri"], take_focus=True, selection=at)
        )


async def cancellable(work: Callable[[], _T], cancel: Cancel) -> _T:
    """Run `work` in a thread; when the task is cancelled, `cancel` is set and the end awaited."""
    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        cancel.set()
        await asyncio.wait([running])
        running.exception()  # read, so that nobody complains: it says that it was cancelled
        raise

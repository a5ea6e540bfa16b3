"""A client that behaves like a given editor, in front of a real server process."""

import asyncio
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Union

from lsprotocol import types as T
from pygls.uris import to_fs_path
from pytest_lsp import LanguageClient, make_test_lsp_client

from whetstone.paths import atomic_write_text
from whetstone.preferences.store import PreferenceStore

VSCODE, NEOVIM, EMACS = "visual_studio_code", "neovim@v0.11", "emacs"
BUG = "def area(length, width):\n    return lenght * width\n"


def replace(*lines):
    """An answer in the chat format that replaces the flagged lines."""
    return "REPLACE\n```python\n" + "".join(line + "\n" for line in lines) + "```"


FIX = replace("    return length * width")
OTHER = replace("    return width * width")


def new_client() -> LanguageClient:
    """pytest-lsp's client, which takes code actions that carry a command for commands."""
    client = make_test_lsp_client()
    converter = client.protocol._converter

    def action_or_command(value, _):
        is_command = isinstance(value.get("command"), str)
        return converter.structure(value, T.Command if is_command else T.CodeAction)

    union = Union[T.Command, T.CodeAction]  # noqa: UP007 - the hook is found by this very type
    converter.register_structure_hook(union, action_or_command)
    client.registered = []

    @client.feature(T.CLIENT_REGISTER_CAPABILITY)
    def register(params: T.RegistrationParams) -> None:
        client.registered += [each.method for each in params.registrations]

    return client


class Editor:
    """One editor with one server: documents with versions, and what the server sent."""

    def __init__(self, client, root, data, config):
        self.client: LanguageClient = client
        self.root: Path = root
        self.data: Path = data
        self.config_path: Path = config
        self.sent = {"whetstone/status": [], "whetstone/fixes": []}  # what the server told
        self.begin("t")

    def begin(self, case):
        """Start a test: its documents are called `case`_NAME, and only they count."""
        self.case = case
        self.whole = False  # send the whole document with every change
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.refuses = ""  # why this editor applies no edits
        for told in self.sent.values():
            told.clear()
        self.lens_refreshes = 0
        self.asked: list[str] = []  # questions of the server, and the button that answers them
        self.answer: str | None = None
        self.client.messages.clear()
        self.client.progress_reports.clear()

    def listen(self):
        """Take what the server sends beyond what pytest-lsp knows."""

        def take(method):
            @self.client.feature(method)
            def told(params) -> None:
                self.sent[method].append(plain(params))

        for method in self.sent:
            take(method)

        @self.client.feature(T.WINDOW_SHOW_MESSAGE_REQUEST)
        def ask(params: T.ShowMessageRequestParams) -> T.MessageActionItem | None:
            self.asked.append(params.message)
            assert self.answer is None or self.answer in [each.title for each in params.actions]
            return None if self.answer is None else T.MessageActionItem(title=self.answer)

        @self.client.feature(T.WORKSPACE_CODE_LENS_REFRESH)
        def refresh(_: None) -> None:
            self.lens_refreshes += 1

    # -- documents --------------------------------------------------------------------------

    def path(self, name="a.py"):
        return self.root / f"{self.case}_{name}"

    def uri(self, name="a.py"):
        return self.path(name).as_uri()

    def open(self, text=BUG, name="a.py", language="python"):
        uri = self.uri(name)
        self.versions[uri], self.texts[uri] = 1, text
        self.path(name).write_text(text, encoding="utf-8", newline="")
        os.utime(self.path(name), (0, 0))  # written long ago
        item = T.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)
        self.client.text_document_did_open(T.DidOpenTextDocumentParams(text_document=item))
        return uri

    def change(self, uri, text):
        """Replace the whole document."""
        self.versions[uri] += 1
        self.texts[uri] = text
        self._changed(uri, [T.TextDocumentContentChangeWholeDocument(text=text)])

    def edit(self, uri, start, end, new):
        """An incremental change; positions are (line, character), ASCII only."""
        self.edits(uri, [(start, end, new)])

    def edits(self, uri, edits):
        """Several changes in one notification, as of several cursors; each after the one before."""
        changes = []
        for start, end, new in edits:
            text = self.texts[uri]
            lines = text.splitlines(keepends=True)
            offset = [sum(map(len, lines[:line])) + char for line, char in (start, end)]
            self.texts[uri] = text[: offset[0]] + new + text[offset[1] :]
            span = T.Range(T.Position(*start), T.Position(*end))
            changes.append(T.TextDocumentContentChangePartial(range=span, text=new))
        self.versions[uri] += 1
        self._changed(uri, changes)

    def _changed(self, uri, changes):
        if self.whole:
            changes = [T.TextDocumentContentChangeWholeDocument(text=self.texts[uri])]
        self.client.text_document_did_change(
            T.DidChangeTextDocumentParams(
                text_document=T.VersionedTextDocumentIdentifier(
                    uri=uri, version=self.versions[uri]
                ),
                content_changes=changes,
            )
        )

    def reopen(self, uri, text=None, *, name=None):
        """Close the document and open it again: reloaded from the disk, or under another name."""
        text = self.texts[uri] if text is None else text
        self.close(uri)
        if name:
            uri = self.uri(name)
            self.write(uri, text)
        self.versions[uri], self.texts[uri] = 1, text
        item = T.TextDocumentItem(uri=uri, language_id="python", version=1, text=text)
        self.client.text_document_did_open(T.DidOpenTextDocumentParams(text_document=item))
        return uri

    def save(self, uri):
        self.write(uri)
        self.client.text_document_did_save(
            T.DidSaveTextDocumentParams(T.TextDocumentIdentifier(uri=uri), text=self.texts[uri])
        )

    def write(self, uri, text=None):
        """Put the document's text, or another one, on the disk without telling the server."""
        path = Path(to_fs_path(uri))
        path.write_text(self.texts[uri] if text is None else text, encoding="utf-8", newline="")

    def close_all(self):
        process = self.client._server
        if process is not None and process.returncode is None and not self.client.stopped:
            for uri in list(self.texts):
                self.close(uri)

    def close(self, uri):
        self.texts.pop(uri)
        self.client.text_document_did_close(
            T.DidCloseTextDocumentParams(text_document=T.TextDocumentIdentifier(uri=uri))
        )

    def apply(self, edit: T.WorkspaceEdit):
        """What an editor does with an edit: every change of one document at once."""
        if edit.document_changes:
            [change] = edit.document_changes
            uri, edits = change.text_document.uri, change.edits
            assert change.text_document.version == self.versions[uri]
        else:
            [(uri, edits)] = edit.changes.items()
        for each in sorted(edits, key=lambda e: e.range.start, reverse=True):
            start, end = each.range.start, each.range.end
            self.edit(uri, (start.line, start.character), (end.line, end.character), each.new_text)

    # -- requests ---------------------------------------------------------------------------

    def actions(self, uri, line=1, column=11, *, diagnostics=(), only=None, trigger=None, end=None):
        span = T.Range(T.Position(line, column), T.Position(*(end or (line, column))))
        return self.client.text_document_code_action_async(
            T.CodeActionParams(
                text_document=T.TextDocumentIdentifier(uri=uri),
                range=span,
                context=T.CodeActionContext(
                    diagnostics=list(diagnostics), only=only, trigger_kind=trigger
                ),
            )
        )

    async def fixes(self, uri, line=1, **kwargs):
        """Actions about one problem, with an edit or to resolve, without the rejections."""
        found = await self.actions(uri, line, **kwargs)
        others = ("reject", "fix all")
        return [action for action in found if not any(word in action.title for word in others)]

    async def findings(self, uri):
        """Wait until the server has looked at the document as it is now."""
        await self.client.text_document_diagnostic_async(
            T.DocumentDiagnosticParams(text_document=T.TextDocumentIdentifier(uri=uri))
        )

    def resolve(self, action):
        return self.client.code_action_resolve_async(action)

    async def resolved(self, uri, line=1):
        [action] = await self.fixes(uri, line)
        return await self.resolve(action)

    def command(self, name, *arguments):
        return self.client.workspace_execute_command_async(
            T.ExecuteCommandParams(command=name, arguments=list(arguments))
        )

    async def lenses(self, uri):
        """{title: (first line, command)} of the document's code lenses."""
        document = T.TextDocumentIdentifier(uri=uri)
        found = await self.client.text_document_code_lens_async(T.CodeLensParams(document))
        return {lens.command.title: (lens.range.start.line, lens.command) for lens in found}

    async def ask(self, name, *arguments):
        """A command's answer as plain JSON."""
        return plain(await self.command(name, *arguments))

    def fixes_of(self, uri):
        """The last `whetstone/fixes` about a document; None before the first."""
        told = [each for each in self.sent["whetstone/fixes"] if each["uri"] == uri]
        return told[-1] if told else None

    async def ready(self, uri, count=1):
        """The fixes of a document as soon as so many are ready."""

        def ready():
            fixes = (self.fixes_of(uri) or {}).get("fixes", [])
            return [fix for fix in fixes if fix["state"] == "ready"]

        await until(lambda: len(ready()) >= count)
        return ready()

    async def take(self, action):
        """Apply an action as editors do: the edit, then the command."""
        self.apply(action.edit)
        return await self.command(action.command.command, *action.command.arguments)

    # -- what happened ----------------------------------------------------------------------

    def configure(self, **config):
        atomic_write_text(self.config_path, json.dumps(config))

    def store(self):
        return PreferenceStore.open(self.data / "preferences.db")

    def settled(self):
        """(outcome, pairs) of this test's settled suggestions, oldest first."""
        if not (self.data / "preferences.db").exists():
            return []
        with self.store() as store:
            mine = [s for s in store.suggestions() if s.file.startswith(self.case + "_")]
            found = [(s.outcome, store.get(s.id).pairs) for s in mine if s.outcome is not None]
            return [(str(outcome), pairs) for outcome, pairs in reversed(found)]

    def events(self):
        """Everything that was noted of this test's suggestions."""
        with self.store() as store:
            mine = [s for s in store.suggestions() if s.file.startswith(self.case + "_")]
            return [event for s in mine for event in store.get(s.id).events]

    async def outcomes(self, count=1):
        """The outcomes as soon as there are `count` of them."""
        await until(lambda: len(self.settled()) >= count)
        return [outcome for outcome, _ in self.settled()]

    def pairs(self):
        return [
            (pair.source, pair.chosen and pair.chosen.lines, pair.rejected and pair.rejected.lines)
            for _, pairs in self.settled()
            for pair in pairs
        ]

    def messages(self):
        return [message.message for message in self.client.messages]


def plain(value):
    """JSON again, from the objects that pygls makes of it."""
    if hasattr(value, "_asdict"):
        return {key: plain(each) for key, each in value._asdict().items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return value


async def until(condition, *, timeout_s=30.0):
    """Wait until `condition()` holds; fails the test when it does not."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while not condition():
        assert loop.time() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


def fields(answer):
    """A command's answer with its keys as attributes."""
    return json.loads(json.dumps(plain(answer)), object_hook=lambda each: SimpleNamespace(**each))

"""Files that were renamed or rewritten outside of a document: suggestions follow, verdicts look."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

_PYTHON = [
    types.FileOperationFilter(
        scheme="file", pattern=types.FileOperationPattern(glob="**/*.{py,pyi,pyw}")
    ),
    types.FileOperationFilter(
        scheme="file",
        pattern=types.FileOperationPattern(
            glob="**", matches=types.FileOperationPatternKind.Folder
        ),
    ),
]


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.feature(
        types.WORKSPACE_DID_RENAME_FILES, types.FileOperationRegistrationOptions(filters=_PYTHON)
    )
    @guarded()
    def did_rename_files(params: types.RenameFilesParams) -> None:
        for file in params.files:
            session.settling.renamed(file.old_uri, file.new_uri)

    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    @guarded()
    def did_change_watched_files(params: types.DidChangeWatchedFilesParams) -> None:
        for change in params.changes:
            session.settling.changed_on_disk(change.uri)


@guarded()  # a client that promised more than it does is served all the same
async def watch(server: WhetstoneServer) -> None:
    """Ask to be told when Python files change on the disk."""
    if not server.session.client.watches_files:
        return
    watcher = types.FileSystemWatcher(glob_pattern="**/*.{py,pyi,pyw}")
    registration = types.Registration(
        id="whetstone-files",
        method=types.WORKSPACE_DID_CHANGE_WATCHED_FILES,
        register_options=types.DidChangeWatchedFilesRegistrationOptions(watchers=[watcher]),
    )
    await server.client_register_capability_async(
        types.RegistrationParams(registrations=[registration])
    )

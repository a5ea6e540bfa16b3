"""Settings: initializationOptions, workspace/didChangeConfiguration, workspace/configuration, and
the folders that have settings of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lsprotocol import types

from lsp_server.documents import path_of
from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

SECTION = "whetstone"


def register(server: WhetstoneServer) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    @guarded()
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        await refresh(server, params.settings)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    @guarded()
    async def did_change_folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        added = _paths(params.event.added)
        _take(server, server.session.folders.change(added, _paths(params.event.removed)))
        if server.session.client.pulls_configuration:
            await refresh(server, None)


def sent(params: types.InitializeParams) -> dict[str, Any] | None:
    """The options of `initialize`, which may be any JSON."""
    options = params.initialization_options
    return options if isinstance(options, dict) else None


async def start(server: WhetstoneServer) -> None:
    """After the handshake: ask to be told of changes, and ask for what is set now."""
    if server.session.client.registers_configuration:
        await _register(server)
    if server.session.client.pulls_configuration:
        await refresh(server, None)


@guarded()  # a client that promised more than it does still gets its settings read
async def _register(server: WhetstoneServer) -> None:
    registration = types.Registration(
        id="whetstone-configuration", method=types.WORKSPACE_DID_CHANGE_CONFIGURATION
    )
    await server.client_register_capability_async(
        types.RegistrationParams(registrations=[registration])
    )


async def refresh(server: WhetstoneServer, pushed: Any) -> None:
    """Take pushed settings, or pull them where the client wants to be asked."""
    folders = server.session.folders
    if not server.session.client.pulls_configuration:
        _take(server, folders.configure(pushed if isinstance(pushed, dict) else None))
        return
    asked = list(folders.roots)
    answers = await _pull(server, asked) or []
    answers = [answer if isinstance(answer, dict) else None for answer in answers]
    common, scoped = answers[:1], answers[1:]
    by_root = dict(zip(asked, scoped, strict=False))
    _take(server, folders.configure(common[0] if common else None, by_root))


def _take(server: WhetstoneServer, problems: list[str]) -> None:
    """Settings were read again."""
    for problem in problems:
        server.session.warn(problem)
    server.refresh_all()


@guarded()
async def _pull(server: WhetstoneServer, roots: list[Path]) -> Any:
    """The settings without a scope, then those of every folder."""
    scopes = [None, *(root.as_uri() for root in roots)]
    items = [types.ConfigurationItem(section=SECTION, scope_uri=scope) for scope in scopes]
    return await server.workspace_configuration_async(types.ConfigurationParams(items=items))


def _paths(folders: Sequence[types.WorkspaceFolder]) -> list[Path]:
    paths = [path_of(folder.uri) for folder in folders]
    return [path for path in paths if path is not None]

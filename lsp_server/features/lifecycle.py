"""initialize, initialized, shutdown."""

from __future__ import annotations

from lsprotocol import types

from lsp_server.client import Client
from lsp_server.documents import path_of
from lsp_server.features import configuration, files
from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer
from lsp_server.text import Encoding

_ENCODINGS: dict[str, Encoding] = {"utf-8": "utf-8", "utf-16": "utf-16", "utf-32": "utf-32"}


def register(server: WhetstoneServer) -> None:
    session = server.session

    @server.feature(types.INITIALIZE)
    @guarded()
    def initialize(params: types.InitializeParams) -> None:
        server.started()
        encoding = server.workspace.position_encoding or "utf-16"
        session.documents.encoding = _ENCODINGS[getattr(encoding, "value", encoding)]
        session.client = Client.of(params)
        folders = [folder.uri for folder in params.workspace_folders or []]
        paths = [path_of(uri) for uri in folders or [params.root_uri or ""]]
        roots = [path for path in paths if path is not None]
        for problem in session.folders.start(roots, configuration.sent(params)):
            session.warn(problem)

    @server.feature(types.INITIALIZED)
    @guarded()
    async def initialized(_: types.InitializedParams) -> None:
        await configuration.start(server)
        await files.watch(server)
        session.warm_up()

    @server.feature(types.SHUTDOWN)
    @guarded()
    def shutdown(_: None) -> None:
        # Not answered before every outcome is on the disk: editors kill soon after. It may block
        # the event loop, because nothing else is served any more.
        session.close()

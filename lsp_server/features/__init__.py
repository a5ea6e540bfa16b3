"""One module for each protocol feature. Handlers translate; the core decides."""

from __future__ import annotations

from lsp_server.features import (
    code_action,
    commands,
    configuration,
    diagnostics,
    lifecycle,
    resolve,
    sync,
)
from lsp_server.server import WhetstoneServer


def register_all(server: WhetstoneServer) -> None:
    for feature in (lifecycle, configuration, sync, diagnostics, code_action, resolve, commands):
        feature.register(server)

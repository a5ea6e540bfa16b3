"""One module for each protocol feature. Handlers translate; the core decides."""

from __future__ import annotations

from lsp_server.features import (
    candidates,
    code_action,
    code_lens,
    commands,
    configuration,
    diagnostics,
    files,
    fix_all,
    lifecycle,
    preferences,
    resolve,
    retrain,
    switching,
    sync,
    tests,
    traceback,
)
from lsp_server.server import WhetstoneServer


def register_all(server: WhetstoneServer) -> None:
    for feature in (
        lifecycle,
        configuration,
        sync,
        files,
        diagnostics,
        code_action,
        resolve,
        commands,
        candidates,
        code_lens,
        fix_all,
        switching,
        tests,
        traceback,
        retrain,
        preferences,
    ):
        feature.register(server)

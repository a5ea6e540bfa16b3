"""Starts real server processes with a scripted engine."""

import json
import os
import sys
from pathlib import Path

import pytest_asyncio
from lsprotocol import types as T
from pytest_lsp import client_capabilities

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from lsp_editor import FIX, OTHER, VSCODE, Editor, new_client

SERVER = Path(__file__).with_name("scripted_server.py")


@pytest_asyncio.fixture
async def start(tmp_path):
    """Start editors: `await start(VSCODE, answers=[...], options={...})`."""
    editors = []

    async def begin(
        profile=VSCODE, *, options=None, encodings=None, change=None, configuration=None,
        answers=(("lenght", (FIX, OTHER)),), **config,
    ):  # fmt: skip
        number = len(editors)
        root, data = tmp_path / f"work{number}", tmp_path / "data"
        root.mkdir()
        config_path = tmp_path / f"config{number}.json"
        config_path.write_text(json.dumps({"answers": answers, **config}), encoding="utf-8")
        client = new_client()
        editor = Editor(client, root, data, config_path)

        @client.feature(T.WORKSPACE_APPLY_EDIT)
        def apply_edit(params: T.ApplyWorkspaceEditParams) -> T.ApplyWorkspaceEditResult:
            editor.applied_edits.append(params)
            editor.apply(params.edit)
            return T.ApplyWorkspaceEditResult(applied=True)

        env = {**os.environ, "WHETSTONE_DATA": str(data), "OMP_NUM_THREADS": "1"}
        await client.start_io(sys.executable, str(SERVER), str(config_path), env=env)
        editors.append(editor)
        capabilities = client_capabilities(profile)
        if encodings:
            capabilities.general = capabilities.general or T.GeneralClientCapabilities()
            capabilities.general.position_encodings = encodings
        if change:
            change(capabilities)
        if configuration is not None:
            client.set_configuration({"whetstone": configuration})
        editor.initialized = await client.initialize_session(
            T.InitializeParams(
                capabilities=capabilities,
                root_uri=root.as_uri(),
                initialization_options=options,
                client_info=T.ClientInfo(name=profile.partition("@")[0]),
            )
        )
        return editor

    yield begin
    for editor in editors:
        if editor.client._server and editor.client._server.returncode is None:
            await editor.client.shutdown_session()
        await editor.client.stop()

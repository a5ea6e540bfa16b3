"""Real server processes with a scripted engine, kept from one test to the next where that is safe.

A test names its documents after itself, so tests that share a server share nothing else.
"""

import itertools
import json
import os
import sys
from pathlib import Path

import pytest_asyncio
from lsp_editor import EMACS, FIX, NEOVIM, OTHER, VSCODE, Editor, new_client
from lsprotocol import types as T
from pytest_lsp import client_capabilities

SERVER = Path(__file__).with_name("scripted_server.py")
NAMES = {VSCODE: "Visual Studio Code", NEOVIM: "Neovim", EMACS: "Emacs"}
ANSWERS = (("lenght", (FIX, OTHER)),)
# What a menu holds would depend on how quick the machine is; test_preparing.py switches it on.
NOTHING_PREPARED = {"WHETSTONE_PREPARE_ENABLED": "false"}
numbers = itertools.count()


class Pool:
    """Starts servers, and hands out one that is already running."""

    def __init__(self, folder):
        self.folder = folder
        self.kept = {}

    async def start(
        self, profile, *, options, encodings, change, configuration, data, command=None, env=None
    ):
        number = next(numbers)
        root = self.folder / f"work{number}"
        root.mkdir()
        editor = Editor(
            new_client(), root, data or self.folder / f"data{number}", self.folder / f"c{number}"
        )
        editor.configure(answers=ANSWERS)
        editor.begin(f"t{number}")  # from here on nothing that the server says is forgotten
        client = editor.client

        @client.feature(T.WORKSPACE_APPLY_EDIT)
        def apply_edit(params: T.ApplyWorkspaceEditParams) -> T.ApplyWorkspaceEditResult:
            if editor.refuses:
                return T.ApplyWorkspaceEditResult(applied=False, failure_reason=editor.refuses)
            editor.apply(params.edit)
            return T.ApplyWorkspaceEditResult(applied=True)

        editor.listen()

        own = {"WHETSTONE_DATA": str(editor.data), "OMP_NUM_THREADS": "1"}
        own |= {"WHETSTONE_SETTLE_S": "0", **NOTHING_PREPARED, **(env or {})}
        command = command or [sys.executable, str(SERVER), str(editor.config_path)]
        await client.start_io(*command, env={**os.environ, **own})
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
                client_info=T.ClientInfo(name=NAMES[profile]),
            )
        )
        return editor

    async def stop(self, editor):
        process = editor.client._server
        if process is not None and process.returncode is None:
            await editor.client.shutdown_session()
        await editor.client.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pool(tmp_path_factory):
    pool = Pool(tmp_path_factory.mktemp("servers"))
    yield pool
    for editor in pool.kept.values():
        await pool.stop(editor)


@pytest_asyncio.fixture(loop_scope="session")
async def start(pool):
    """Editors: `await start(VSCODE, answers=[...], options={...})`; `fresh` for one of its own."""
    used, own = [], []

    async def begin(
        profile=VSCODE, *, options=None, encodings=None, change=None, configuration=None,
        data=None, fresh=False, command=None, env=None, answers=ANSWERS, **config,
    ):  # fmt: skip
        key = (profile, json.dumps([options, encodings, configuration]))
        alone = fresh or command is not None or data is not None or change is not None
        editor = None if alone else pool.kept.get(key)
        if editor is not None:
            editor.begin(f"t{next(numbers)}")
        else:
            editor = await pool.start(
                profile, options=options, encodings=encodings, change=change,
                configuration=configuration, data=data, command=command, env=env,
            )  # fmt: skip
            if alone:
                own.append(editor)
            else:
                pool.kept[key] = editor
        editor.configure(answers=answers, **config)
        used.append(editor)
        return editor

    yield begin
    for editor in used:
        editor.close_all()
    for editor in own:
        await pool.stop(editor)


@pytest_asyncio.fixture(loop_scope="session")
async def shared(start):
    """An editor like VS Code, with the answers of most tests."""
    return await start(VSCODE)

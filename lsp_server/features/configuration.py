"""Settings: initializationOptions, workspace/didChangeConfiguration, workspace/configuration."""

from __future__ import annotations

from typing import Any

from lsprotocol import types

from lsp_server.features.guard import guarded
from lsp_server.server import WhetstoneServer

SECTION = "whetstone"


def register(server: WhetstoneServer) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    @guarded()
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        await refresh(server, params.settings)


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


async def refresh(server: WhetstoneServer, sent: Any) -> None:
    """Take pushed settings, or pull them where the client wants to be asked."""
    if server.session.client.pulls_configuration:
        sent = await _pull(server)
    if server.session.configure(sent if isinstance(sent, dict) else None):
        server.publisher.refresh_all()


@guarded()
async def _pull(server: WhetstoneServer) -> Any:
    item = types.ConfigurationItem(section=SECTION)
    answer = await server.workspace_configuration_async(types.ConfigurationParams(items=[item]))
    return answer[0] if answer else None

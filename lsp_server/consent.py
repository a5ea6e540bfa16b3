"""The user's word, asked for before tests of their workspace are run."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lsprotocol import types

if TYPE_CHECKING:
    from lsp_server.server import WhetstoneServer
    from whetstone.settings import Settings

log = logging.getLogger(__name__)

ONCE, ALWAYS, NO = "Run once", "Always in this workspace", "No"
REFUSED = "running this workspace's tests was not allowed"

Word = Literal["no", "once", "always"]


async def ask(server: WhetstoneServer, root: Path, settings: Settings) -> Word:
    """Whether tests of the workspace `root` may run; "always" is remembered outside of it."""
    from whetstone.testing.consent import may_run

    if await asyncio.to_thread(may_run, settings, root):
        return "always"
    answer = await server.window_show_message_request_async(
        types.ShowMessageRequestParams(
            type=types.MessageType.Warning,
            message=f"Whetstone: Run tests of {root.name} in the sandbox? They run this project's "
            "code.",
            actions=[types.MessageActionItem(title=title) for title in (ONCE, ALWAYS, NO)],
        )
    )
    title = answer.title if answer is not None else NO
    if title == ALWAYS:
        await _remember(server, root)
        return "always"
    return "once" if title == ONCE else "no"


async def _remember(server: WhetstoneServer, root: Path) -> None:
    from whetstone.errors import WhetstoneError
    from whetstone.testing.consent import Consents

    try:
        await asyncio.to_thread(lambda: Consents().give(root))
    except (OSError, WhetstoneError) as error:
        server.warn(f"Your answer could not be stored ({error}); you will be asked again.")

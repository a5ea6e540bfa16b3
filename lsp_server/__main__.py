"""The entry point: what lsp_server/cli.py does, started quickly."""

from __future__ import annotations

import gc
import sys

from whetstone.lean import without


def main() -> int:
    # Importing makes many objects and no garbage: looking for some takes a tenth of the start.
    # `serve` turns the collector on again.
    gc.disable()
    with without("ssl"):  # for streams over TLS, of which there are none here
        import asyncio  # noqa: F401
    from lsp_server.cli import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())

"""whetstone-lsp: the language server.

whetstone-lsp                          on standard input and output, as editors start it
whetstone-lsp --tcp 127.0.0.1:7777     on a socket, for one client
"""

from __future__ import annotations

import argparse
import gc
import ipaddress
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsp_server.log import configure
from lsp_server.parts import Parts
from lsp_server.server import WhetstoneServer, create_server
from whetstone import __version__
from whetstone.errors import UsageError, WhetstoneError
from whetstone.settings import Settings, load_settings

if TYPE_CHECKING:
    from whetstone.confidence import Choice
    from whetstone.models import Registry
    from whetstone.preferences.taken import Rewrites


_SWITCH_S = 0.0005


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, build, serve. Errors meant for the user are one line on stderr."""
    options = _parse(arguments)
    try:
        configure(options.log_file)
        address = _address(options.tcp, allow_remote=options.allow_remote) if options.tcp else None
        serve(create_server(real_parts()), address)
    except WhetstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def serve(server: WhetstoneServer, address: tuple[str, int] | None = None) -> None:
    """Run until the client is gone; whatever ends it, what was chosen is written down first."""
    # A thread that computes gives up the interpreter this often: the event loop waits that long.
    sys.setswitchinterval(_SWITCH_S)
    gc.freeze()  # what was imported stays: no collection looks at it again
    gc.enable()
    _on_terminate(server)
    try:
        if address is None:
            server.start_io()
        else:
            server.start_tcp(*address)
    except OSError as error:
        where = f"{address[0]}:{address[1]}" if address else "stdio"
        raise UsageError(f"{where}: cannot serve there ({error.strerror or error}).") from error
    except KeyboardInterrupt:
        pass
    finally:
        server.session.close()


def real_parts() -> Parts:
    """The product's own parts. What is heavy is imported in the thread that first needs it."""
    return Parts(
        load_engine=_load_engine,
        adapt=_adapt,
        model_stamp=lambda: _registry().active_stamp(),
        make_fixer=_make_fixer,
        warm_up=_warm_up,
        find=_find,
        open_store=_open_store,
        load_settings=_load_settings,
        has_store=_has_store,
        choices=_choices,
    )


def _load_engine(settings: Settings) -> Any:
    from whetstone.engine.load import load_engine

    return load_engine(settings, _registry())


def _adapt(engine: Any, settings: Settings) -> bool:
    from whetstone.engine.load import adapt

    return adapt(engine, settings, _registry())


@cache
def _registry() -> Registry:
    """One for the process: it remembers which files it has checked."""
    from whetstone.models import Registry

    return Registry()


def _make_fixer(engine: Any, settings: Settings, beside: bool) -> Any:
    from whetstone.fixer import Fixer

    learned = _rewrites().now() if settings.analogies else ()
    return Fixer(engine, settings, learned=learned, prove_beside=beside)


@cache
def _rewrites() -> Rewrites:
    """One for the process: only the model's thread asks it."""
    from whetstone.preferences.taken import Rewrites

    return Rewrites()


def _warm_up(settings: Settings) -> None:
    """In the order in which a first fix needs it: the model can load while the rest goes on."""
    gc.disable()  # as at the start
    try:
        from whetstone.engine import load  # noqa: F401

        if settings.engine == "llama":
            with suppress(ImportError, OSError, RuntimeError):  # told when a model is to be loaded
                from whetstone.engine import llama  # noqa: F401
        from whetstone import fixer  # noqa: F401
        from whetstone.preferences import judged, taken  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def _find(document: Any) -> Any:
    from whetstone import diagnose

    return diagnose.find(document)


def _open_store(settings: Settings) -> Any:
    from whetstone.preferences.store import PreferenceStore

    return PreferenceStore.open(ignore_globs=settings.ignore_globs)


def _has_store() -> bool:
    from whetstone.paths import preferences_path

    try:
        return preferences_path().exists()
    except WhetstoneError:  # told when something is to be written
        return False


def _choices() -> list[Choice]:
    from whetstone.paths import preferences_path
    from whetstone.preferences.judged import read

    return read(preferences_path())


def _load_settings(root: Path | None, overrides: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    return load_settings(root, overrides=overrides)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="whetstone-lsp", description="Whetstone's language server, on stdio by default."
    )
    parser.add_argument("--version", action="version", version=f"whetstone-lsp {__version__}")
    parser.add_argument("--stdio", action="store_true", help="serve on stdio (the default)")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="serve one client on a socket")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --tcp listen on an address that other machines can reach; there is no password",
    )
    parser.add_argument("--log-file", type=Path, metavar="PATH", help="log there, not to stderr")
    return parser.parse_args(arguments)


def _address(text: str, *, allow_remote: bool) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not colon or not port.isdigit() or int(port) > 65_535:
        raise UsageError(f"--tcp {text}: write HOST:PORT, such as 127.0.0.1:7777.")
    if not allow_remote and not _is_loopback(host):
        raise UsageError(
            f"--tcp {text}: other machines could reach this address, and nothing asks them for a "
            "password. Use 127.0.0.1, or add --allow-remote if that is what you want."
        )
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _on_terminate(server: WhetstoneServer) -> None:
    """Editors end servers with SIGTERM; Python would then write nothing down."""

    def end() -> None:
        server.session.close()
        os._exit(0)  # a thread may still wait for stdin; there is nothing left to do

    def stop(*_: object) -> None:
        # In the event loop, not here: this may have interrupted somebody who holds a lock.
        if not server.call_soon(end):
            os._exit(0)

    signal.signal(signal.SIGTERM, stop)

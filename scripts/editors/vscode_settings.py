"""The settings page of the VS Code extension, made from the server's own table of settings.

python scripts/editors/vscode_settings.py            write it into package.json
python scripts/editors/vscode_settings.py --check    exit 1 when package.json says otherwise
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from whetstone import settings
from whetstone.settings_values import (
    AutoOr,
    Choice,
    Command,
    EnvironmentName,
    Flag,
    Integer,
    Number,
    Text,
    Url,
    Words,
)

PACKAGE = Path(__file__).parents[2] / "editor-clients" / "vscode" / "package.json"
_COMMAND = {"type": "array", "items": {"type": "string"}}
# What only the client reads; the server never sees it.
CLIENT: dict[str, dict[str, Any]] = {
    "whetstone.server.command": {
        **_COMMAND,
        "default": [],
        "scope": "machine",
        "markdownDescription": "Command that starts the server, such as "
        '`["/opt/whetstone/bin/whetstone-lsp"]`. Empty: it is looked for.',
    },
    "whetstone.server.python": {
        "type": "string",
        "default": "",
        "scope": "machine",
        "markdownDescription": "Python, 3.11 or newer, that has Whetstone installed. Empty: the "
        "active interpreter, the workspace's `.venv`, the `PATH`, and the environment that "
        "**Whetstone: Install Server** makes are looked at, in this order.",
    },
    "whetstone.trace.server": {
        "type": "string",
        "enum": ["off", "messages", "verbose"],
        "default": "off",
        "scope": "window",
        "markdownDescription": "Show the messages between editor and server in the output. "
        "`verbose` shows the text of your files.",
    },
    "whetstone.fixHints.enabled": {
        "type": "boolean",
        "default": True,
        "scope": "window",
        "markdownDescription": "Mark the lines whose fix is ready.",
    },
}


def properties() -> dict[str, dict[str, Any]]:
    """`contributes.configuration[0].properties`: every key of the server, then the client's."""
    keys = {info.name: info for info in settings.describe()}
    found = {}
    for name, key in settings._KEYS.items():
        info = keys[name]
        schema = _schema(key.kind)
        # A setting that could run code or send files away is the user's, not the workspace's.
        # A list that a workspace may only add to is one too, because VS Code would replace it.
        scope = "resource" if info.workspace and not key.extends else "machine"
        unset = info.default == "unset"
        default = "" if unset and schema.get("type") == "string" else _value(info.default)
        # The settings page shows switches, choices and plain text for what they are.
        plain = isinstance(key.kind, (Flag, Choice, Text, Words))
        allowed = "" if plain else f" Allowed: {info.allowed}."
        found[f"whetstone.{name}"] = {
            **schema,
            "default": default,
            "scope": scope,
            "markdownDescription": info.doc + allowed,
        }
    return found | CLIENT


def restricted() -> list[str]:
    """Keys whose values in a workspace's settings count only once it is trusted."""
    return [
        f"whetstone.{name}"
        for name, key in settings._KEYS.items()
        if key.workspace and isinstance(key.kind, Command)
    ]


def _value(shown: str) -> Any:
    return None if shown == "unset" else json.loads(shown)


def _schema(kind: object) -> dict[str, Any]:
    if isinstance(kind, Flag):
        return {"type": "boolean"}
    if isinstance(kind, Choice):
        return {"type": "string", "enum": list(kind.options)}
    if isinstance(kind, Integer):
        return {"type": "integer", "minimum": kind.low, "maximum": kind.high}
    if isinstance(kind, Number):
        return {"type": "number", "minimum": kind.low, "maximum": kind.high}
    if isinstance(kind, AutoOr):
        return {"anyOf": [{"const": "auto"}, _schema(kind.number)]}
    if isinstance(kind, Words):
        return {"type": "array", "items": {"type": "string"}}
    if isinstance(kind, Command):
        return {**_COMMAND, "type": ["array", "string", "null"]}
    if isinstance(kind, (EnvironmentName, Text, Url)):
        return {"type": "string"}
    raise TypeError(f"{type(kind).__name__}: say how VS Code shows this kind of setting")


def expected(package: dict[str, Any]) -> dict[str, Any]:
    """The same package.json with the settings page as it should be."""
    contributes = package["contributes"] | {
        "configuration": [{"title": "Whetstone", "properties": properties()}]
    }
    trust = package["capabilities"]["untrustedWorkspaces"] | {
        "restrictedConfigurations": restricted()
    }
    capabilities = package["capabilities"] | {"untrustedWorkspaces": trust}
    return package | {"contributes": contributes, "capabilities": capabilities}


def main() -> None:
    parser = argparse.ArgumentParser(description="The settings page of the VS Code extension.")
    parser.add_argument("--check", action="store_true", help="write nothing, tell the difference")
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    wanted = expected(package)
    if parser.parse_args().check:
        if package != wanted:
            sys.exit(f"{PACKAGE}: out of date. Run python {Path(__file__).name}.")
        return
    text = json.dumps(wanted, indent=2, ensure_ascii=False) + "\n"
    PACKAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

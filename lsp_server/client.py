"""What the connected client can do, read once from its capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.capabilities import get_capability

# They take documentChanges although their capabilities do not say so.
_TAKES_VERSIONED_EDITS = ("Neovim",)
# They take an action that has a command for complete, and run it without asking for the edit. No
# capability tells: Helix says the same of itself, and never runs a command that came with the edit.
_RESOLVE_BARE_ACTIONS = ("eglot", "emacs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Capabilities as plain answers."""

    name: str = "unknown"
    resolves: bool = False
    resolves_bare: bool = False
    document_changes: bool = False
    progress: bool = False
    applies_edits: bool = False
    pulls_diagnostics: bool = False
    refreshes_diagnostics: bool = False
    pulls_configuration: bool = False
    registers_configuration: bool = False
    refreshes_lenses: bool = False
    shows_documents: bool = False
    takes_status: bool = False
    takes_fixes: bool = False
    watches_files: bool = False

    @classmethod
    def of(cls, params: types.InitializeParams) -> Client:
        def can(path: str) -> bool:
            return bool(get_capability(params.capabilities, path, False))

        name = params.client_info.name if params.client_info else "unknown"
        action = params.capabilities.text_document and params.capabilities.text_document.code_action
        resolve = action.resolve_support.properties if action and action.resolve_support else ()
        own = _own(params.capabilities.experimental)
        diagnostic = (
            params.capabilities.text_document and params.capabilities.text_document.diagnostic
        )
        return cls(
            name=name,
            resolves="edit" in resolve and can("text_document.code_action.data_support"),
            resolves_bare=name.casefold() in _RESOLVE_BARE_ACTIONS,
            document_changes=can("workspace.workspace_edit.document_changes")
            or name in _TAKES_VERSIONED_EDITS,
            progress=can("window.work_done_progress"),
            applies_edits=can("workspace.apply_edit"),
            pulls_diagnostics=diagnostic is not None,
            refreshes_diagnostics=can("workspace.diagnostics.refresh_support"),
            pulls_configuration=can("workspace.configuration"),
            registers_configuration=can("workspace.did_change_configuration.dynamic_registration"),
            refreshes_lenses=can("workspace.code_lens.refresh_support"),
            shows_documents=can("window.show_document.support"),
            takes_status=own.get("status") is True,
            takes_fixes=own.get("fixes") is True,
            watches_files=can("workspace.did_change_watched_files.dynamic_registration"),
        )


def _own(experimental: Any) -> Mapping[str, Any]:
    """`{"whetstone": {...}}` of a client that knows our notifications; any JSON may stand there."""
    own = experimental.get("whetstone") if isinstance(experimental, Mapping) else None
    return own if isinstance(own, Mapping) else {}

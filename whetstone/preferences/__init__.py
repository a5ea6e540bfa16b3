"""What users did with suggestions, and the preference pairs that follow from it.

Importing this package costs little: what is heavier than the outcomes comes when it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whetstone.preferences.outcome import EventKind, Outcome

if TYPE_CHECKING:
    from whetstone.preferences.records import NewPair, Pair, Stats, Suggestion, SuggestionDetail
    from whetstone.preferences.store import PreferenceStore

__all__ = [
    "EventKind",
    "NewPair",
    "Outcome",
    "Pair",
    "PreferenceStore",
    "Stats",
    "Suggestion",
    "SuggestionDetail",
]


def __getattr__(name: str) -> Any:
    if name == "PreferenceStore":
        from whetstone.preferences.store import PreferenceStore

        return PreferenceStore
    if name in __all__:
        from whetstone.preferences import records

        return getattr(records, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""What users did with suggestions, and the preference pairs that follow from it.

Importing this package costs little: `PreferenceStore` and with it SQLite come when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.preferences.records import NewPair, Pair, Stats, Suggestion, SuggestionDetail

if TYPE_CHECKING:
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
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

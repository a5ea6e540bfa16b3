"""What users did with suggestions, and the preference pairs that follow from it.

Importing this package costs little: SQLite is only loaded when a store is opened.
"""

from whetstone.preferences.outcome import EventKind, Outcome
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

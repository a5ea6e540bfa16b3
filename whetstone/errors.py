"""Every error Whetstone raises on purpose. Each message says what happened and what to do next.

WhetstoneError                  exit status 2 unless a subclass says otherwise
├── UsageError                  the request itself is wrong (a path, a flag, a line number)
├── SettingsError               a setting has a value that cannot be used
├── ModelError                  a model file, its registry entry or its download
│   └── EngineError             the model is loaded but cannot answer
├── StoreError                  the preference database
├── SandboxError                a command could not be run under limits
├── TrainingError               a training or export step
│   └── NotEnoughData           exit status 3: nothing is wrong, there is too little to train on
└── Cancelled                   exit status 130: the user stopped it
"""

from __future__ import annotations


class WhetstoneError(Exception):
    """Base of every error with a message meant for the user."""

    exit_status = 2


class UsageError(WhetstoneError):
    """The request cannot be carried out as it was written."""


class SettingsError(WhetstoneError):
    """A setting has a value that cannot be used; the message names its key."""


class ModelError(WhetstoneError):
    """A model file is missing, damaged, or not what its entry says."""


class EngineError(ModelError):
    """A model is loaded, or a server reached, but it cannot answer."""


class StoreError(WhetstoneError):
    """The preference database cannot be opened or written."""


class SandboxError(WhetstoneError):
    """A command could not be run under limits."""


class TrainingError(WhetstoneError):
    """A training, export or verification step failed."""


class NotEnoughData(TrainingError):
    """There are too few preferences to train on."""

    exit_status = 3


class Cancelled(WhetstoneError):
    """The user, or a newer request, stopped the work."""

    exit_status = 130

    def __init__(
        self,
        message: str = "Stopped. What was accepted before stays; nothing else was changed.",
    ) -> None:
        super().__init__(message)

"""Ways in which a training run ends early, beside those of whetstone.errors.

TrainingError (whetstone.errors)   exit status 2
├── NotEnoughData                  exit status 3
├── AlreadyRunning                 exit status 4: another process trains; try later
└── Diverged                       exit status 2: the run is over, resuming would repeat it
"""

from __future__ import annotations

from whetstone.errors import TrainingError


class AlreadyRunning(TrainingError):
    """Another process holds the training lock."""

    exit_status = 4


class Diverged(TrainingError):
    """The loss is no longer a number, or the model left its reference."""

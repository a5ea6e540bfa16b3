"""From a failure to the lines worth looking at.

    traceback.py  text that a person pastes, or a test prints -> failures with their frames
    places.py     frames -> places in files of the workspace; what text names is never trusted
    coverage.py   which lines the failing and the passing tests ran
    ranking.py    all of that -> lines, the likeliest first

A failing test names no line. The editor, `whetstone fix --test` and the evaluation all rank here.
"""

from whetstone.locate.coverage import Coverage, Spectrum
from whetstone.locate.places import Place, Workspace, places
from whetstone.locate.ranking import rank, suspects
from whetstone.locate.traceback import Failure, Frame, parse

__all__ = [
    "Coverage",
    "Failure",
    "Frame",
    "Place",
    "Spectrum",
    "Workspace",
    "parse",
    "places",
    "rank",
    "suspects",
]

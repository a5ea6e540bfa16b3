"""Preference triplets from several sources; `trainer data build`."""

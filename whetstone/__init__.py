"""Whetstone's core: from a diagnostic to ranked, proven fixes. No torch, no pygls."""

__version__ = "0.1.0"

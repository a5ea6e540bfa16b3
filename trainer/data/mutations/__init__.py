"""Ways to break a working document, by kind, each as people really do it.

    punctuation.py  colon, bracket, quote, comma, equals, operator
    layout.py       indentation, stray lines and characters
    words.py        words of other languages, misspelt or lost keywords
    names.py        misspelt names and builtins, lost `self.`, lost imports, strings without quotes
    lint.py         comparisons, unused code, f-strings, defaults, lost `return`
    attributes.py   misspelt attributes and methods of other languages (a tool or a run tells)

A mutation promises nothing: `trainer.data.samples` keeps those that show a diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from trainer.data.mutations import attributes, layout, lint, names, punctuation, words
from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

Mutator = Callable[[Source, Random], Mutation | None]

# Kind -> (mutator, share). Shares are relative; they lean towards what beginners get wrong most.
KINDS: Mapping[str, tuple[Mutator, float]] = {
    "colon": (punctuation.colon, 7),
    "bracket": (punctuation.bracket, 11),
    "quote": (punctuation.quote, 8),
    "comma": (punctuation.comma, 5),
    "equals": (punctuation.equals, 5),
    "operator": (punctuation.operator, 4),
    "indent": (layout.indent, 8),
    "stray": (layout.stray, 4),
    "foreign": (words.foreign, 10),
    "keyword": (words.keyword_slip, 7),
    "name": (names.name, 12),
    "builtin": (names.builtin, 5),
    "constant": (names.constant, 4),
    "self": (names.lost_self, 7),
    "import": (names.lost_import, 9),
    "unquoted": (names.unquoted, 2),
    "comparison": (lint.comparison, 6),
    "unused": (lint.unused, 8),
    "f-string": (lint.f_string, 4),
    "default": (lint.mutable_default, 1.5),
    "return": (lint.lost_return, 3),
    "attribute": (attributes.own, 5),
    "method": (attributes.method, 5),
}

__all__ = ["KINDS", "Mutation", "Mutator"]

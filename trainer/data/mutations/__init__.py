"""Ways to break a working document, by kind, each as people really do it.

    punctuation.py  colon, bracket, quote, comma, equals, operator
    literals.py     numbers, characters, docstrings, formats and their values
    layout.py       indentation, stray lines and characters
    words.py        words of other languages, misspelt or lost keywords
    statements.py   statements out of place or without a part, Python 2
    calls.py        arguments and parameters in the wrong order, twice, or missing
    names.py        misspelt names and builtins, lost `self.`, lost imports, strings without quotes
    lint.py         comparisons, unused code, f-strings, defaults, lost `return`
    attributes.py   misspelt attributes and methods of other languages (a tool or a run tells)

Which kinds there are was chosen from catalogues: what CPython's parser, tokenizer and compiler can
say (docs/training.md lists it), and the rules that `whetstone.diagnose` asks ruff for. A mutation
promises nothing: `trainer.data.samples` keeps those that show a diagnostic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from trainer.data.mutations import (
    attributes,
    calls,
    layout,
    lint,
    literals,
    names,
    punctuation,
    statements,
    words,
)
from trainer.data.mutations.base import Mutation
from trainer.data.source import Source

Mutator = Callable[[Source, Random], Mutation | None]

# Kind -> (mutator, share). Shares are relative; they lean towards what beginners get wrong most,
# and towards what the model has to learn because no rule can do it.
KINDS: Mapping[str, tuple[Mutator, float]] = {
    "colon": (punctuation.colon, 3),
    "bracket": (punctuation.bracket, 11),
    "far-bracket": (punctuation.far_bracket, 6),
    "quote": (punctuation.quote, 9),
    "comma": (punctuation.comma, 6),
    "entry": (punctuation.entry, 3),
    "equals": (punctuation.equals, 3.5),
    "operator": (punctuation.operator, 9),
    "number": (literals.number, 2),
    "character": (literals.character, 1),
    "docstring": (literals.docstring, 3),
    "percent": (literals.percent, 4),
    "format": (literals.brace_format, 4),
    "field": (literals.replacement_field, 4),
    "indent": (layout.indent, 4),
    "block": (layout.block, 5),
    "stray": (layout.stray, 2.5),
    "foreign": (words.foreign, 10),
    "keyword": (words.keyword_slip, 8),
    "python-2": (statements.python_2, 3),
    "lost-async": (statements.lost_async, 1),
    "lost-block": (statements.lost_block, 5),
    "handlers": (statements.handlers, 0.5),
    "global": (statements.global_place, 2),
    "sides": (statements.sides, 4),
    "lost-else": (statements.lost_else, 3),
    "type": (statements.type_comparison, 1),
    "argument-order": (calls.argument_order, 2.5),
    "parameters": (calls.parameters, 3.5),
    "lost-self": (calls.lost_self, 1.5),
    "lost-call": (calls.lost_call, 1),
    "unparenthesized": (calls.unparenthesized, 1.5),
    "walrus": (calls.walrus, 1),
    "name": (names.name, 8),
    "builtin": (names.builtin, 3),
    "constant": (names.constant, 1),
    "self": (names.lost_self, 6),
    "import": (names.lost_import, 2.5),
    "unquoted": (names.unquoted, 2),
    "comparison": (lint.comparison, 1.5),
    "unused": (lint.unused, 2),
    "repeated": (lint.repeated, 1),
    "f-string": (lint.f_string, 2),
    "default": (lint.mutable_default, 0.5),
    "return": (lint.lost_return, 4),
    "attribute": (attributes.own, 2.5),
    "method": (attributes.method, 2.5),
}

# What a document has to contain for a kind to be possible; without this the rare ones would hardly
# be made.
NEEDS: Mapping[str, str] = {
    "far-bracket": r"[(\[{]\n",
    "entry": r"[\"']\w+[\"']: \S",
    "percent": r"%.*[\"'] % ",
    "format": r"\{.*[\"']\.format\(",
    "field": r"\bf[\"'].*\{",
    "lost-async": r"\basync def ",
    "handlers": r"\bexcept:",
    "global": r"\b(?:global|nonlocal) ",
    "lost-else": r" if .+ else ",
    "type": r"\bisinstance\(",
    "argument-order": r"\w\(.*\w=\w",
    "parameters": r"def \w+\([^)]*,",
    "lost-self": r"\(self\b",
    "lost-call": r"\w\.\w+\(\)\n",
    "unparenthesized": r"\) for |except \(|\bfor .* in .*\), ",
    "default": r" is None:\n\s+\w+ = (?:\[\]|\{\}|set\(\))\n",
    "self": r"\bself\.\w",
    "attribute": r"\bself\.\w",
    "comparison": r" (?:is|in|==) ",
    "docstring": r"\"\"\".+\"\"\"",
    "number": r"\b\d",
    "unquoted": r"[\"']\w{3,}[\"']",
}

__all__ = ["KINDS", "NEEDS", "Mutation", "Mutator"]

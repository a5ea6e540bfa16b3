"""Where a rule is simply right, it proposes beside the model, and hints to it in the prompt.

    names.py       the nearest visible name; `self.` left out; constants of other languages
    imports.py     a module or a name of the standard library, an installed package, a sibling file
    keywords.py    keywords misspelt, capitalised or doubled; lost_keywords.py, left out
    foreign.py     words of other languages
    undefined.py   names that are no names: a quote, a dot or `self.` was lost
    syntax.py      the compiler's own hint
    brackets.py    brackets without a partner, quotes.py texts that do not end
    operators.py   operators, dots and commas that were lost or typed for one another
    seen.py        how like the rest of the file a changed line is, for the three above
    characters.py  typographic characters, numbers, escapes
    fstrings.py    braces and quotes of f-strings
    arguments.py   the order of arguments, one twice
    parameters.py  the order of parameters, one twice, `self` left out
    conditionals.py  `else` left out of a conditional expression
    docstrings.py  quotes of a docstring
    stray.py       lines and characters that do not belong
    statements.py  statements out of place, their sides, Python 2
    blocks.py      lines moved back to their level
    layout.py      the other levels at which a line could stand
    lint.py        the fix that ruff itself attaches to a finding
    findings.py    findings that ruff leaves to us
    decided.py     where the first proposal is no guess
    edits.py       the last resort: one token more, less or another

A rule proposes; proof and the model's likelihood decide. In a trial a small model found the right
near name in 22 % of the cases, a similarity look-up in 119 of 124.
"""

from __future__ import annotations

from collections.abc import Iterator

from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.rules import (
    arguments,
    blocks,
    brackets,
    characters,
    conditionals,
    docstrings,
    edits,
    findings,
    foreign,
    fstrings,
    imports,
    keywords,
    layout,
    lint,
    names,
    operators,
    parameters,
    quotes,
    statements,
    stray,
    syntax,
    undefined,
)
from whetstone.rules.decided import decides

_MAX_PROPOSALS = 12

__all__ = ["decides", "hints", "last_resort", "propose"]


def hints(document: Document, diagnostic: Diagnostic) -> tuple[str, ...]:
    """Short hints for the prompt, best first: `lenght -> length`, `import math`, `&& -> and`."""
    found = [
        *imports.hints(document, diagnostic),
        *names.hints(document, diagnostic),
        *[*keywords.hints(document, diagnostic), *foreign.hints(document, diagnostic)][:2],
    ]
    return tuple(dict.fromkeys(found))[:3]


def propose(document: Document, problem: Problem) -> list[Replacement]:
    """Replacements that a rule suggests for `problem`, best first, none twice."""
    unique = dict.fromkeys(_all(document, problem))
    unchanged = Replacement(kind="replace", lines=problem.flagged)
    return [replacement for replacement in unique if replacement != unchanged][:_MAX_PROPOSALS]


def last_resort(document: Document, problem: Problem) -> list[Replacement]:
    """What to try where nothing that a rule or the model proposed could be proved."""
    return list(edits.propose(document, problem))


def _all(document: Document, problem: Problem) -> Iterator[Replacement]:
    yield from undefined.propose(document, problem)
    yield from imports.propose(document, problem)
    yield from keywords.propose(document, problem)
    yield from names.propose(document, problem)
    yield from undefined.unlikelier(document, problem)
    yield from findings.propose(document, problem)
    yield from lint.propose(document, problem)
    yield from characters.propose(document, problem)
    yield from fstrings.propose(document, problem)
    yield from blocks.propose(document, problem)
    yield from docstrings.propose(document, problem)
    yield from stray.propose(document, problem)
    yield from quotes.propose(document, problem)
    if len(problem.flagged) == 1:
        yield from brackets.propose(document, problem)
    yield from conditionals.propose(document, problem)
    yield from arguments.propose(document, problem)
    yield from parameters.propose(document, problem)
    yield from foreign.propose(document, problem)
    yield from operators.propose(document, problem)
    yield from statements.propose(document, problem)
    yield from syntax.propose(document, problem)
    yield from layout.propose(document, problem)
    if len(problem.flagged) > 1:  # of several lines the indentation says more
        yield from brackets.propose(document, problem)

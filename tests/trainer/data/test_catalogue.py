"""Every message with a well-defined fix that Python or ruff can give is made by some kind.

The catalogues are what CPython 3.11 to 3.13 can say about a file that does not compile, and the
rules that `whetstone.diagnose` asks ruff for. What is left out has no fix that follows from the
file: pattern matching, type parameters, encodings, limits of the compiler.
"""

from __future__ import annotations

import re
from random import Random

import pytest

from trainer.data import runtime, samples
from trainer.data.corpus import Unit
from trainer.data.mutations import KINDS, NEEDS

DOCUMENT = '''\
from __future__ import annotations

import asyncio
import os
from collections import defaultdict, deque

COUNT = 10
LIMIT = 3 * COUNT
MODE = 0o644


def pairs(rows, key="name", limit=None, *rest, **more):
    """Pairs of the rows."""
    found = [(left, right) for left, right in rows if left != right]
    if found is not None and len(found) <= LIMIT and not rest:
        print("%s of %d" % (key, limit))
    label = "{} and {}".format(key, limit)
    total = sum((row[0] for row in rows), 1)
    while (line := next(iter(rows), None)) is not None:
        total += 1 if line else 0
        if total == 3:
            break
    os.chmod(key, 0o755)
    return sorted(found, key=len, reverse=True), f"{label}: {total:>5d}", total


def gather(items, seen=None):
    if seen is None:
        seen = []
    global COUNT
    COUNT += 1
    table = {
        "first": 1,
        "second": 2,
    }
    for index, item in enumerate(items):
        if isinstance(item, int) and item not in seen:
            seen.append(table["first"])
    settings = dict(
        width=3,
        height=4,
    )
    try:
        value = int(items[0])
    except (ValueError, TypeError) as error:
        raise KeyError("no number") from error
    except:
        value = None
    return seen, settings, value, index


class Shelf:
    def __init__(self, size=0):
        self.size = size
        self.books = deque()

    def is_empty(self):
        self.books.append(1)
        return not self.books

    async def fill(self, stream):
        await stream.start()
        stream.close()
        return [chunk async for chunk in stream]

    def is_full(self):
        pass


def numbers(text, flag):
    last_line = "end\\n"
    counts = defaultdict(int)
    assert flag, "no flag"
    if flag:
        counts[last_line] = 1
    result = text if flag else None
    return counts, last_line, result, asyncio
'''
UNIT = Unit(package="test", file="test.py", split="train", text=DOCUMENT)

# (kind, a pattern of the message); several for what other versions of Python say.
CATALOGUE = [
    ("argument-order", r"positional argument follows keyword argument"),
    ("argument-order", r"keyword argument repeated"),
    ("parameters", r"follows default argument|without a default follows"),
    ("parameters", r"duplicate argument"),
    ("parameters", r"arguments cannot follow var-keyword|follow"),
    ("lost-self", r"F821 Undefined name 'self'"),
    ("lost-call", r"B018"),
    ("unparenthesized", r"did you forget parentheses around the comprehension target"),
    ("unparenthesized", r"Generator expression must be parenthesized"),
    ("unparenthesized", r"multiple exception types must be parenthesized|without parentheses"),
    ("unparenthesized", r"trailing comma not allowed"),
    ("walrus", r"':=' instead of '='|invalid syntax"),
    ("lost-async", r"outside (?:of an )?async"),
    ("lost-block", r"expected an indented block"),
    ("handlers", r"default 'except:' must be last"),
    ("global", r"F823|F841"),
    ("global", r"prior to global declaration|assigned to before global"),
    ("sides", r"cannot assign to literal"),
    ("sides", r"cannot assign to function call"),
    ("sides", r"cannot assign to expression|invalid syntax"),
    ("lost-else", r"expected 'else' after 'if' expression"),
    ("type", r"E721"),
    ("python-2", r"Missing parentheses in call to 'print'"),
    ("python-2", r"invalid syntax|multiple exception types"),
    ("number", r"leading zeros in decimal integer literals"),
    ("number", r"invalid decimal literal|invalid imaginary"),
    ("character", r"invalid character"),
    ("character", r"invalid non-printable character"),
    ("docstring", r"unterminated triple-quoted string"),
    ("docstring", r"after line continuation character"),
    ("percent", r"F507"),
    ("percent", r"F509"),
    ("format", r"F52[2-5]"),
    ("format", r"F521|F52[34]"),
    ("field", r"f-string: expecting '}'|was never closed|expecting '}'"),
    ("field", r"single '}' is not allowed"),
    ("entry", r"invalid syntax"),
    ("far-bracket", r"was never closed|does not match opening"),
    ("bracket", r"unmatched '"),
    ("colon", r"expected ':'"),
    ("comma", r"forgot a comma|invalid syntax"),
    ("equals", r"'==' or ':=' instead of|'==' instead of"),
    ("operator", r"invalid syntax"),
    ("quote", r"unterminated string literal"),
    ("indent", r"unindent does not match|unexpected indent|expected an indented block"),
    ("block", r"unexpected indent|expected an indented block|unindent"),
    ("indent", r"'return' outside function|'break' outside loop|expected|unexpected indent"),
    ("repeated", r"F811|F842|F601"),
    ("unused", r"F401"),
    ("unused", r"F841"),
    ("f-string", r"F541"),
    ("default", r"B006"),
    ("comparison", r"E711|E714"),
    ("comparison", r"E712"),
    ("comparison", r"E713"),
    ("comparison", r"F632"),
    ("return", r"F631"),
    ("return", r"B015|F634|B018"),
    ("name", r"F821"),
    ("import", r"F821"),
    ("self", r"F821"),
]


@pytest.fixture(scope="module")
def made() -> dict[str, list[str]]:
    """Kind -> the messages of its samples."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    broken = []
    source = samples.Source(DOCUMENT)  # read once: mutations leave it as it is
    for kind in KINDS:
        rng = Random(kind)
        texts = set()
        for _ in range(120):
            item = samples._break(source, kind, rng)
            if item is not None and item.text not in texts:
                texts.add(item.text)
                broken.append(item)
    before, after = samples._ruff_both(broken)
    for number, item in enumerate(broken):
        diagnostic = item.diagnostic or samples._new(number, before, after)
        sample = diagnostic and samples._sample(item, diagnostic, Random(1))
        if diagnostic and sample:
            found[item.kind].append(diagnostic.message)
    return found


@pytest.mark.parametrize(("kind", "message"), CATALOGUE)
def test_a_kind_makes_the_message(made, kind, message):
    assert any(re.search(message, each) for each in made[kind]), set(made[kind])


def test_every_kind_gives_samples_and_what_it_needs_is_there(made):
    assert [kind for kind, messages in made.items() if not messages] == []
    assert [kind for kind, pattern in NEEDS.items() if not re.search(pattern, DOCUMENT)] == []


def test_a_run_tells_at_which_line_a_program_of_ours_fails():
    found = list(runtime.failures("train", 60, Random(1)))

    assert {failed.diagnostic.code for failed in found} >= {"NameError", "TypeError"}
    for failed in found:
        row = failed.diagnostic.span.start_line
        assert row < len(failed.text.splitlines())
        assert failed.diagnostic.message.startswith(failed.diagnostic.code)


def test_a_program_without_end_is_given_up():
    assert runtime.error_of("while True:\n    pass\n", ()) is None


def test_runtime_samples_show_the_last_line_of_the_traceback():
    made = list(samples.make_runtime_samples("train", 20, 4))

    assert made
    for sample in made:
        assert "<|fail|>" in sample.prompt
        assert sample.fixed != sample.text

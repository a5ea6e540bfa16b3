"""Words of other languages and of Python 2, and keywords that are misspelt or lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from trainer.data.mutations.base import Mutation
from trainer.data.source import Source, typo

_KEYWORDS = (
    "def", "class", "return", "if", "elif", "else", "for", "while", "import", "from", "in", "and",
    "or", "not", "is", "as", "with", "try", "except", "finally", "raise", "yield", "assert",
    "lambda", "pass", "break", "continue", "global", "async", "await", "del",
)  # fmt: skip
_LOSABLE = ("def", "in", "import", "as", "class", "else", "for", "if", "is", "and", "or", "from")
_TYPES = ("int", "float", "string", "var", "let", "const", "auto", "bool", "String", "my", "val")

# (what the line looks like, what it becomes): `\1` and so on are groups; a tuple is a choice.
_REWRITES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"^(\s*)elif\b", (r"\1else if", r"\1else if", r"\1elsif", r"\1elseif", r"\1elif if")),
    (r" and ", (" && ", " & & ")),
    (r" or ", (" || ",)),
    (r"\bnot (?!in\b)(?=[\w(])", ("!",)),
    (r"^(\s*[\w.\[\]]+) \+= 1$", (r"\1++", r"\1++")),
    (r"^(\s*[\w.\[\]]+) -= 1$", (r"\1--",)),
    (r"^(\s*)def (\w+)", (r"\1function \2", r"\1func \2", r"\1fun \2", r"\1define \2",
                          r"\1sub \2", r"\1void \2", r"\1public def \2", r"\1fn \2")),
    (r"^(\s*)print\((.+)\)$", (r"\1print \2", r"\1print \2", r"\1echo \2", r"\1puts \2")),
    (r" == ", (" === ",)),
    (r" != ", (" !== ", " <> ")),
    (r"^(\s*for .*?) in ", (r"\1 of ", r"\1 : ", r"\1 on ", r"\1 from ")),
    (r"^(\s*)for (\w+) in ", (r"\1foreach \2 in ", r"\1for each \2 in ", r"\1for var \2 in ")),
    (r"^(\s*)except (\w+) as (\w+):", (r"\1except \2, \3:", r"\1catch \2 as \3:",
                                       r"\1catch (\2 \3):")),
    (r"^(\s*)except\b", (r"\1catch", r"\1rescue")),
    (r"^(\s*)raise (\w+)\((.+)\)$", (r"\1throw \2(\3)", r"\1throw new \2(\3)", r"\1raise \2, \3",
                                     r"\1raise new \2(\3)")),
    (r"^(\s*)(\w+) = (?=[\w\"'\[{(])", tuple(rf"\1{kind} \2 = " for kind in _TYPES)),
    (r" = ([A-Z]\w*\()", (r" = new \1",)),
    (r"^(\s*)(if|while|elif|for) (.+):$", (r"\1\2 (\3) {", r"\1\2 \3 {", r"\1\2 \3 then:",
                                           r"\1\2 \3 do", r"\1\2 (\3)")),
    (r"(  )?# ", ("  // ",)),
    (r"= (\S+) if (.+) else (\S+)$", (r"= \2 ? \1 : \3",)),
    (r"return (\S+) if (.+) else (\S+)$", (r"return \2 ? \1 : \3",)),
    (r"lambda (\w+): ", (r"\1 => ", r"lambda(\1): ", r"\1 -> ")),
    (r"^from ([\w.]+) import (\w+)$", (r"import \2 from \1", r"import {\2} from '\1'")),
    (r"^import (\w+)$", (r"#include <\1>", r"import <\1>", r"using \1;", r"require '\1'")),
    (r"^(\s*)class (\w+)\((\w+)\):", (r"\1class \2 extends \3:", r"\1class \2 : \3:")),
    (r"^(\s*)(else|try|finally):$", (r"\1\2 {", r"\1} \2 {")),
    (r"\*\*\{", ("...{",)),
    (r"\((\w+), (\w+)\):$", (r"(int \1, int \2):", r"(var \1, var \2):")),
    (r"\bNone\b", ("null;",)),
    (r" is not ", (" isnt ", " is not not ")),
    (r" not in ", (" !in ", " not  not in ")),
    (r"^(\s*)while not ", (r"\1until ",)),
    (r"^(\s*)if not ", (r"\1unless ", r"\1if !")),
)  # fmt: skip


def foreign(source: Source, rng: Random) -> Mutation | None:
    """A line as another language would have it."""
    pool = list(_rewrites(source))
    if not pool:
        return None
    # First the rewrite, then the place: otherwise `int x = 1` would drown `elif` and `&&`.
    which = rng.choice(sorted({number for number, _ in pool}))
    row = rng.choice([row for number, row in pool if number == which])
    pattern, results = _REWRITES[which]
    new = re.sub(pattern, rng.choice(results), source.lines[row], count=1)
    return Mutation.line(row, new)


def _rewrites(source: Source) -> Iterator[tuple[int, int]]:
    for row in source.code_rows:
        for number, (pattern, _) in enumerate(_REWRITES):
            if re.search(pattern, source.lines[row]):
                yield number, row


def keyword_slip(source: Source, rng: Random) -> Mutation | None:
    """A keyword misspelt, with a capital, or lost."""
    if rng.random() < 0.22:
        found = source.keywords(*_LOSABLE)
        if not found:
            return None
        row, line = source.replaced(token := rng.choice(found), "")
        at = token.start[1]
        return Mutation.line(row, line[:at] + line[at:].removeprefix(" "))
    found = source.keywords(*_KEYWORDS)
    if not found:
        return None
    word = rng.choice(sorted({token.string for token in found}))
    token = rng.choice([token for token in found if token.string == word])
    new = token.string.capitalize() if rng.random() < 0.15 else typo(token.string, rng)
    if rng.random() < 0.06:
        new = token.string + token.string
    return Mutation.line(*source.replaced(token, new))

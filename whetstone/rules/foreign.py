"""Words of other languages where Python has its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Diagnostic, Document, Problem, Replacement
from whetstone.rules.lines import bare, flagged, with_colon, with_lines

_TYPE = (
    r"(?:int|float|double|long|short|byte|string|String|str|bool|boolean|char|object|Object"
    r"|var|let|const|auto|val|my)"
)
_MODIFIERS = (
    r"(?:(?:public|private|protected|static|final|virtual|override|inline|export|abstract)\s+)"
)
_OPERATOR = r"(?:in|is|if|or|and|for|not)"
_NAMES = r"\w+(?:\s*,\s*\w+)*"
# pattern -> replacement, and what the hint calls it. All together, and one at a time.
_FOREIGN: tuple[tuple[str, str, str], ...] = (
    (r"\belse\s+if\b", "elif", "else if -> elif"),
    (r"\b(elseif|elsif|elsf|elif\s+if|esif)\b", "elif", "elseif -> elif"),
    (r"\s*&\s?&\s*", " and ", "&& -> and"),
    (r"\s*\|\s?\|\s*", " or ", "|| -> or"),
    (r"===", "==", "=== -> =="),
    (r"!==", "!=", "!== -> !="),
    (r"!\s*(\S+)\s+in\b", r"\1 not in", "!x in -> x not in"),
    (r"!(?!=)\s*", "not ", "! -> not"),
    (r"\b([\w.\[\]]+)\s*\+\+", r"\1 += 1", "++ -> += 1"),
    (r"\b([\w.\[\]]+)\s*--(?!\w)", r"\1 -= 1", "-- -> -= 1"),
    (r"\+\+\s*([\w.\[\]]+)", r"\1 += 1", "++ -> += 1"),
    (rf"^(\s*){_MODIFIERS}*(?:function|func|fun|fn|define|sub|void|{_TYPE})\s+(?=\w+\s*\()",
     r"\1def ", "function -> def"),
    (rf"^(\s*){_MODIFIERS}+(?=(?:async|def|class)\b)", r"\1", "drop public"),
    (rf"^(\s*){_MODIFIERS}*{_TYPE}\s+(?=\w+\s*[=:])", r"\1", "drop the type"),
    (rf"(?<=[(,])(\s*)(?:{_TYPE}|\w+<[\w, ]*>)\s+(?!{_OPERATOR}\b)(?=\w+\s*[,)=:])", r"\1",
     "drop the types"),
    (r"\bnew\s+(?=[A-Za-z_]\w*\s*\()", "", "drop new"),
    (r"\bthrow\s+(?:new\s+)?", "raise ", "throw -> raise"),
    (r"\b(?:catch|except|rescue)\s*\(\s*([\w.]+)\s+(\w+)\s*\)\s*[:{]?", r"except \1 as \2:",
     "except X as e"),
    (r"\b(?:catch|rescue)\b", "except", "catch -> except"),
    (r"\bexcept\s+(\w+(?:\.\w+)*)\s*,\s*(\w+)\s*:", r"except \1 as \2:", "except X as e"),
    (r"^(\s*)\}\s*(?=(?:else|elif|except|finally|try)\b)", r"\1", "drop }"),
    (r"\s*\{\s*$", ":", "{ -> :"),
    (r"\s+then\s*:?\s*$", ":", "then -> :"),
    (r"\s+do\s*:?\s*$", ":", "do -> :"),
    (r";\s*(?=:\s*$)", "", "drop ;"),
    (r";\s*$", ":", "; -> :"),
    (rf"\bfor\s*\(\s*(?:{_TYPE}\s+)?({_NAMES})\s+(?:of|in|:)\s+(.+)\)\s*:?\s*$", r"for \1 in \2:",
     "for x in y:"),
    (rf"\bfor(?:each\s+|\s+(?:each|every|{_TYPE})\s+)(?={_NAMES}\s+\w+\s)", "for ", "for x in y"),
    (rf"\bfor\s+({_NAMES})\s+(?:of|on|:|from|ni|int|im)\s+", r"for \1 in ", "for x in y"),
    (r"^(\s*)until\s+(?!.*\b(?:and|or)\b)", r"\1while not ", "until -> while not"),
    (r"^(\s*)until\s+(.*\b(?:and|or)\b.*):", r"\1while not (\2):", "until -> while not"),
    (r"^(\s*)unless\s+(?!.*\b(?:and|or)\b)", r"\1if not ", "unless -> if not"),
    (r"^(\s*)unless\s+(.*\b(?:and|or)\b.*):", r"\1if not (\2):", "unless -> if not"),
    (r"^(\s*)(?:print|echo|puts|println|printf)\s+(?!\()(.+?);?$", r"\1print(\2)",
     "print x -> print(x)"),
    (r"^(\s*)exec\s+(?!\()(.+)$", r"\1exec(\2)", "exec x -> exec(x)"),
    (r"<>", "!=", "<> -> !="),
    (r"=<", "<=", "=< -> <="),
    (r"=>", ">=", "=> -> >="),
    (r"^(\s*)//", r"\1#", "// -> #"),
    (r"\s{2,}//(?=\s)", "  #", "// -> #"),
    (r"\?\?", "or", "?? -> or"),
    (r"(?<=[(\[{,])(\s*)\.\.\.(?=\{)", r"\1**", "... -> **"),
    (r"(?<=[(\[{,])(\s*)\.\.\.(?=[\w(\[])", r"\1*", "... -> *"),
    (r"\bawait\s+async\b", "await", "await"),
    (r"\b(?:null|nil|undefined|NULL)\b", "None", "null -> None"),
    (r"\btrue\b", "True", "true -> True"),
    (r"\bfalse\b", "False", "false -> False"),
)  # fmt: skip
_BLOCK = re.compile(r"\s*(?:if|elif|else|for|while|def|class|try|except|finally|with)\b")
_IMPORT = re.compile(
    r"(\s*)import\s+(?:\{\s*([\w\s,]+?)\s*\}|(\w+(?:\s*,\s*\w+)*)|\*\s+as\s+(\w+))\s+from\s+"
    r"([\"']?)([\w./-]+)\5\s*;?\s*\Z"
)
_MODULE = re.compile(
    r"(\s*)(?:require|using|use|import|include)\s+[<\"']?([\w.]+)[>\"']?\s*;?\s*\Z"
)


def hints(document: Document, diagnostic: Diagnostic) -> list[str]:
    """`wrong -> right` for another language's word in the flagged line."""
    lines = document.bare_lines()
    row = diagnostic.span.start_line
    if diagnostic.code != "SyntaxError" or row >= len(lines):
        return []
    code = bare(lines[row])
    return [hint for pattern, _, hint in _FOREIGN if re.search(pattern, code)]


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if problem.diagnostic.source != "python" or found is None:
        return
    index, line = found
    for new in dict.fromkeys([*_import(line), *translations(line)]):
        yield with_lines(problem, index, new)


def translations(line: str) -> Iterator[str]:
    """`line` with each foreign word put right, or all of them; `"a && b"` is text and stays."""
    everything, each = line, []
    for pattern, right, _ in _FOREIGN:
        each.append(_replaced(pattern, right, line).rstrip())
        everything = _replaced(pattern, right, everything).rstrip()
    for new in dict.fromkeys((everything, *each)):
        if new != line.rstrip():
            yield new
            if _BLOCK.match(new):
                yield with_colon(new)


def _replaced(pattern: str, right: str, line: str) -> str:
    """`line` with every match outside of strings and comments replaced."""
    new, done = "", 0
    compiled = re.compile(pattern)
    for match in compiled.finditer(bare(line)):
        real = compiled.match(line, match.start())
        if real and real.end() == match.end():
            new += line[done : match.start()] + real.expand(right)
            done = match.end()
    return new + line[done:]


def _import(line: str) -> Iterator[str]:
    """`import {A} from './b'` as JavaScript has it, `require 'a'`, `using a;`."""
    if match := _IMPORT.match(line):
        margin, braced, plain, whole, _, path = match.groups()
        up = re.match(r"(?:\.{1,2}/)*", path)
        dots = sum(len(step) for step in up[0].split("/")) if up else 0
        module = "." * min(dots, 2) + path[up.end() if up else 0 :].replace("/", ".")
        if whole:
            yield f"{margin}import {module} as {whole}"
        else:
            names = re.split(r"\s*,\s*", braced or plain)
            yield f"{margin}from {module} import {', '.join(filter(None, names))}"
    if match := _MODULE.match(line):
        yield f"{match[1]}import {match[2]}"
    if match := re.match(r"(\s*from\s+\S+\s+import\s+)\{\s*([\w\s,]+?)\s*\}\s*;?\s*\Z", line):
        yield match[1] + match[2]

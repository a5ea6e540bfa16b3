"""Undefined names: the nearest name that is visible there."""

from __future__ import annotations

import ast
import builtins
import difflib
import functools
import keyword
import re
from collections import Counter
from collections.abc import Iterator

from whetstone.problem import Diagnostic, Document, Problem, Replacement

_UNDEFINED = re.compile(
    r"(?:undefined name|name) '(?P<a>\w+)'(?: is not defined)?"
    r"|\"(?P<b>\w+)\" is not defined|Name \"(?P<c>\w+)\" is not defined",
    re.IGNORECASE,
)
_NO_ATTRIBUTE = re.compile(
    r"'(?P<type>[\w.]+)' object has no attribute '(?P<name>\w+)'"
    r"(?:\. Did you mean: '(?P<did>\w+)')?"
)
# What other languages write for Python's names.
FOREIGN = {
    "unicode": "str", "basestring": "str", "long": "int", "unichr": "chr",  # Python 2
    "null": "None", "nil": "None", "NULL": "None", "none": "None", "undefined": "None",
    "nullptr": "None", "true": "True", "TRUE": "True", "false": "False", "FALSE": "False",
    "this": "self", "length": "len", "println": "print", "printf": "print",
    "echo": "print", "puts": "print", "string": "str", "String": "str", "integer": "int",
    "boolean": "bool", "char": "str", "double": "float", "foreach": "for",
}  # fmt: skip
_METHODS = {
    "append": ("push", "add", "insert", "append_item", "push_back"), "strip": ("trim",),
    "startswith": ("startsWith", "starts_with"), "endswith": ("endsWith", "ends_with"),
    "lower": ("toLowerCase", "to_lower", "lowercase", "downcase"),
    "upper": ("toUpperCase", "to_upper", "uppercase", "upcase"),
    "items": ("iteritems", "entries"), "keys": ("iterkeys",), "values": ("itervalues",),
    "extend": ("concat", "addAll", "append_all", "push_all"), "split": ("explode",),
    "join": ("implode",), "replace": ("replaceAll", "sub"), "find": ("indexOf", "search"),
    "index": ("indexOf", "find_index"), "update": ("merge", "putAll"), "add": ("append", "push"),
    "isdigit": ("is_digit", "isDigit", "isNumeric"), "remove": ("delete",), "get": ("fetch",),
    "pop": ("remove_last", "poll"), "copy": ("clone",), "sort": ("order", "sorted"),
}  # fmt: skip
_CLOSE_ENOUGH = 0.72
_CLOSE_BUILTIN = 0.82  # there are many builtins, and few of them are meant
_MOST_ADDED = 0.15  # what `_likeness` and being visible add to a ratio, but for swapped letters
_CLEARLY_MEANT = 0.85
_UNMISTAKABLE = 0.9
_UNDEFINED_CODES = ("F821", "NameError", "reportUndefined", "name-defined")


def undefined_name(diagnostic: Diagnostic) -> str | None:
    """The name that a finding of any tool calls undefined."""
    if not diagnostic.code.startswith(_UNDEFINED_CODES) and "defined" not in diagnostic.message:
        return None
    match = _UNDEFINED.search(diagnostic.message)
    return next(filter(None, match.groups()), None) if match else None


def hints(document: Document, diagnostic: Diagnostic) -> list[str]:
    """`wrong -> right`, best first."""
    wrong = undefined_name(diagnostic)
    if wrong:
        return [f"{wrong} -> {right}" for right in nearest(document, diagnostic, wrong)[:2]]
    match = _NO_ATTRIBUTE.search(diagnostic.message)
    if match:
        return [f"{match['name']} -> {right}" for right in _attributes(document, match)[:2]]
    return []


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    """The flagged lines with the wrong name replaced, once per likely name."""
    wrong = undefined_name(problem.diagnostic)
    rights: list[str] = []
    pattern = ""
    if wrong:
        rights = nearest(document, problem.diagnostic, wrong)
        pattern = rf"(?<![\w.]){re.escape(wrong)}\b"
    elif match := _NO_ATTRIBUTE.search(problem.diagnostic.message):
        rights = _attributes(document, match)
        pattern = rf"(?<=\.){re.escape(match['name'])}\b"
    for right in rights:
        lines = tuple(re.sub(pattern, right, line) for line in problem.flagged)
        yield Replacement(kind="replace", lines=lines)


def nearest(document: Document, diagnostic: Diagnostic, wrong: str) -> list[str]:
    """Visible names by likeness to `wrong`; at most four."""
    bound, attributes, methods = _visible(document.text, diagnostic.span.start_line)
    found: list[str] = []
    if wrong in attributes or wrong in methods:
        found.append(f"self.{wrong}")
    visible = bound - {wrong}
    pool = sorted(visible | (set(dir(builtins)) - {"_"}))
    ranked = sorted(
        (
            (_likeness(wrong, name) + (0.03 if name in visible else 0.0), name)
            for name in pool
            if _may_be_close(wrong, name)
        ),
        key=lambda pair: (-pair[0], pair[1]),
    )
    best = max((score for score, name in ranked if name in visible), default=0.0)
    if best >= _UNMISTAKABLE:
        ranked = [(score, name) for score, name in ranked if score > best - 0.15]
    found += [name for score, name in ranked if score >= _CLEARLY_MEANT and name in visible]
    if wrong in FOREIGN and (FOREIGN[wrong] != "self" or "self" in visible):
        found.append(FOREIGN[wrong])
    found += [
        name for score, name in ranked
        if score >= (_CLOSE_ENOUGH if name in visible else _CLOSE_BUILTIN)
    ]  # fmt: skip
    near_attribute = difflib.get_close_matches(wrong, sorted(attributes | methods), 1, 0.85)
    found += [f"self.{name}" for name in near_attribute if name != wrong]
    return [name for name in dict.fromkeys(found) if name != wrong][:4]


def _may_be_close(wrong: str, name: str) -> bool:
    """False for names that `_likeness` would rank below any use, found without comparing them."""
    if sorted(wrong) == sorted(name):
        return True
    shared = (Counter(wrong.lower()) & Counter(name.lower())).total()
    return 2 * shared / max(1, len(wrong) + len(name)) + _MOST_ADDED >= _CLOSE_ENOUGH


def _likeness(wrong: str, name: str) -> float:
    ratio = difflib.SequenceMatcher(None, wrong.lower(), name.lower(), autojunk=False).ratio()
    if sorted(wrong) == sorted(name):
        ratio += 0.15  # letters swapped: the commonest slip of all
    if wrong[:1] == name[:1]:
        ratio += 0.02
    if wrong.isupper() != name.isupper():  # a constant for a variable
        ratio -= 0.1
    if abs(len(wrong) - len(name)) == 1 and (wrong in name or name in wrong):
        ratio += 0.1
    return ratio


def _attributes(document: Document, match: re.Match[str]) -> list[str]:
    if match["did"]:
        return [match["did"]]
    wrong = match["name"]
    found = [right for right, foreign in _METHODS.items() if wrong in foreign]
    owner = getattr(builtins, match["type"], None)
    names = set(dir(owner)) if owner is not None else set()
    if found and names:
        found = [name for name in found if name in names]
    names |= set(re.findall(r"\.(\w+)", document.text))
    near = difflib.get_close_matches(wrong, sorted(names - {wrong}), 3, 0.65)
    return list(dict.fromkeys([*found, *near]))[:3]


@functools.lru_cache(maxsize=2)  # hints and proposals ask for the same
def _visible(text: str, line: int) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Names bound where `line` sees them; attributes of self and methods of its class."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        words = frozenset(re.findall(r"[A-Za-z_]\w*", text)) - set(keyword.kwlist)
        return words, frozenset(re.findall(r"\bself\.(\w+)", text)), frozenset()
    names: set[str] = set()
    attributes: set[str] = set()
    methods: set[str] = set()
    scope: ast.AST = tree
    while scope is not None:
        inner = None
        for node in _walk_scope(scope):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                if node.lineno - 1 <= line < (node.end_lineno or node.lineno):
                    inner = node
                if isinstance(scope, ast.ClassDef):
                    methods.add(node.name)
                    continue
            if not isinstance(scope, ast.ClassDef) or inner is None:
                names |= _bound(node)
        if isinstance(scope, ast.ClassDef):
            attributes |= {
                n.attr for n in ast.walk(scope)
                if isinstance(n, ast.Attribute)
                and isinstance(n.value, ast.Name) and n.value.id == "self"
            }  # fmt: skip
        if inner is None:
            break
        scope = inner
    if "self" not in names:
        attributes, methods = set(), set()
    return frozenset(names), frozenset(attributes), frozenset(methods)


def _walk_scope(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of one scope; inner functions and classes are given but not entered."""
    todo = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))


def _bound(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return {node.id}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, ast.alias):
        return {(node.asname or node.name).split(".")[0]}
    if isinstance(node, ast.ExceptHandler) and node.name:
        return {node.name}
    return set()

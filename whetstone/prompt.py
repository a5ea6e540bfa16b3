"""The only file with prompt text: a Problem becomes a prompt, an answer becomes a Replacement.

Serving, training and evaluation all call `render`, `answer_text` and `parse`, so they see the same
bytes. Two formats:

    chat     ChatML, as Qwen2.5-Instruct and Qwen2.5-Coder-Instruct take it.
    compact  special tokens and about 100 tokens in all, for the embedded starter model.

In both, text that stays the same between requests on a file comes first and the flagged lines come
last, so that an engine can reuse its key-value cache. Text from files can hold the very strings
that mark a prompt's parts; `_escape` makes them plain text, and `parse` turns them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from whetstone.problem import Problem, Replacement

FormatName = Literal["chat", "compact"]
FORMATS: tuple[FormatName, ...] = ("chat", "compact")

# The GGUF metadata key that names a model's format; absent means "chat".
GGUF_FORMAT_KEY = "whetstone.prompt_format"

# Special tokens of the starter's vocabulary, after Qwen2's own three.
PRE, POST, MSG, HINT, FAIL, BUG = (
    "<|pre|>", "<|post|>", "<|msg|>", "<|hint|>", "<|fail|>", "<|bug|>",
)  # fmt: skip
FIX, IMP, END = "<|fix|>", "<|imp|>", "<|end|>"
COMPACT_TOKENS: tuple[str, ...] = (PRE, POST, MSG, HINT, FAIL, BUG, FIX, IMP, END)
QWEN_TOKENS: tuple[str, ...] = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

COMPACT_ABOVE, COMPACT_BELOW, COMPACT_HEAD = 8, 4, 0
CHAT_ABOVE, CHAT_BELOW, CHAT_HEAD = 160, 60, 30  # lines at most; see whetstone/context.py
_FAILURE_LINES = {"compact": 3, "chat": 30}

_SYSTEM = """\
You repair Python code. You are shown part of a file, one problem, and the lines it points at. \
Reply with one block and nothing else. To replace the lines, reply

REPLACE
```python
the new lines, with their indentation
```

and to add an import instead, reply

IMPORT
```python
the import line
```

Change as little as possible. Keep the style of the file."""

_CHAT_ANSWER = re.compile(
    r"\A\s*(REPLACE|IMPORT)[ \t]*\n```(?:python|py)?[ \t]*\n(.*?)\n?```\s*\Z", re.DOTALL
)
_IMPORT_LINE = re.compile(r"\A(?:import|from)\s+[\w.]")
_MARK = re.compile(r"<(\u2758*)\|")
_UNMARK = re.compile(r"<\u2758(\u2758*)\|")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Rendered text, ready to tokenize with special tokens parsed and no token added in front.

    An answer begins with one of `starts`, where there are any: an engine that can choose among
    tokens need not let the model begin otherwise. It may well be one of `drafts`, the likeliest
    first: they decide how soon an answer is there, never what it is.
    """

    text: str
    format: FormatName
    stop: str
    starts: tuple[str, ...] = ()
    drafts: tuple[str, ...] = ()


def _escape(text: str) -> str:
    """`<|` marks a special token; one U+2758 inside makes it text, and more nest."""
    return _MARK.sub("<\u2758\\1|", text)


def _unescape(text: str) -> str:
    return _UNMARK.sub("<\\1|", text)


def render(problem: Problem, format: FormatName, *, expected: Iterable[Replacement] = ()) -> Prompt:
    """The prompt for `problem`; ends where the answer begins.

    Args:
        expected: what the answer may be, the likeliest first; that nothing changes is added.

    Raises:
        ValueError: `format` is not one of FORMATS.
    """
    unchanged = Replacement(kind="replace", lines=problem.flagged)
    drafts = tuple(answer_text(problem, draft, format) for draft in (*expected, unchanged))
    if format == "compact":
        text, stop, starts = _render_compact(problem), END, (FIX, IMP)
        return Prompt(text=text, format=format, stop=stop, starts=starts, drafts=drafts)
    if format == "chat":
        return Prompt(text=_render_chat(problem), format=format, stop="<|im_end|>", drafts=drafts)
    raise ValueError(f"unknown prompt format {format!r}; known: {', '.join(FORMATS)}")


def answer_text(problem: Problem, replacement: Replacement, format: FormatName) -> str:
    """The text a model should answer, without the end token: the inverse of `parse`."""
    body = _escape("\n".join(replacement.lines))
    if format == "compact":
        if replacement.kind == "import":
            return IMP + body
        return FIX + _escape("\n".join(_Layout.of(problem).shrink(replacement.lines)))
    word = "IMPORT" if replacement.kind == "import" else "REPLACE"
    block = f"{body}\n" if replacement.lines else ""
    return f"{word}\n```python\n{block}```"


def parse(text: str, problem: Problem, format: FormatName) -> Replacement | None:
    """The answer in `text`, or None when it is not one: such answers are dropped and counted."""
    if format == "compact":
        return _parse_compact(text, problem)
    match = _CHAT_ANSWER.match(text.replace("\r\n", "\n"))
    if match is None:
        return None
    return _replacement(match[1] == "IMPORT", _unescape(match[2]))


def _replacement(is_import: bool, body: str) -> Replacement | None:
    lines = tuple(line.rstrip() for line in body.split("\n")) if body else ()
    if not is_import:
        return Replacement(kind="replace", lines=lines)
    lines = tuple(line.strip() for line in lines if line.strip())
    if not lines or not all(_IMPORT_LINE.match(line) for line in lines):
        return None
    return Replacement(kind="import", lines=lines)


# -- chat ---------------------------------------------------------------------------------------


def _render_chat(problem: Problem) -> str:
    region = problem.region
    first = region.start - len(problem.above[-CHAT_ABOVE:]) + 1
    shown = (*problem.above[-CHAT_ABOVE:], *problem.flagged, *problem.below[:CHAT_BELOW])
    parts = [f"File {_escape(problem.name)}"]
    if problem.head:
        parts.append(_fence(problem.head[:CHAT_HEAD]))
    parts.append(f"From line {first}:\n" + _fence(shown))
    if problem.failure:
        tail = problem.failure.strip().splitlines()[-_FAILURE_LINES["chat"] :]
        parts.append("What failed:\n" + _fence(tuple(tail), "text"))
    where = f"line {region.start + 1}"
    if len(region) > 1:
        where = f"lines {region.start + 1} to {region.stop}"
    parts.append(f"Problem at {where}: {_escape(problem.diagnostic.headline)}")
    if problem.hints:
        parts.append("Hint: " + _escape("; ".join(problem.hints)))
    parts.append(f"The {where} to replace:\n" + _fence(problem.flagged))
    user = "\n\n".join(parts)
    return (
        f"<|im_start|>system\n{_SYSTEM}<|im_end|>\n"
        f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    )


def _fence(lines: tuple[str, ...], language: str = "python") -> str:
    return f"```{language}\n" + _escape("\n".join(lines)) + "\n```"


# -- compact ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How a window is indented: the small model always sees it dedented and with spaces."""

    tabs: bool
    margin: int

    @classmethod
    def of(cls, problem: Problem) -> _Layout:
        around = [*problem.above[-COMPACT_ABOVE:], *problem.below[:COMPACT_BELOW]]
        tabs = any(line.startswith("\t") for line in (*around, *problem.flagged))
        if not any(line.strip() for line in around):
            # Alone, a wrongly indented line would lose the very thing that is wrong with it.
            return cls(tabs=tabs, margin=0)
        spaced = map(_spaced, (*around, *problem.flagged))
        margin = min((_indent(line) for line in spaced if line.strip()), default=0)
        return cls(tabs=tabs, margin=margin // 4 * 4)

    def shrink(self, lines: tuple[str, ...]) -> list[str]:
        return [line[min(self.margin, _indent(line)) :] for line in map(_spaced, lines)]

    def grow(self, lines: list[str]) -> list[str]:
        grown = [" " * self.margin + line if line.strip() else "" for line in lines]
        if not self.tabs:
            return grown
        return [
            "\t" * (_indent(line) // 4) + " " * (_indent(line) % 4) + line.lstrip(" ")
            for line in grown
        ]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _spaced(line: str) -> str:
    body = line.lstrip(" \t")
    return line[: len(line) - len(body)].replace("\t", "    ") + body.rstrip()


def _render_compact(problem: Problem) -> str:
    layout = _Layout.of(problem)

    def block(lines: tuple[str, ...]) -> str:
        return _escape("\n".join(layout.shrink(lines)))

    parts = [PRE, block(problem.above[-COMPACT_ABOVE:]), POST, block(problem.below[:COMPACT_BELOW])]
    parts += [MSG, _escape(problem.diagnostic.headline)]
    if problem.hints:
        parts += [HINT, _escape(problem.hints[0])]
    if problem.failure:
        tail = problem.failure.strip().splitlines()[-_FAILURE_LINES["compact"] :]
        parts += [FAIL, _escape("\n".join(tail))]
    return "".join([*parts, BUG, block(problem.flagged)])


def _parse_compact(text: str, problem: Problem) -> Replacement | None:
    is_import = text.startswith(IMP)
    if not is_import and not text.startswith(FIX):
        return None
    body = text[len(IMP if is_import else FIX) :]
    if "<|" in body:  # a special token inside the answer: the model lost the format
        return None
    body = _unescape(body)
    if is_import:
        return _replacement(True, body)
    if not body:
        return Replacement(kind="replace", lines=())
    lines = _Layout.of(problem).grow([line.rstrip() for line in body.split("\n")])
    return Replacement(kind="replace", lines=tuple(lines))

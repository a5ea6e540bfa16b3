"""Lines and characters that were pasted or typed where they do not belong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whetstone.problem import Document, Problem, Replacement
from whetstone.rules.lines import flagged, with_lines
from whetstone.rules.names import undefined_name

# What ends a block elsewhere, fences of Markdown, prompts, the marks of a merge.
ENDS = frozenset(("end", "endif", "endfor", "endwhile", "fi", "done", "esac", "begin"))
_LINE = re.compile(
    r"\s*(?:```\w*|~~~|[})\]]+[;,]?|[{;]|>>>|\.\.\.[)\]}]|<{7}.*|={7}|>{7}.*|\|{7}.*)\s*\Z"
)
_PROMPT = re.compile(r"(\s*)(?:>>> ?|\.\.\. |\$ |[+.>|)\]}] ?|- )(?=[A-Za-z_@#])")
# What a line of another language, or of prose, ends with.
_END = re.compile(r"\s*(?:\bthen|\bdo|[?!$=]|\\)\s*\Z")
_HEADER = re.compile(r"\s*(?:async\s+)?(?:if|elif|else|for|while|with|def|class|try|except)\b.*:")


def propose(document: Document, problem: Problem) -> Iterator[Replacement]:
    found = flagged(problem)
    if found is None:
        return
    index, line = found
    code = line.split("#")[0].strip()
    if code in ENDS and (
        undefined_name(problem.diagnostic) == code
        or problem.diagnostic.code in ("B018", "SyntaxError")
    ):
        yield with_lines(problem, index)
    if problem.diagnostic.code == "B018" and (match := re.match(r"(\s*)[-+] (?=[rR]?[\"'])", line)):
        yield with_lines(problem, index, match[1] + line[match.end() :])
    if problem.diagnostic.source != "python":
        return
    if _LINE.match(line):
        yield with_lines(problem, index)
    if "expected an indented block" in problem.diagnostic.message:
        above = document.bare_lines()[: problem.region.start + index]
        last = next((text for text in reversed(above) if text.strip()), "")
        if line.rstrip() == last.rstrip() and _HEADER.match(line):
            yield with_lines(problem, index)
    if match := _PROMPT.match(line):
        yield with_lines(problem, index, match[1] + line[match.end() :])
    if (match := _END.search(line)) and not _HEADER.match(f"{line}:"):
        yield with_lines(problem, index, line[: match.start()])
    column = problem.diagnostic.span.start_column
    before = line[:column].rstrip()
    if (
        "unterminated string literal" in problem.diagnostic.message
        and line[column:].strip() in ("'", '"')
        and re.search(r"[)\]}:]\Z|\A\s*(?:from|import)\b", before)  # else it closes a text
    ):
        yield with_lines(problem, index, before)

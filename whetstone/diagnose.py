"""Finding problems: the file's own syntax error, or else what ruff says about its names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from whetstone.edit import TextEdit
from whetstone.errors import WhetstoneError
from whetstone.problem import Diagnostic, Document, Span

# Pyflakes-class findings, and the few others that are slips rather than taste.
RULES = (
    "F401", "F402", "F404", "F501", "F502", "F503", "F504", "F505", "F506", "F507", "F508", "F509",
    "F521", "F522", "F523", "F524", "F525", "F541", "F601", "F602", "F621", "F622", "F631", "F632",
    "F633", "F634", "F701", "F702", "F704", "F706", "F707", "F811", "F821", "F822", "F823", "F841",
    "F842", "F901", "E711", "E712", "E713", "E714", "E721", "B006", "B015", "B018",
)  # fmt: skip

_RUFF_TIMEOUT_S = 30.0
_DETAIL = re.compile(r" \(detected at line \d+\)| on line \d+| \(<unknown>, line \d+\)")


def find(document: Document) -> list[Diagnostic]:
    """The problems of `document`, first line first: its syntax error alone, else ruff's findings.

    Raises:
        WhetstoneError: ruff cannot be run.
    """
    syntax = syntax_error(document.text)
    return [syntax] if syntax else ruff(document)


def syntax_error(text: str) -> Diagnostic | None:
    """What this interpreter's compiler rejects first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<document>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return _from_syntax_error(error, text)
    except (ValueError, RecursionError, MemoryError) as error:
        message = str(error) or type(error).__name__
        return Diagnostic(
            source="python",
            code="SyntaxError",
            message=f"SyntaxError: {message}",
            span=Span(start_line=0, end_line=0),
        )
    return None


def _from_syntax_error(error: SyntaxError, text: str) -> Diagnostic:
    last = max(0, text.count("\n") - (1 if text.endswith("\n") else 0))
    line = min(max(1, error.lineno or 1) - 1, last)
    column = max(1, error.offset or 1) - 1
    end_line = max(line, min((error.end_lineno or line + 1) - 1, last))
    end_column = max(0, (error.end_offset or 0) - 1)
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    name = "IndentationError" if isinstance(error, IndentationError) else "SyntaxError"
    return Diagnostic(
        source="python",
        code=name,
        message=f"{name}: {_DETAIL.sub('', error.msg)}",
        span=Span(start_line=line, start_column=column, end_line=end_line, end_column=end_column),
    )


@cache
def ruff_command() -> str:
    """The ruff of this very environment, so that its version is the tested one.

    Raises:
        WhetstoneError: it is not installed.
    """
    try:
        from ruff.__main__ import find_ruff_bin

        return os.fsdecode(find_ruff_bin())
    except (ImportError, FileNotFoundError) as error:
        raise WhetstoneError(
            "ruff was not found beside Whetstone. Run `pip install ruff` in its environment."
        ) from error


def ruff(document: Document) -> list[Diagnostic]:
    """Ruff's findings for RULES; the workspace's own configuration is not read."""
    name = document.path.name if document.path else "untitled.py"
    data = _run_ruff(["-", "--stdin-filename", name], document.text)
    found = [_from_ruff(item) for item in data]
    if name == "__init__.py":  # what looks unused there is what the package offers
        found = [diagnostic for diagnostic in found if diagnostic.code != "F401"]
    return sorted(found, key=_place)


def ruff_many(document: Document, texts: Sequence[str]) -> list[list[Diagnostic]]:
    """What `ruff` finds in each of `texts`, were it the document's, by one process.

    Raises:
        WhetstoneError: ruff cannot be run.
    """
    offers = document.path is not None and document.path.name == "__init__.py"
    with tempfile.TemporaryDirectory(prefix="whetstone-ruff-") as name:
        for number, text in enumerate(texts):
            data = text.encode("utf-8", "surrogatepass")
            Path(name, f"text_{number}.py").write_bytes(data)
        found = ruff_folder(Path(name))
    return [
        [
            each
            for each in found.get(f"text_{number}.py", [])
            if not (offers and each.code == "F401")
        ]
        for number in range(len(texts))
    ]


def ruff_folder(folder: Path) -> dict[str, list[Diagnostic]]:
    """Findings for many files by one process: file name -> findings."""
    found: dict[str, list[Diagnostic]] = {}
    for item in _run_ruff([str(folder)], None):
        found.setdefault(Path(item["filename"]).name, []).append(_from_ruff(item))
    return {name: sorted(items, key=_place) for name, items in found.items()}


def ruff_fixes(document: Document) -> list[tuple[str, Span, tuple[TextEdit, ...]]]:
    """Ruff's own fixes: (code, place of the finding, edits)."""
    fixes = []
    for item in _run_ruff(["-", "--stdin-filename", "document.py"], document.text):
        if item.get("fix"):
            edits = tuple(
                TextEdit(span=_span(edit), new_text=str(edit["content"]))
                for edit in item["fix"]["edits"]
            )
            fixes.append((str(item["code"]), _span(item), edits))
    return fixes


def _run_ruff(arguments: Sequence[str], text: str | None) -> list[dict[str, Any]]:
    command = [
        ruff_command(), "check", "--isolated", "--no-cache", "--exit-zero", "--quiet",
        "--output-format", "json", "--select", ",".join(RULES),
        "--target-version", f"py3{min(sys.version_info.minor, 13)}", *arguments,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command,
            input=None if text is None else text.encode("utf-8", "surrogatepass"),
            capture_output=True,
            timeout=_RUFF_TIMEOUT_S,
            check=False,
        )
        return list(json.loads(done.stdout or b"[]"))
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise WhetstoneError(f"ruff could not be run: {error}. Try `ruff --version`.") from error


def _from_ruff(item: dict[str, Any]) -> Diagnostic:
    code = str(item["code"] or "SyntaxError")
    return Diagnostic(
        source="ruff",
        code="SyntaxError" if code == "invalid-syntax" else code,
        message=f"{code} {item['message']}".replace("`", "'"),
        severity="error" if code.startswith(("F82", "F7", "E9", "invalid")) else "warning",
        span=_span(item),
    )


def _span(item: dict[str, Any]) -> Span:
    start, end = item["location"], item["end_location"]
    return Span(
        start_line=max(0, start["row"] - 1),
        start_column=max(0, start["column"] - 1),
        end_line=max(0, end["row"] - 1),
        end_column=max(0, end["column"] - 1),
    )


def _place(diagnostic: Diagnostic) -> tuple[int, int, str]:
    return (diagnostic.span.start_line, diagnostic.span.start_column, diagnostic.code)

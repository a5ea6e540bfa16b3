"""Failures and their frames out of text: tracebacks as Python, pytest, unittest, logs print them.

The text may carry colours, the prefixes of a log or of an exception group, Windows paths, several
failures, and anything else: it is somebody's clipboard. Nothing here touches the disk.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_MAX_CHARS = 1_000_000  # the end of a longer text is read: there the failure stands
_MAX_LINE = 2_000
_MAX_FRAMES = 2_000

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_START = "Traceback (most recent call last):"
_FRAME = re.compile(r'File "(?P<path>[^"\n]+)", line (?P<line>\d{1,9})(?:, in (?P<name>.+))?')
_IPYTHON = re.compile(r"^File (?P<path>\S[^\n:]*\.pyw?):(?P<line>\d{1,9})(?:, in (?P<name>.+))?")
_PYTEST = re.compile(
    r"^(?P<path>(?:[A-Za-z]:[\\/])?[^\s:*?\"<>|][^:*?\"<>|\n]*\.pyw?):(?P<line>\d{1,9}):"
    r"(?P<what> .*|)$"
)
_NAME = r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*"
_RAISED = re.compile(rf"^(?P<kind>{_NAME})(?::(?: (?P<message>.*)|$)|$)")
_LOOKS_RAISED = re.compile(
    r"(?:Error|Exception|Warning|Interrupt|Exit|Iteration|Group|Fault|Timeout|Cancelled|Failed)$"
)
_SECTION = re.compile(r"^(?P<mark>[=_-])(?P=mark){2,} ?(?P<title>.*?) ?(?P=mark)*$")
_RULE = re.compile(r"^(?:_ ){3,}_?\s*$")
_GROUP = re.compile(r"^[ |]*(?:\+-[+-]*-+(?: [\w.]+ -+)?|\+ (?=Exception Group)|\| ?)")
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"

Link = Literal["", "cause", "context"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One call, as it was printed; `line` is 0-based. The path is a claim, nothing more."""

    path: str
    line: int
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One exception: what was raised, and the frames it passed, innermost last.

    `text` is what was printed about it, without prefixes and colours. `link` says how the failure
    that was printed before it is related to it.
    """

    kind: str
    message: str
    frames: tuple[Frame, ...]
    text: str
    test: str = ""
    link: Link = ""

    @property
    def headline(self) -> str:
        """`KeyError: 'x'`."""
        if not self.kind:
            return self.message or "the code fails here"
        return f"{self.kind}: {self.message}" if self.message else self.kind


def parse(text: str) -> list[Failure]:
    """The failures of `text`, the one to look at first in front.

    Of a log that is the last one; of pytest's output the first. In a chain, an exception that was
    raised `from` another comes after that other: the cause is where things went wrong. One that
    was raised while another was handled comes before it.
    """
    reader = _Reader()
    for line in _lines(text):
        reader.take(line)
    reader.end()
    chains: list[list[Failure]] = []
    for failure in reader.failures:
        if failure.link and chains:
            chains[-1].append(failure)
        else:
            chains.append([failure])
    if not reader.pytest:
        chains.reverse()
    return [failure for chain in chains for failure in _in_order(chain)]


def _in_order(chain: list[Failure]) -> list[Failure]:
    """`from` puts the cause first; `while handling` puts the newer one first."""
    ordered: list[Failure] = []
    for failure in chain:
        if failure.link == "cause":
            ordered.append(failure)
        else:
            ordered.insert(0, failure)
    return ordered


def _lines(text: str) -> Iterator[str]:
    text = _ANSI.sub("", text[-_MAX_CHARS:]).replace("\r\n", "\n").replace("\r", "\n")
    cut = 0  # characters of a log's prefix before each line of the present traceback
    for line in text.split("\n"):
        line = line[:_MAX_LINE].rstrip()
        at = line.find(_START)
        if at >= 0:
            group = _GROUP.match(line)
            cut = 0 if group and group.end() == at else at
            yield line[at:] if not group else line
            continue
        frame = line.find('  File "')
        if cut and frame >= 0 and frame != cut:
            cut = 0 if frame < cut else frame  # only the first line carried it, or it has grown
        yield line[cut:] if len(line) >= cut else line


class _Reader:
    """Takes line after line; a failure ends where its exception is named."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.pytest = False
        self._frames: list[Frame] = []
        self._text: list[str] = []
        self._said: list[str] = []  # pytest's lines that start with E
        self._test = ""
        self._link: Link = ""
        self._skipping = False
        self._quoted = False  # inside the source lines of a frame
        self._count = 0
        self._long: str = ""  # what the last `path:line: Name` of pytest's long style named

    def take(self, line: str) -> None:
        if self._section(line):
            return
        if self._skipping:
            return
        line = self._without_group(line)
        if line.strip() in (_CAUSE, _CONTEXT):
            self._finish()
            self._link = "cause" if line.strip() == _CAUSE else "context"
        elif line.lstrip().startswith((_START, "Exception Group Traceback")):
            self._finish()
            self._text.append(line.strip())
        elif not self._frame(line):
            self._other(line)

    def end(self) -> None:
        self._finish()

    # -- what a line may be -----------------------------------------------------------------------

    def _section(self, line: str) -> bool:
        """pytest's headings; what stands below some of them is no failure."""
        match = _SECTION.match(line)
        if match is None or _RULE.match(line):
            return False
        title = match["title"].strip()
        if not title:  # a line of one character: unittest draws such
            return True
        self._finish()
        if match["mark"] == "_":
            self.pytest, self._skipping = True, False
            self._test = title.removeprefix("ERROR at setup of ").removeprefix("ERROR collecting ")
        elif match["mark"] == "=":
            self._skipping = "warnings summary" in title or "short test summary" in title
            self.pytest |= title in ("FAILURES", "ERRORS")
        else:
            self._skipping = title.startswith("Captured")
        return True

    def _without_group(self, line: str) -> str:
        """The line without the border that exception groups draw; each part ends the one before."""
        match = _GROUP.match(line)
        if match is None:
            return line
        if "+-" in match.group():
            self._finish()
        return line[match.end() :]

    def _frame(self, line: str) -> bool:
        match = _FRAME.search(line) or _IPYTHON.match(line)
        if match is None:
            match = _PYTEST.match(line)
            if match is None or not self._is_pytest_frame(match["what"].strip()):
                return False
        self._quoted = match.re is not _PYTEST
        self._count += 1
        if self._count <= _MAX_FRAMES:
            number = max(0, int(match["line"]) - 1)
            named = match.groupdict().get("name") or ""
            self._frames.append(Frame(path=match["path"], line=number, function=named.strip()))
        self._text.append(line.rstrip())
        if self._long:
            self._finish()  # the exception stands in the frame's own line: it is the last one
        return True

    def _is_pytest_frame(self, what: str) -> bool:
        """`in name`, nothing, or the exception: a warning of a checker looks alike otherwise."""
        if what == "" or what.startswith("in "):
            return True
        raised = _RAISED.match(what)
        if raised is None or not _LOOKS_RAISED.search(raised["kind"]):
            return False
        if raised["kind"].endswith("Warning") and raised["message"]:
            return False  # as the warnings module prints what is no failure
        self._long = what
        return True

    def _other(self, line: str) -> None:
        said = re.match(r"^E(?: {1,7}(?P<text>.*)|$)", line)
        if said and (self._frames or self.pytest):
            self._said.append((said["text"] or "").rstrip())
            self._text.append((said["text"] or "").rstrip())
            return
        if self.pytest and line.startswith(">"):
            self._text.append(line[1:].rstrip())
        if not self._frames:
            return
        raised = _RAISED.match(line) if line[:1].strip() else None
        if raised and self._is_raised(raised["kind"]):
            self._text.append(line)
            self._finish(raised["kind"], raised["message"] or "")
        elif line[:1] == " ":
            self._text.append(line)  # the source line of a frame, and the marks below it

    def _is_raised(self, kind: str) -> bool:
        # Directly below a frame anything with a colon may be an exception of the user's own.
        return bool(_LOOKS_RAISED.search(kind)) or self._quoted

    # -- failures ---------------------------------------------------------------------------------

    def _finish(self, kind: str = "", message: str = "") -> None:
        if not kind and (self._said or self._long):
            kind, message = self._from_pytest()
        if self._frames or (self._said and kind):
            failure = Failure(
                kind=kind,
                message=message.strip(),
                frames=tuple(self._frames),
                text="\n".join(self._text).strip(),
                test=self._test,
                link=self._link,
            )
            self.failures.append(_with_assertion(failure))
            self._link = ""
        self._frames, self._text, self._said = [], [], []
        self._count, self._long, self._quoted = 0, "", False

    def _from_pytest(self) -> tuple[str, str]:
        """pytest prints the exception behind E, and its name once more below."""
        long = _RAISED.match(self._long)
        first = next((line for line in self._said if line.strip()), "")
        raised = _RAISED.match(first)
        if raised and (_LOOKS_RAISED.search(raised["kind"]) or not long):
            return raised["kind"], raised["message"] or ""
        if first.startswith("assert "):
            return "AssertionError", first
        if long:
            return long["kind"], long["message"] or first
        return ("AssertionError", first) if first else ("", "")


def _with_assertion(failure: Failure) -> Failure:
    """A bare AssertionError says nothing; the line that was asserted does."""
    if failure.kind != "AssertionError" or failure.message:
        return failure
    asserted = [line.strip() for line in failure.text.split("\n") if " assert " in f" {line}"]
    if not asserted or not asserted[-1].startswith("assert "):
        return failure
    return dataclasses.replace(failure, message=asserted[-1])

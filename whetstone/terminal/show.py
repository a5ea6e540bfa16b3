"""What `whetstone fix` prints: problems, diffs, evidence; and the JSON form of the same."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text

from whetstone.candidate import Candidate, Proposal
from whetstone.problem import Diagnostic, Document

_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def _printable(text: str) -> str:
    """Control characters of the file must not reach the terminal."""
    return "".join(char if char.isprintable() or char in "\t\n" else "\ufffd" for char in text)


def problem(console: Console, document: Document, diagnostic: Diagnostic, number: int) -> None:
    """The problem's headline and the line it points at."""
    line = diagnostic.span.start_line
    console.print(
        f"\n[bold]{number}. {escape(document.name)}:{line + 1}[/bold]  "
        f"{escape(_printable(diagnostic.headline))}",
        highlight=False,
    )
    lines = document.lines()
    if line < len(lines):
        code = _printable(lines[line].rstrip("\r\n"))
        console.print(Syntax(code or " ", "python", line_numbers=True, start_line=line + 1,
                             theme="ansi_dark", background_color="default"))  # fmt: skip


def candidate(console: Console, proposal: Proposal, index: int) -> None:
    """One candidate: its title, its diff, what was proved, where it came from."""
    shown = proposal.candidates[index]
    position = f"{index + 1} of {len(proposal.candidates)}"
    name = escape(_printable(shown.title))
    console.print(f"   [bold green]{name}[/bold green]  [dim]fix {position}[/dim]", highlight=False)
    for line in shown.diff.splitlines():
        if not line.startswith(("---", "+++")):
            console.print(Text("   " + _printable(line), style=_DIFF_STYLES.get(line[:1], "dim")))
    console.print(f"   [dim]{escape(facts(proposal, shown))}[/dim]", highlight=False)


def facts(proposal: Proposal, shown: Candidate) -> str:
    """`proved: parses, diagnostic gone, nothing new · from the model · log-probability -0.4`."""
    origin = {"model": "the model", "rule": "a rule", "both": "the model and a rule"}[shown.origin]
    parts = [f"proved: {shown.evidence.summary}", f"from {origin}"]
    if shown.logprob is not None:
        parts.append(f"log-probability {shown.logprob:.2f}")
    return " · ".join([*parts, f"{proposal.latency_s:.2f} s", proposal.model_id])


def nothing(console: Console, proposal: Proposal) -> None:
    """Why no fix is shown: silence without a reason looks like a crash."""
    tried = len(proposal.rejected)
    why = "no candidate was found"
    if tried:
        why = f"{tried} candidate{'s' if tried > 1 else ''} could not be proved"
        why += f"; the first: {proposal.rejected[0].evidence.summary}"
    console.print(f"   [yellow]No fix to show: {escape(why)}.[/yellow]", highlight=False)


def as_json(
    proposal: Proposal, *, file: str, accepted: str | None, suggestion: str | None
) -> dict[str, Any]:
    """One problem with all its candidates, as `--json` prints it."""
    span = proposal.diagnostic.span
    return {
        "file": file,
        "range": {
            "start": {"line": span.start_line + 1, "column": span.start_column + 1},
            "end": {"line": span.end_line + 1, "column": span.end_column + 1},
        },
        "diagnostic": {
            "source": proposal.diagnostic.source,
            "code": proposal.diagnostic.code,
            "message": proposal.diagnostic.message,
            "severity": proposal.diagnostic.severity,
        },
        "candidates": [_candidate_json(candidate) for candidate in proposal.candidates],
        "rejected": [_candidate_json(candidate) for candidate in proposal.rejected],
        "accepted": accepted,
        "suggestion": suggestion,
        "model": proposal.model_id,
        "format": proposal.prompt_format,
        "unparsable": proposal.unparsable,
        "latency_s": round(proposal.latency_s, 4),
    }


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "title": candidate.title,
        "origin": candidate.origin,
        "kind": candidate.replacement.kind,
        "text": "\n".join(candidate.replacement.lines),
        "diff": candidate.diff,
        "evidence": candidate.evidence.to_json(),
        "logprob": candidate.logprob,
        "tokens": candidate.tokens,
    }

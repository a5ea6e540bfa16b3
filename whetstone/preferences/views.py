"""How stored preferences look in a terminal. Stored text is other people's: shown, never obeyed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from whetstone.preferences.outcome import TABLE
from whetstone.preferences.records import (
    Group,
    Pair,
    Stats,
    StoredCandidate,
    Suggestion,
    SuggestionDetail,
)
from whetstone.problem import Replacement

if TYPE_CHECKING:
    from whetstone.analogy import Rewrite

_STYLES = {
    "accepted": "green", "amended": "green", "reverted": "red", "rejected": "red",
    "superseded": "yellow", "ignored": "dim", "expired": "dim", "open": "cyan",
}  # fmt: skip
_DIFF_STYLES = {"+": "green", "-": "red", "@": "cyan"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ID_CHARS = 8
_PIPE_WIDTH = 160  # a table in a pipe is read by programs and by `less -S`


def console() -> Console:
    """Standard output; wide and without colour when it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def plain(text: str, style: str = "") -> Text:
    """Text without markup, with control characters made visible: it may hold terminal commands."""
    return Text(_CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text), style=style)


def _outcome(name: str | None) -> Text:
    shown = name or "open"
    return Text(shown, style=_STYLES.get(shown, ""))


def percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def when(time: str) -> str:
    return time[:16].replace("T", " ")


def suggestion_table(suggestions: Sequence[Suggestion], *, width: int) -> Table | Text:
    """One line each; in a terminal narrower than 110 columns without the model and the counts."""
    if not suggestions:
        return Text("No suggestions here yet. `whetstone fix FILE` and the editor make them.")
    is_wide = width >= 110
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for name in ("id", "time (UTC)", "outcome"):
        table.add_column(name, no_wrap=True)
    table.add_column("file", no_wrap=True, max_width=40)
    table.add_column("problem", no_wrap=True, ratio=1)
    if is_wide:
        table.add_column("fixes", justify="right")
        table.add_column("pairs", justify="right")
        table.add_column("model", no_wrap=True, max_width=30)
    for suggestion in suggestions:
        cells: list[str | Text] = [
            suggestion.id[:_ID_CHARS],
            when(suggestion.created_at),
            _outcome(suggestion.outcome),
            plain(suggestion.file),
            plain(suggestion.headline),
        ]
        if is_wide:
            counts = (str(suggestion.candidates), str(suggestion.pairs))
            cells += [*counts, plain(suggestion.model_id)]
        table.add_row(*cells)
    return table


def show_detail(out: Console, detail: SuggestionDetail) -> None:
    summary = detail.summary
    line = detail.problem.region.start + 1
    out.print(Text.assemble((f"{summary.id}  ", "bold"), _outcome(summary.outcome)))
    out.print(plain(f"{summary.file}:{line}  {summary.headline}"))
    out.print(
        plain(
            f"{when(summary.created_at)} UTC, {summary.client}, {summary.model_id} "
            f"({summary.prompt_format}), {summary.latency_s:.2f} s"
            + (f", unparsable answers: {summary.unparsable}" if summary.unparsable else ""),
            "dim",
        )
    )
    if summary.outcome is not None:
        out.print(plain(f"{summary.outcome}: {TABLE[summary.outcome].meaning}", "dim"))
    for candidate in detail.candidates:
        _show_candidate(out, candidate, taken=candidate.id == summary.candidate_id)
    if detail.user_lines is not None:
        out.print(Text("\nWritten by you", style="bold"))
        _print_lines(out, (f"+{text}" for text in detail.user_lines))
    _show_events(out, detail)
    for pair in detail.pairs:
        _show_pair(out, pair)


def _show_candidate(out: Console, candidate: StoredCandidate, *, taken: bool) -> None:
    state = "" if candidate.shown else "  never shown"
    state += "  (the one)" if taken else ""
    out.print()
    out.print(
        Text.assemble(
            (f"Fix {candidate.rank + 1}  ", "bold"),
            plain(candidate.title, "bold"),
            (state, "dim"),
        )
    )
    likelihood = "" if candidate.logprob is None else f", log-probability {candidate.logprob:.2f}"
    out.print(
        plain(f"from {candidate.origin}{likelihood}; {evidence_text(candidate.evidence)}", "dim")
    )
    diff = candidate.diff.splitlines()
    _print_lines(out, (line for line in diff if not line.startswith(("---", "+++"))))


def evidence_text(evidence: Any) -> str:
    """`parses: yes, diagnostic gone: no (detail)` from what Evidence.to_json wrote."""
    checks = evidence if isinstance(evidence, list) else evidence.get("checks", [])
    words = {True: "yes", False: "no", None: "unknown"}
    parts = []
    for check in checks:
        detail = f" ({check['detail']})" if check.get("detail") else ""
        parts.append(f"{check.get('name')}: {words.get(check.get('passed'))}{detail}")
    return ", ".join(parts) or "nothing was checked"


def _print_lines(out: Console, lines: Iterable[str]) -> None:
    for line in lines:
        out.print(plain(f"  {line}", _DIFF_STYLES.get(line[:1], "")), soft_wrap=True)


def _show_events(out: Console, detail: SuggestionDetail) -> None:
    if not detail.events:
        return
    ranks = {candidate.id: candidate.rank + 1 for candidate in detail.candidates}
    out.print(Text("\nWhat happened", style="bold"))
    for event in detail.events:
        fix = f" fix {ranks[event.candidate_id]}" if event.candidate_id in ranks else ""
        out.print(plain(f"  {event.at[11:19]}  {event.kind}{fix}"))


def _show_pair(out: Console, pair: Pair) -> None:
    kind = "Pair" if pair.is_triplet else "Unpaired"
    trained = f"trained in {pair.trained_run}" if pair.trained_run else "not trained on yet"
    out.print()
    out.print(
        Text.assemble(
            (f"{kind} {pair.id}  ", "bold"),
            plain(f"{pair.source}, weight {pair.weight:g}, {trained}", "dim"),
        )
    )
    _print_lines(out, [*_side("-", pair.rejected), *_side("+", pair.chosen)])


def _side(sign: str, side: Replacement | None) -> list[str]:
    if side is None:
        return []
    if side.kind == "import":
        return [f"{sign}(import) {line}" for line in side.lines]
    return [f"{sign}{line}" for line in side.lines] or [f"{sign}(no line)"]


def show_rewrites(out: Console, rewrites: Sequence[Rewrite]) -> None:
    if not rewrites:
        out.print("Nothing yet: a rewrite is learnt from two choices that do the same.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("found", overflow="fold")
    table.add_column("you make", overflow="fold")
    table.add_column("times", justify="right")
    for rewrite in rewrites:
        table.add_row(plain(rewrite.finding), plain(str(rewrite)), str(rewrite.times))
    out.print(table)


def show_stats(out: Console, stats: Stats, path: Path) -> None:
    out.print(Text(str(path), style="dim"))
    out.print(
        f"{stats.suggestions} suggestions, {stats.open} open; taken: {percent(stats.acceptance)}"
    )
    out.print(
        f"{stats.triplets} triplets, {stats.untrained} not trained on yet; "
        f"{stats.unpaired} with one side alone"
    )
    for title, groups in (
        ("rule", stats.by_code),
        ("model", stats.by_model),
        ("day", stats.by_day[-14:]),
    ):
        if groups:
            out.print()
            out.print(_group_table(title, groups))


def _group_table(title: str, groups: Sequence[Group]) -> Table:
    names = [str(outcome) for outcome in TABLE]
    used = [name for name in names if any(group.outcomes.get(name) for group in groups)]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(title, overflow="fold")
    for name in ("suggestions", *used, "taken"):
        table.add_column(name, justify="right")
    for group in groups:
        counts = (str(group.outcomes.get(name, 0)) for name in used)
        table.add_row(
            plain(group.name or "(none)"),
            str(group.suggestions),
            *counts,
            percent(group.acceptance),
        )
    return table


def stats_json(stats: Stats, path: Path) -> dict[str, Any]:
    data = asdict(stats)
    data["acceptance"] = stats.acceptance
    for name in ("by_code", "by_model", "by_day"):
        groups: tuple[Group, ...] = getattr(stats, name)
        data[name] = [{**asdict(group), "acceptance": group.acceptance} for group in groups]
    return {"database": str(path), **data}

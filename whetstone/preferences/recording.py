"""From live values to rows: the one place where text is redacted on its way into the store."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from whetstone.preferences.outcome import Draft, Outcome
from whetstone.preferences.records import NewPair, replacement_to_json
from whetstone.preferences.redact import redact, redact_lines
from whetstone.problem import Problem, Replacement

if TYPE_CHECKING:
    from whetstone.candidate import Candidate, Proposal

MAX_EVENT_CHARS = 64_000  # a whole pasted file is no event
_GROUPS = ("head", "above", "flagged", "below")


def now() -> str:
    """UTC with milliseconds, so that text order is time order."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def redact_problem(problem: Problem) -> Problem:
    """The problem without secrets; every group of lines keeps its number of lines."""
    window = (problem.above, problem.flagged, problem.below)
    above, flagged, below = (
        redact_lines(
            group,
            before=[line for earlier in window[:place] for line in earlier],
            after=[line for later in window[place + 1 :] for line in later],
        )
        for place, group in enumerate(window)
    )
    return dataclasses.replace(
        problem,
        name=redact(problem.name),
        diagnostic=dataclasses.replace(
            problem.diagnostic, message=redact(problem.diagnostic.message)
        ),
        head=redact_lines(problem.head),
        above=above,
        flagged=flagged,
        below=below,
        hints=tuple(map(redact, problem.hints)),
        failure=redact(problem.failure),
    )


def redact_replacement(problem: Problem, replacement: Replacement) -> Replacement:
    """The answer without secrets, read where it would stand."""
    lines = redact_lines(replacement.lines, before=problem.above, after=problem.below)
    return dataclasses.replace(replacement, lines=lines)


def redact_json(value: Any) -> Any:
    """Every text inside a JSON value, redacted; a value is also read beside its key."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {str(key): _redact_member(str(key), item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_json(item) for item in value]
    return value


def _redact_member(key: str, item: Any) -> Any:
    if not isinstance(item, str):
        return redact_json(item)
    prefix = f"{key}: "  # {"password": "x"} says more together than apart
    together = redact(to_json({key: item}))
    if "«redacted:" in together and "«redacted:" not in redact(item):
        return redact(prefix + item).removeprefix(prefix) if "\n" in item else "«redacted:secret»"
    return redact(item)


def problem_row(problem: Problem) -> dict[str, Any]:
    """The row of a problem that is redacted already."""
    data = json.dumps(problem.to_json(), ensure_ascii=False, sort_keys=True)
    return {"id": hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest(), "data": data}


def suggestion_row(proposal: Proposal, *, client: str, workspace: str) -> dict[str, Any]:
    problem = proposal.problem
    return {
        "id": proposal.id,
        "created_at": now(),
        "file": _file(proposal.document.path, problem.name, workspace),
        "code": redact(problem.diagnostic.code),
        "headline": redact(problem.diagnostic.headline),
        "client": redact(client),
        "workspace": redact(workspace),
        "model_id": proposal.model_id,
        "prompt_format": proposal.prompt_format,
        "latency_s": float(proposal.latency_s),
        "unparsable": int(proposal.unparsable),
    }


def _file(path: Path | None, name: str, workspace: str) -> str:
    """Inside the workspace its place there, else its name alone: folders can tell who you are."""
    if path is not None and workspace:
        try:
            return redact(path.relative_to(workspace).as_posix())
        except ValueError:
            pass
    return redact(name)


UserKind = Literal["replace", "import"]


def verdict_fields(
    outcome: Outcome | None, lines: tuple[str, ...] | None, kind: UserKind | None
) -> tuple[str | None, dict[str, Any]]:
    """Text and detail of an event that says what a saved file means for a suggestion."""
    text = None if lines is None else "\n".join(lines)
    if outcome is None or (text is not None and len(text) > MAX_EVENT_CHARS):
        return None, {"outcome": None}
    detail = {
        "outcome": str(outcome),
        "lines": None if lines is None else len(lines),
        "kind": kind,
    }
    return text, {key: value for key, value in detail.items() if value is not None}


def verdict_of(
    text: str | None, detail: str | None
) -> tuple[Outcome | None, tuple[str, ...] | None, UserKind | None]:
    """What `verdict_fields` made an event from; nothing where a newer Whetstone wrote it."""
    fields = json.loads(detail) if detail else {}
    if fields.get("outcome") not in set(Outcome):
        return None, None, None
    lines = None
    if text is not None:
        lines = tuple(text.split("\n")) if fields.get("lines") != 0 else ()
    return Outcome(fields["outcome"]), lines, fields.get("kind")


def candidate_row(
    candidate: Candidate, proposal: Proposal, *, rank: int, shown: bool
) -> dict[str, Any]:
    replacement = redact_replacement(proposal.problem, candidate.replacement)
    return {
        "id": candidate.id,
        "suggestion_id": proposal.id,
        "rank": rank,
        "shown": int(shown),
        "origin": candidate.origin,
        "title": redact(candidate.title),
        "replacement": replacement_to_json(replacement),
        "diff": redact(candidate.diff),
        "evidence": to_json(redact_json(candidate.evidence.to_json())),
        "logprob": candidate.logprob,
        "tokens": int(candidate.tokens),
    }


def pair_row(
    draft: Draft, *, problem_id: str, suggestion_id: str, model_id: str, created_at: str
) -> dict[str, Any]:
    chosen = replacement_to_json(draft.chosen) if draft.chosen else None
    rejected = replacement_to_json(draft.rejected) if draft.rejected else None
    identity = json.dumps([problem_id, suggestion_id, chosen, rejected])
    return {
        "digest": hashlib.sha256(identity.encode()).hexdigest(),
        "problem_id": problem_id,
        "suggestion_id": suggestion_id,
        "chosen": chosen,
        "rejected": rejected,
        "weight": draft.weight,
        "source": draft.source,
        "model_id": model_id,
        "created_at": created_at,
    }


def new_pair_rows(pair: NewPair) -> tuple[dict[str, Any], dict[str, Any]]:
    """The rows of a pair made elsewhere and of its problem, both redacted."""
    problem = problem_row(redact_problem(pair.problem))
    chosen, rejected = (
        None if side is None else redact_replacement(pair.problem, side)
        for side in (pair.chosen, pair.rejected)
    )
    draft = Draft(chosen=chosen, rejected=rejected, weight=pair.weight, source=redact(pair.source))
    row = pair_row(
        draft,
        problem_id=problem["id"],
        suggestion_id=redact(pair.suggestion_id),
        model_id=redact(pair.model_id),
        created_at=pair.created_at or now(),
    )
    return problem, row

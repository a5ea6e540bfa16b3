"""Stored pairs as token ids, with nothing of an answer ever cut off."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from whetstone.preferences.records import Pair
from whetstone.problem import Problem, Replacement
from whetstone.prompt import FormatName, answer_text, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One pair for one model. The answers end with the format's stop token."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What became of the pairs: `shortened` lost context lines, `dropped` fit in no way."""

    examples: tuple[Example, ...]
    shortened: int
    dropped: int


def encode(
    pairs: Sequence[Pair], tokenizer: Any, format: FormatName, *, max_length: int
) -> Encoded:
    """Render and tokenize `pairs`, prompt and answer apart, as the engine does when it serves."""
    examples, shortened, dropped = [], 0, 0
    for pair in pairs:
        assert pair.chosen is not None and pair.rejected is not None
        stop = render(pair.problem, format).stop
        answers = [
            _ids(tokenizer, answer_text(pair.problem, side, format) + stop)
            for side in (pair.chosen, pair.rejected)
        ]
        room = max_length - max(map(len, answers))
        prompt, problem = _fit(pair.problem, tokenizer, format, room)
        if prompt is None or answers[0] == answers[1]:
            dropped += 1
            continue
        shortened += problem != pair.problem
        examples.append(
            Example(prompt=prompt, chosen=answers[0], rejected=answers[1], weight=pair.weight)
        )
    return Encoded(examples=tuple(examples), shortened=shortened, dropped=dropped)


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _fit(
    problem: Problem, tokenizer: Any, format: FormatName, room: int
) -> tuple[tuple[int, ...] | None, Problem]:
    """The prompt with as much context as `room` tokens hold, nearest lines kept; or None."""
    whole = max(len(problem.above), len(problem.below), len(problem.head))
    keep = whole
    while True:
        smaller = problem if keep == whole else _shrink(problem, keep)
        prompt = _ids(tokenizer, render(smaller, format).text)
        if len(prompt) <= room:
            return prompt, smaller
        if keep == 0:
            return None, problem
        keep = keep // 2


def _shrink(problem: Problem, lines: int) -> Problem:
    return dataclasses.replace(
        problem,
        head=problem.head[:lines],
        above=problem.above[-lines:] if lines else (),
        below=problem.below[:lines],
        failure="\n".join(problem.failure.splitlines()[-max(1, lines) :]),
    )


def data_hash(pairs: Sequence[Pair]) -> str:
    """Names a set of pairs by content: the same pairs give the same sixteen digits."""
    rows = sorted(json.dumps(pair_to_json(pair), sort_keys=True) for pair in pairs)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def pair_to_json(pair: Pair) -> dict[str, Any]:
    """A pair as the run folder keeps it."""
    return {**dataclasses.asdict(pair), "problem": pair.problem.to_json()}


def pair_from_json(stored: dict[str, Any]) -> Pair:
    """The inverse of `pair_to_json`."""

    def side(value: dict[str, Any] | None) -> Replacement | None:
        if value is None:
            return None
        return Replacement(kind=value["kind"], lines=tuple(value["lines"]))

    return Pair(
        **{
            **stored,
            "problem": Problem.from_json(stored["problem"]),
            "chosen": side(stored["chosen"]),
            "rejected": side(stored["rejected"]),
        }
    )

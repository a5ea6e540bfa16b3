"""Stored pairs as token ids, with nothing of an answer ever cut off."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whetstone.preferences.records import Pair
from whetstone.problem import Problem, Replacement
from whetstone.prompt import FormatName, answer_text, render


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One pair, or one answer without a partner, for one model.

    The answers end with the format's stop token. `smoothing` is the share of such pairs that are
    believed to stand the wrong way round.
    """

    pair_id: int
    prompt: tuple[int, ...]
    chosen: tuple[int, ...] | None
    rejected: tuple[int, ...] | None
    weight: float
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """What became of the pairs: `shortened` lost context lines, `dropped` fit in no way."""

    examples: tuple[Example, ...]
    shortened: int
    dropped: int

    @property
    def notice(self) -> str | None:
        """A sentence for the user, when not everything went in as it was."""
        if not self.shortened and not self.dropped:
            return None
        return (
            f"{self.shortened} prompts lost context lines from their middle to fit, {self.dropped} "
            "pairs were dropped: too long even without context, or alike once rendered."
        )


def encode(
    pairs: Sequence[Pair],
    tokenizer: Any,
    format: FormatName,
    *,
    max_length: int,
    noise: Mapping[str, float] | None = None,
) -> Encoded:
    """Render and tokenize `pairs`, prompt and answer apart, as the engine does when it serves.

    A prompt that is too long loses lines from its middle: context, the farthest from the problem
    first. Its beginning (the task) and its end (the problem and its lines) stay, and so do both
    answers, whole.

    Args:
        max_length: tokens of prompt and longer answer together.
        noise: by source, the share of pairs that stand the wrong way round.
    """
    examples, shortened, dropped = [], 0, 0
    for pair in pairs:
        stop = render(pair.problem, format).stop
        chosen, rejected = (
            None
            if side is None
            else _ids(tokenizer, answer_text(pair.problem, side, format) + stop)
            for side in (pair.chosen, pair.rejected)
        )
        room = max_length - max(len(chosen or ()), len(rejected or ()))
        prompt, problem = _fit(pair.problem, tokenizer, format, room)
        if prompt is None or chosen == rejected:
            dropped += 1
            continue
        shortened += problem != pair.problem
        examples.append(
            Example(
                pair_id=pair.id,
                prompt=prompt,
                chosen=chosen,
                rejected=rejected,
                weight=pair.weight,
                smoothing=(noise or {}).get(pair.source, 0.0),
            )
        )
    return Encoded(examples=tuple(examples), shortened=shortened, dropped=dropped)


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])


def _fit(
    problem: Problem, tokenizer: Any, format: FormatName, room: int
) -> tuple[tuple[int, ...] | None, Problem]:
    """The prompt with as many context lines as `room` tokens hold, nearest lines kept; or None."""

    def attempt(lines: int) -> tuple[tuple[int, ...], Problem]:
        smaller = problem if lines == whole else _shrink(problem, lines)
        return _ids(tokenizer, render(smaller, format).text), smaller

    whole = max(len(problem.above), len(problem.below), len(problem.head))
    best = attempt(whole)
    if len(best[0]) <= room:
        return best
    best = attempt(0)
    if len(best[0]) > room:
        return None, problem
    fits, too_many = 0, whole
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        found = attempt(middle)
        if len(found[0]) <= room:
            fits, best = middle, found
        else:
            too_many = middle
    return best


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

"""What an engine has done since it was loaded; the difference of two snapshots is one request."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    prompt_tokens: int = 0  # of all prompts that were asked or scored
    prompt_tokens_recomputed: int = 0  # of those, decoded because no cache held them
    prompt_tokens_shifted: int = 0  # of those, moved to a new position instead of decoded
    tokens_generated: int = 0  # of all answers, end tokens included; shared ones count once
    drafted: int = 0  # guessed tokens that were verified
    accepted: int = 0  # of those, the ones that were right
    decodes: int = 0  # calls of llama_decode
    prompt_seconds: float = 0.0
    answer_seconds: float = 0.0

    def __sub__(self, earlier: Stats) -> Stats:
        names = [field.name for field in dataclasses.fields(self)]
        return Stats(**{name: getattr(self, name) - getattr(earlier, name) for name in names})


@dataclass(slots=True)
class Counters:
    """The same numbers while they are counted."""

    prompt_tokens: int = 0
    prompt_tokens_recomputed: int = 0
    prompt_tokens_shifted: int = 0
    tokens_generated: int = 0
    drafted: int = 0
    accepted: int = 0
    decodes: int = 0
    prompt_seconds: float = 0.0
    answer_seconds: float = 0.0

    def snapshot(self) -> Stats:
        return Stats(**dataclasses.asdict(self))

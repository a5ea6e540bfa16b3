"""Prompts that were computed before: the one in the context, and parked ones of other documents.

llama.cpp attends over all used cells of a context, those of other sequences included, so only the
current prompt stays there. The others are parked outside, as bytes, the least recently used ones
dropped when they exceed the budget; bringing one back is a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from whetstone.engine.llama.context import PROMPT, SPARE, Context
from whetstone.engine.llama.shift import Moved, Reuse, Tokens, common, reuse
from whetstone.engine.llama.stats import Counters

_WORTH = 16  # tokens; computing fewer is as quick as moving a whole state
_ENTRIES = 512
_ENOUGH = 128  # tokens left to compute: no parked prompt is looked through for moved text then
_LOOKED_THROUGH = 8  # parked prompts at most; finding what moved takes 1 to 2 ms for each


@dataclass(slots=True, eq=False)
class Parked:
    """A prompt that is not in the context."""

    tokens: Tokens
    state: NDArray[np.uint8]
    owner: str  # model_id of the model, adapter included, that computed it


class PromptCache:
    """What the context's prompt sequence holds, and what can be brought back into it."""

    def __init__(
        self,
        context: Context,
        counters: Counters,
        *,
        owner: str,
        budget_bytes: int,
        shift: bool,
    ) -> None:
        self._context = context
        self._counters = counters
        self._budget = budget_bytes
        self._runs = context.sequences if shift else 0  # that may be moved at once
        self._live: Tokens = np.empty(0, np.int32)
        self.owner = owner  # who computes now; the prompts of others are no use to it
        self.parked: list[Parked] = []  # least recently used first

    @property
    def live(self) -> Tokens:
        return self._live

    @property
    def parked_bytes(self) -> int:
        return sum(entry.state.nbytes for entry in self.parked)

    def prepare(self, tokens: Tokens) -> Reuse:
        """Make the context hold the known prompt that has most of `tokens`; what it has of them.

        More may stand there, which is the caller's to trim.

        What the context holds beyond the beginning is parked when it is most of a prompt: an edit
        at the same place leaves most of it standing, another document does not.
        """
        best, found = self._best(tokens)
        if best is not None or common(self._live, tokens) < self._live.size / 2:
            self._park()
        if best is not None and not self._restore(best):
            return Reuse(prefix=0)
        return found

    def _best(self, tokens: Tokens) -> tuple[Parked | None, Reuse]:
        """The parked prompt to bring back, None where the live one has as much, and what it has."""
        best, found = None, reuse(self._live, tokens, runs=self._runs)
        if not self._runs:
            candidates = self._longer(tokens, found.prefix + _WORTH)
        else:
            candidates = self._alike(tokens) if tokens.size - found.size > _ENOUGH else []
        for entry in candidates:
            other = reuse(entry.tokens, tokens, runs=self._runs)
            if other.size > found.size + (0 if best else _WORTH):
                best, found = entry, other
        return best, found

    def _longer(self, tokens: Tokens, longest: int) -> list[Parked]:
        """Parked prompts that may share more than `longest` tokens from the beginning."""
        # One comparison rules most of them out: to win, an entry has to agree at `longest`.
        return [
            entry
            for entry in self.parked
            if entry.owner == self.owner
            and entry.tokens.size > longest < tokens.size
            and entry.tokens[longest] == tokens[longest]
        ]

    def _alike(self, tokens: Tokens) -> list[Parked]:
        """The parked prompts that begin most like `tokens`, as those of the same document do."""
        own = [entry for entry in self.parked if entry.owner == self.owner]
        own.sort(key=lambda entry: common(entry.tokens, tokens))
        return own[: -_LOOKED_THROUGH - 1 : -1]  # among equals the last used first

    def compute(self, tokens: Tokens, draft: Sequence[int]) -> int:
        """Make the context hold `tokens`, then `draft`, computing only what it lacks.

        Returns the batch index of the last of `tokens`; its logits and those of `draft` are kept.
        `draft` is no part of the prompt: `settle` takes it away.

        Raises:
            Cancelled: what was computed until then stays known.
        """
        found = self.prepare(tokens)
        self._set_aside(found)
        # The last one is computed for its logits.
        self.trim(min(found.prefix, tokens.size - 1))
        try:
            # All at once: the next pass turns the keys of the whole cache, once for all moves.
            for number, run in enumerate(found.runs):
                self._context.move(SPARE + number, run.new - run.old)
            for number, run in enumerate(found.runs):
                self._put_back(tokens, run, SPARE + number)
        finally:
            for number in range(len(found.runs)):
                self._context.drop(SPARE + number)
        while tokens.size - self._live.size + len(draft) > self._context.chunk:
            self._advance(tokens, min(self._live.size + self._context.chunk, tokens.size - 1))
        return self._advance(tokens, tokens.size, draft)

    def _advance(self, tokens: Tokens, end: int, draft: Sequence[int] | None = None) -> int:
        """Decode what follows the live tokens, up to `end`; logits only where there is a draft."""
        begin = self._live.size
        outputs = 0 if draft is None else 1 + len(draft)
        pending = [*tokens[begin:end].tolist(), *(draft or ())]
        row = self._context.decode_prompt(pending, begin, outputs=outputs)
        self._counters.prompt_tokens_recomputed += end - begin
        self._live = tokens[:end]
        return row

    def _set_aside(self, found: Reuse) -> None:
        """Each run that moves gets a sequence of its own: those of the answers are free now."""
        for number, run in enumerate(found.runs):
            self._context.copy(PROMPT, SPARE + number, run.old, run.old + run.size)

    def _put_back(self, tokens: Tokens, run: Moved, spare: int) -> None:
        """Compute up to the run that was set aside, and let it follow."""
        while self._live.size < run.new:
            self._advance(tokens, min(self._live.size + self._context.chunk, run.new))
        self._context.copy(spare, PROMPT)
        self._counters.prompt_tokens_shifted += run.size
        self._live = tokens[: run.new + run.size]

    def settle(self) -> None:
        """Take away what was decoded behind the prompt."""
        if not self._context.trim(PROMPT, self._live.size):
            self._live = self._live[:0]

    def trim(self, length: int) -> int:
        """Keep the first `length` tokens, or none where the model cannot; how many are kept."""
        if length < self._live.size:
            kept = self._context.trim(PROMPT, length)
            self._live = self._live[: length if kept else 0]
        return self._live.size

    def replace(self, tokens: Tokens, state: NDArray[np.uint8]) -> bool:
        """Put a saved prompt into the context; False, and an empty context, when it is refused."""
        loaded = self._context.load(PROMPT, state)
        self._live = tokens if loaded else np.empty(0, np.int32)
        return loaded

    def hand_over(self, owner: str) -> None:
        """Another adapter computes from now on: what this one computed is set aside for it."""
        self._park()
        self._context.drop(PROMPT)
        self._live = np.empty(0, np.int32)
        self.owner = owner

    def everything(self) -> list[Parked]:
        """All prompts that are known, the one in the context last."""
        self._park()
        return self.parked

    def park(self, entry: Parked) -> None:
        """Keep `entry` as the most recently used one, as far as the budget allows."""
        if entry.state.nbytes > self._budget:
            return
        self.parked.append(entry)
        while self.parked_bytes > self._budget or len(self.parked) > _ENTRIES:
            del self.parked[0]

    def _park(self) -> None:
        if self._live.size >= _WORTH and self._budget:
            self.park(Parked(self._live, self._context.save(PROMPT), self.owner))

    def _restore(self, entry: Parked) -> bool:
        self.parked = [other for other in self.parked if other is not entry]
        return self.replace(entry.tokens, entry.state)

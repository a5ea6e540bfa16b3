"""GGUF models in this process: the parts of this package put together.

A request tokenizes its prompt, computes what no cache holds of it, and decodes all answers side by
side. One request runs at a time; a later one ends it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from whetstone.engine.base import Cancel, Completion, PromptTooLong, Score
from whetstone.engine.llama.answers import Answers, Branch, Limits, Node
from whetstone.engine.llama.cache import Parked, PromptCache
from whetstone.engine.llama.context import PROMPT, ROWS, SPARE, Context
from whetstone.engine.llama.lookup import Guesses
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.sampling import Sampler, Workspace
from whetstone.engine.llama.shift import Tokens, common
from whetstone.engine.llama.stats import Counters, Stats
from whetstone.engine.llama.storage import Storage
from whetstone.engine.options import EngineOptions
from whetstone.errors import EngineError, ModelError
from whetstone.models.habits import Habits, habits_of, together
from whetstone.prompt import Prompt


class LlamaEngine:
    """One GGUF model and its caches. Owned by one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        model_id: str,
        options: EngineOptions | None = None,
        state_folder: Path | None = None,
        adapter: Path | None = None,
        base_id: str | None = None,
    ) -> None:
        """Load the model; takes from 20 ms (the starter) to seconds.

        Args:
            model_id: of what answers: of the adapter where there is one.
            state_folder: where computed prompts are kept from one session to the next.
            adapter: a LoRA adapter as GGUF, put over the model.
            base_id: model_id of the model alone, where there is an adapter.

        Raises:
            ModelError: a file is missing or llama.cpp cannot load it.
        """
        self.options = options or EngineOptions()
        self.base_id = base_id or model_id
        self._counters = Counters()
        self._model = Model(path, gpu_layers=self.options.gpu_layers)
        try:
            self._context = Context(self._model, self.options, self._counters)
            try:
                self._context.use_adapter(self._model, adapter)
            except BaseException:
                self._context.close()
                raise
        except BaseException:
            self._model.close()
            raise
        self._habits = self._habits_with(adapter)
        self._workspace = Workspace(self._model.vocab_size)
        self._cache = PromptCache(
            self._context,
            self._counters,
            owner=model_id,
            budget_bytes=self.options.cache_mb * 1_000_000,
            shift=self._shifts and self._context.can_shift,
        )
        self._state_folder = state_folder
        self._storages: dict[str, Storage] = {}  # by model_id, of all that computed here
        self._unsaved: dict[str, Storage] = {}  # those whose constant beginning is not on disk
        self._open_storage()
        longest = self.options.draft_tokens if self.options.speculation else 0
        self._speculates = longest > 0 and self._model.can_trim
        self._request = 0  # counts requests: only the latest may go on
        self._forked = False  # sequences of answers may hold cells

    @property
    def _shifts(self) -> bool:
        """Is moved text taken over? By itself only for long prompts: short ones cost too little."""
        if self.options.context_shift == "auto":
            return self._model.format == "chat"
        return self.options.context_shift == "on"

    def _habits_with(self, adapter: Path | None) -> Habits | None:
        """What model and adapter say; of an adapter that only llama.cpp can read, nothing."""
        over = None
        if adapter is not None:
            with contextlib.suppress(ModelError):
                over = habits_of(adapter, "adapter")
        return together((self._model.habits, over))

    def _open_storage(self) -> None:
        """What earlier sessions computed with this adapter, the first time that it is used."""
        if self._state_folder is None or self.model_id in self._storages:
            return
        storage = Storage(self._state_folder, self._model, self.model_id, self.options)
        self._storages[self.model_id] = storage
        if storage.opening.size:
            saved = storage.read_opening()
            if saved is None or not self._cache.replace(saved.tokens, saved.state):
                self._unsaved[self.model_id] = storage
        if self.options.cache_on_disk:
            budget = self.options.cache_mb * 1_000_000
            for entry in storage.read_documents(limit=budget):
                self._cache.park(entry)

    @property
    def model_id(self) -> str:
        return self._cache.owner

    def use_adapter(self, path: Path | None, *, model_id: str) -> None:
        """Put another LoRA adapter over the model, or none; ends the request that runs.

        Takes as long as the adapter takes to read, and a millisecond when it was used lately. What
        was computed is kept for the adapter that computed it.

        Raises:
            ModelError: it belongs to another model; the one before goes on serving.
        """
        self._begin(None)
        self._end(self._request)
        self._context.use_adapter(self._model, path)
        self._habits = self._habits_with(path)
        self._cache.hand_over(model_id)
        self._open_storage()

    @property
    def prompt_format(self) -> str:
        return self._model.format

    @property
    def least_logprob(self) -> float:
        # Measured for the starter (docs/results/ranking.md); of other models nothing is known.
        return -1.5 if self.prompt_format == "compact" else -math.inf

    @property
    def habits(self) -> Habits | None:
        return self._habits

    @property
    def stats(self) -> Stats:
        """Counts since the model was loaded."""
        return self._counters.snapshot()

    def close(self) -> None:
        """Free the model's memory; harmless when called twice."""
        self._end(self._request)
        if self.options.cache_on_disk and self._context.is_open:
            known = self._cache.everything()
            for storage in self._storages.values():
                storage.write_documents(known)
        self._request += 1
        self._cache.parked.clear()
        self._workspace.close()
        self._context.close()
        self._model.close()

    def limit_threads(self, most: int | None) -> None:
        """See `Engine.limit_threads`."""
        self._context.limit_threads(most)

    def tokenize(self, text: str) -> list[int]:
        """Token ids; special tokens are parsed and none is added."""
        return self._model.tokenize(text)

    def generate(
        self,
        prompt: Prompt,
        *,
        n: int,
        max_tokens: int,
        temperature: float = 0.8,
        seed: int = 0,
        cancel: Cancel | None = None,
    ) -> Iterator[Completion]:
        """See `Engine.generate`. A later request ends this one: going on with it is an error."""
        request = self._begin(cancel)
        try:
            for completion in self._answers(prompt, n, max_tokens, temperature, seed):
                yield completion
                if request != self._request:
                    raise EngineError(
                        "A later request ended this one: an engine answers one at a time."
                    )
        finally:
            self._end(request)

    def _answers(
        self, prompt: Prompt, n: int, max_tokens: int, temperature: float, seed: int
    ) -> Iterator[Completion]:
        tokens = self._tokens(prompt.text, reserve=max_tokens)
        limits = self._limits(prompt, max_tokens)
        drafts = map(self.tokenize, prompt.drafts) if limits.guessing else ()
        guesses = Guesses(tokens, drafts, limit=self.options.draft_tokens)
        answers = Answers(
            model=self._model,
            context=self._context,
            workspace=self._workspace,
            counters=self._counters,
            limits=limits,
            guess=guesses.after,
        )
        width = min(n, self._context.sequences, (self._context.size - tokens.size) // max_tokens)
        for first in range(0, n, width):
            room = min(max_tokens, ROWS) - 1 if limits.guessing else 0
            draft = answers.until_stop(guesses.first(room))
            row = self._compute(tokens, draft)
            samplers = [
                Sampler(temperature=temperature, seed=seed, number=number)
                if number and temperature > 0
                else None
                for number in range(first, min(n, first + width))
            ]
            try:
                yield from answers.run(self._fork(samplers, first, tokens.size), row, draft)
            finally:
                for sampler in samplers:
                    if sampler is not None:
                        sampler.close()

    def score(self, prompt: Prompt, answer: str, *, cancel: Cancel | None = None) -> Score | None:
        """See `Engine.score`."""
        request = self._begin(cancel)
        try:
            return self._score(prompt.text, self.tokenize(answer + prompt.stop))
        finally:
            self._end(request)

    def _score(self, text: str, target: list[int]) -> Score:
        tokens = self._tokens(text, reserve=len(target))
        # Row i predicts target[i]: the prompt's last token stands before the target's.
        row = self._compute(tokens, target[: ROWS - 1])
        total = self._logprob(row, target[:ROWS])
        for done in range(ROWS, len(target), ROWS):
            following = target[done : done + ROWS]
            chunk = target[done - 1 : done - 1 + len(following)]
            self._context.decode_prompt(chunk, tokens.size + done - 1, outputs=len(chunk))
            total += self._logprob(0, following)
        return Score(logprob=total, tokens=len(target))

    def _logprob(self, row: int, tokens: Sequence[int]) -> float:
        """Of `tokens` after each other, the first predicted by batch index `row`."""
        return sum(
            self._workspace.row(self._context.row(row + ahead)).logprob(token)
            for ahead, token in enumerate(tokens)
        )

    # -- one request --------------------------------------------------------------------------

    def _begin(self, cancel: Cancel | None) -> int:
        if not self._context.is_open:
            raise EngineError("The model was closed. Load it again.")
        self._end(self._request)
        self._request += 1
        self._context.stop.watch(cancel)
        return self._request

    def _end(self, request: int) -> None:
        """Keep the prompt and nothing else. Does nothing when a later request has begun."""
        if request != self._request or not self._context.is_open:
            return
        self._context.stop.watch(None)
        self._cache.settle()
        if self._forked:
            for sequence in range(SPARE, SPARE + self._context.sequences):
                self._context.drop(sequence)
            self._forked = False

    def _tokens(self, text: str, *, reserve: int) -> Tokens:
        tokens = np.array(self.tokenize(text), np.int32)
        if tokens.size + reserve > self._context.size:
            raise PromptTooLong(
                f"The prompt has {tokens.size} tokens and the answer may have {reserve}, but the "
                f"context holds {self._context.size}. Set `context_tokens` higher."
            )
        return tokens

    def _compute(self, tokens: Tokens, draft: Sequence[int]) -> int:
        """See `PromptCache.compute`; the first time, the constant beginning is saved on the way."""
        self._counters.prompt_tokens += tokens.size
        unsaved = self._unsaved.get(self.model_id)
        if unsaved is not None:
            opening = unsaved.opening
            if common(opening, tokens) == opening.size:
                self._cache.compute(opening, ())
                state = self._context.save(PROMPT)
                unsaved.write_opening(Parked(opening, state, self.model_id))
                del self._unsaved[self.model_id]
        return self._cache.compute(tokens, draft)

    def _limits(self, prompt: Prompt, max_tokens: int) -> Limits:
        return Limits(
            max_tokens=max_tokens,
            guessing=self._speculates,
            stops=frozenset([self._model.mark(prompt.stop)] if prompt.stop else []),
            starts=tuple(map(self._model.mark, prompt.starts)),
        )

    def _fork(self, samplers: Sequence[Sampler | None], first: int, length: int) -> Node:
        """One sequence per answer, all sharing the cells of the prompt."""
        branches = []
        for index, sampler in enumerate(samplers):
            branch = Branch(number=first + index, sequence=SPARE + index, sampler=sampler)
            self._context.copy(PROMPT, branch.sequence)
            branches.append(branch)
        self._cache.settle()
        self._forked = True
        return Node(branches, (), 0.0, length - 1)

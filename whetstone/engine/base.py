"""The protocol that every engine fulfils, and the values that cross it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from whetstone.errors import Cancelled, EngineError

if TYPE_CHECKING:
    from whetstone.models.habits import Habits
    from whetstone.prompt import Prompt


class PromptTooLong(EngineError):
    """The prompt does not fit the context; a smaller window of the file may."""


class Cancel:
    """A stop flag shared by the one who asks and the one who works; optionally with a deadline.

    `is_set` is asked before every pass of the model and every 10 ms while one runs, from another
    thread.
    """

    def __init__(self, *, timeout_s: float | None = None) -> None:
        self._event = threading.Event()
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s

    def set(self) -> None:
        self._event.set()

    def is_set(self) -> bool:
        if self._event.is_set():
            return True
        return self._deadline is not None and time.monotonic() > self._deadline

    def raise_if_set(self) -> None:
        if self.is_set():
            raise Cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. `logprob` sums over its `tokens` tokens, the end token included, in nats.

    NaN where a remote server does not tell. `number` is the answer's place among those asked for:
    0 is the greedy one.
    """

    text: str
    logprob: float
    tokens: int
    finish: Literal["stop", "length"]
    number: int = 0

    @property
    def mean_logprob(self) -> float:
        return self.logprob / max(1, self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How likely the model finds a given answer: summed over `tokens` tokens, in nats."""

    logprob: float
    tokens: int


class Engine(Protocol):
    """One loaded model. Not thread-safe: one worker owns it."""

    @property
    def model_id(self) -> str:
        """Stands beside every suggestion: name and the start of the file's sha256."""
        ...

    @property
    def prompt_format(self) -> str:
        """A name from `whetstone.prompt.FORMATS`."""
        ...

    @property
    def least_logprob(self) -> float:
        """Nats, summed: an answer that the model finds less likely than this is a guess."""
        ...

    @property
    def habits(self) -> Habits | None:
        """What the choices say that it was trained on; None: it was trained on nobody's."""
        ...

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
        """Yield up to `n` different answers, each as it is finished.

        Number 0 is the greedy one, the others are sampled from `seed`. The same seed gives the
        same answers in the same order.

        Raises:
            Cancelled: `cancel` was set; at most 200 ms later.
            PromptTooLong: the prompt and the answer do not fit the context.
            EngineError: the model cannot be reached or failed.
        """
        ...

    def score(self, prompt: Prompt, answer: str, *, cancel: Cancel | None = None) -> Score | None:
        """Log-probability of `answer` plus the end token; None where the engine cannot tell."""
        ...

    def limit_threads(self, most: int | None) -> None:
        """Use at most so many CPU threads from now on; None lifts the limit."""
        ...

    def close(self) -> None: ...

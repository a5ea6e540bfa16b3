"""An engine that answers from a script: for tests, where a model would only cost time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from whetstone.engine.base import Cancel, Completion, Score
from whetstone.prompt import FormatName, Prompt

if TYPE_CHECKING:
    from whetstone.models.habits import Habits

Script = Callable[[Prompt], Sequence[str]]


class ScriptedEngine:
    """Gives the script's answers, each `gap` nats less likely than the one before."""

    def __init__(
        self,
        script: Script,
        *,
        prompt_format: FormatName = "compact",
        model_id: str = "scripted@0",
        delay_s: float = 0.0,
        gap: float = 1.0,
        least_logprob: float = -math.inf,
        habits: Habits | None = None,
    ) -> None:
        self._script = script
        self._format = prompt_format
        self._model_id = model_id
        self._delay_s = delay_s
        self._gap = gap
        self._least_logprob = least_logprob
        self._habits = habits
        self.prompts: list[Prompt] = []

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def prompt_format(self) -> str:
        return self._format

    @property
    def least_logprob(self) -> float:
        return self._least_logprob

    @property
    def habits(self) -> Habits | None:
        return self._habits

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
        self.prompts.append(prompt)
        for rank, text in enumerate(self._script(prompt)[:n], start=1):
            _wait(self._delay_s, cancel)
            logprob = -self._gap * rank
            yield Completion(text=text, logprob=logprob, tokens=10, finish="stop", number=rank - 1)

    def score(self, prompt: Prompt, answer: str, *, cancel: Cancel | None = None) -> Score | None:
        answers = [*self._script(prompt)]
        rank = answers.index(answer) + 1 if answer in answers else len(answers) + 1
        return Score(logprob=-self._gap * rank, tokens=10)

    def limit_threads(self, most: int | None) -> None:
        pass

    def close(self) -> None:
        pass


def _wait(seconds: float, cancel: Cancel | None) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if cancel is not None:
            cancel.raise_if_set()
        time.sleep(0.005)
    if cancel is not None:
        cancel.raise_if_set()

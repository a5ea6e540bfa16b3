"""Measuring one way to run a model: prompt tokens, single tokens and four answers, per second."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from whetstone import context
from whetstone.engine.llama.context import PROMPT, Context
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.stats import Counters
from whetstone.engine.options import EngineOptions
from whetstone.problem import Diagnostic, Document, Span
from whetstone.prompt import FormatName, Prompt, render

ANSWERS = 4
ANSWER_TOKENS = 24  # a block of two lines
_CONTEXT = 1536
_FIRST = 64  # tokens of the try that tells how long more of them will take
_SLOT_S = 0.25  # for each of the three rates
_COMPUTED = 0.5  # share of a prompt that is new, in a session of somebody who edits


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Tokens per second; `four` counts the tokens of all four answers. Times in seconds."""

    prompt: float
    single: float
    four: float
    prompt_tokens: int  # of a whole prompt in the model's format

    @property
    def fix_s(self) -> float:
        """The time until four answers are there: what is to be made short."""
        answers = ANSWERS * ANSWER_TOKENS / self.four
        return _COMPUTED * self.prompt_tokens / self.prompt + answers


def sample_prompts(format: FormatName, *, lines: int | None = None) -> list[Prompt]:
    """Prompts for imagined problems in this package's own source, which is always at hand.

    Args:
        lines: of the file, around the problem; as many as the format takes when None.
    """
    path = Path(context.__file__)
    document = Document(text=path.read_text(encoding="utf-8"), path=path)
    prompts = []
    for line in range(40, min(100, len(document.lines())), 20):
        diagnostic = Diagnostic(
            source="ruff",
            code="F821",
            message="Undefined name `documnt`",
            span=Span(start_line=line, end_line=line, end_column=4),
        )
        problem = context.build_problem(document, diagnostic)
        if lines is not None:
            problem = dataclasses.replace(
                problem, head=(), above=problem.above[-lines:], below=problem.below[:lines]
            )
        prompts.append(render(problem, format))
    return prompts


class Probe:
    """One loaded model, measured under different options; the weights are loaded once."""

    def __init__(self, model: Model) -> None:
        self._model = model
        [prompt, *_] = sample_prompts(model.format)
        self._tokens = model.tokenize(prompt.text)

    def measure(self, options: EngineOptions) -> Rates:
        """Rates under `options`; takes a second, or longer where one batch takes long.

        Raises:
            ModelError: these options need more memory than there is.
            EngineError: llama.cpp cannot run the model with them.
        """
        options = dataclasses.replace(options, context_tokens=_CONTEXT)
        opened = Context(self._model, options, Counters())
        try:
            prompt, position = self._prompt_rate(opened, options.batch)
            single = self._rate(opened, position, 1)
            four = self._rate(opened, position, ANSWERS)
        finally:
            opened.close()
        return Rates(prompt=prompt, single=single, four=four, prompt_tokens=len(self._tokens))

    def _prompt_rate(self, opened: Context, batch: int) -> tuple[float, int]:
        """The rate, and how many tokens of a prompt stay in the cache for what follows."""
        most = min(batch, opened.size // 2)  # a decode at a time, and room for answers
        first = self._cycle(min(_FIRST, most))
        rate = len(first) / self._seconds(opened, first)  # also warms up
        length = int(rate * _SLOT_S)
        if length > len(first):
            tokens = self._cycle(min(length, most))
            rate = max(len(tokens) / self._seconds(opened, tokens) for _ in range(2))
            return rate, len(tokens)
        return rate, len(first)

    def _seconds(self, opened: Context, tokens: Sequence[int]) -> float:
        opened.drop(PROMPT)
        return timed(lambda: opened.decode_prompt(tokens, 0, outputs=1))

    def _rate(self, opened: Context, position: int, sequences: int) -> float:
        """Tokens per second of `sequences` answers side by side after the prompt: the best step."""
        for sequence in range(1, sequences + 1):
            opened.drop(sequence)
            opened.copy(PROMPT, sequence)
        best, spent, step = float("inf"), 0.0, 0
        room = (opened.size - position) // sequences - 1
        while spent < _SLOT_S and step < room:
            opened.batch.clear()
            for sequence in range(1, sequences + 1):
                token = self._tokens[(step + sequence) % len(self._tokens)]
                opened.batch.add([token], position + step, [sequence], outputs=1)
            seconds = timed(opened.decode)
            best, spent, step = min(best, seconds), spent + seconds, step + 1
        for sequence in range(1, sequences + 1):
            opened.drop(sequence)
        return sequences / best

    def _cycle(self, count: int) -> list[int]:
        repeats = -(-count // len(self._tokens))
        return (self._tokens * repeats)[:count]


def timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return max(1e-9, time.perf_counter() - begin)

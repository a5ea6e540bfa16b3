"""Guessing an answer's next tokens from its prompt: a fix mostly repeats the lines it replaces."""

from __future__ import annotations

from collections.abc import Sequence

from whetstone.engine.llama.model import Model
from whetstone.engine.llama.shift import Tokens

_RUNS = (3, 2)  # lengths of the runs of tokens that are looked up, longest first
_OPENING = 16  # tokens


class Guesses:
    """Knows how this model's answers begin, and makes the guesses for one prompt."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._opening: tuple[int, ...] = ()

    def of(self, prompt: Tokens, start: Sequence[int]) -> PromptGuesses:
        """Guesses for one prompt whose answers begin with `start`, where that is known."""
        tokens: list[int] = prompt.tolist()
        if not start and self._opening and self._model.is_control(self._opening[0]):
            start = self._opening[:1]  # what the answers before began with
        if not start:
            return PromptGuesses(tokens, list(self._opening))
        # The lines to replace follow the last mark: the first guess is that nothing changes.
        mark = len(tokens) - 1
        while mark >= 0 and not self._model.is_control(tokens[mark]):
            mark -= 1
        return PromptGuesses(tokens, [*start, *tokens[mark + 1 :]])

    def remember(self, answer: Sequence[int]) -> None:
        """Learn from a greedy answer: what it has in common with the one before opens the next."""
        known = self._opening or answer
        same = 0
        while same < min(len(known), len(answer), _OPENING) and known[same] == answer[same]:
            same += 1
        self._opening = tuple(answer[: same or _OPENING])


class PromptGuesses:
    """The places of every short run of tokens in one prompt; the last place wins."""

    def __init__(self, prompt: list[int], opening: list[int]) -> None:
        self._prompt = prompt
        self._opening = opening
        self._places: dict[tuple[int, ...], int] = {}  # made when it is first needed

    def first(self, limit: int) -> list[int]:
        """At most `limit` tokens that the answer may begin with."""
        opening = self._opening[:limit]
        return [*opening, *self.after(opening, limit - len(opening))]

    def after(self, answer: Sequence[int], limit: int) -> list[int]:
        """At most `limit` tokens that may follow `answer`; none where nothing is known."""
        if limit <= 0 or not answer:
            return []
        if not self._places:
            self._places = _places(self._prompt)
        for length in _RUNS:
            place = self._places.get(tuple(answer[-length:]))
            if place is not None:
                return self._prompt[place : place + limit]
        return []


def _places(prompt: list[int]) -> dict[tuple[int, ...], int]:
    """Where every run of _RUNS tokens ends that occurs in `prompt`, its last occurrence."""
    places: dict[tuple[int, ...], int] = {}
    for length in _RUNS:
        runs = zip(*(prompt[offset:] for offset in range(length)), strict=False)
        places.update({run: start + length for start, run in enumerate(runs)})
    return places

"""Guessing an answer's next tokens: from drafts of it, and from its prompt.

A draft is a text that the answer may well be: what a rule proposes, and the lines as they are.
Where none of them goes on as the answer does, the prompt is looked through: a fix mostly repeats
the lines it replaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from whetstone.engine.llama.shift import Tokens

_RUNS = (3, 2)  # lengths of the runs of tokens that are looked up, longest first


class Guesses:
    """Of one prompt: its drafts, and the places of every short run of its tokens, the last wins."""

    def __init__(self, prompt: Tokens, drafts: Iterable[Sequence[int]], *, limit: int) -> None:
        """`limit`: most tokens that are guessed from the prompt at a time."""
        self._prompt = prompt
        self._drafts = [tuple(draft) for draft in drafts]
        self._limit = limit
        self._tokens: list[int] = []  # these two are made when they are first needed
        self._places: dict[tuple[int, ...], int] = {}

    def first(self, room: int) -> list[int]:
        """At most `room` tokens that the answer may begin with."""
        return list(self._drafts[0][:room]) if self._drafts else []

    def after(self, answer: Sequence[int], room: int) -> list[int]:
        """At most `room` tokens that may follow `answer`; none where nothing is known.

        A draft is followed as far as there is room: who wrote it knew the whole of it.
        """
        if room <= 0 or not answer:
            return []
        done = len(answer)
        for draft in self._drafts:
            if len(draft) > done and draft[:done] == tuple(answer):
                return list(draft[done : done + room])
        if not self._places:
            self._tokens = self._prompt.tolist()
            self._places = _places(self._tokens)
        for length in _RUNS:
            place = self._places.get(tuple(answer[-length:]))
            if place is not None:
                return self._tokens[place : place + min(room, self._limit)]
        return []


def _places(prompt: list[int]) -> dict[tuple[int, ...], int]:
    """Where every run of _RUNS tokens ends that occurs in `prompt`, its last occurrence."""
    places: dict[tuple[int, ...], int] = {}
    for length in _RUNS:
        runs = zip(*(prompt[offset:] for offset in range(length)), strict=False)
        places.update({run: start + length for start, run in enumerate(runs)})
    return places

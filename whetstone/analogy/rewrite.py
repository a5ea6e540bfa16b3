"""Several examples alike as one rewrite with holes, and the places that it fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from whetstone.analogy.examples import Example
from whetstone.analogy.tokens import Token, primaries, tokenize

# A hole stands for the same operand wherever it is named again.
Part = str | int
_LONG = 400  # tokens; such a line was not written by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """`old` becomes `new` where the compiler or ruff says `finding`.

    Attributes:
        old: tokens, and numbers of holes.
        text: the same with the spaces between, for people.
        new: pieces of text, spaces included, and numbers of holes that occur in `old`.
        times: how many examples it agrees with.
    """

    finding: str
    old: tuple[Part, ...]
    text: tuple[Part, ...]
    new: tuple[Part, ...]
    times: int = 0

    def results(self, line: str) -> Iterator[str]:
        """The line with one stretch rewritten, for every place that fits."""
        if not all(part in line for part in self.old if isinstance(part, str)):
            return
        tokens = tokenize(line)
        if len(tokens) > _LONG:
            return
        head = self.old[0]
        for begin, token in enumerate(tokens):
            if isinstance(head, str) and token.text != head:
                continue
            if isinstance(head, int) and begin and tokens[begin - 1].text == ".":
                continue  # the end of an operand is none
            fits = list(self._fits(line, tokens, begin, 0, {}))
            if fits:
                # An operand at the end is a whole one.
                end, holes = fits[-1 if isinstance(self.old[-1], int) else 0]
                text = "".join(holes[part] if isinstance(part, int) else part for part in self.new)
                yield line[: tokens[begin].start] + text + line[tokens[end - 1].stop :]

    def _fits(
        self, line: str, tokens: Sequence[Token], at: int, part: int, holes: dict[int, str]
    ) -> Iterator[tuple[int, dict[int, str]]]:
        """Ends of stretches from `at` on that fit old[part:], with what the holes stand for."""
        if part == len(self.old):
            yield at, holes
            return
        wanted = self.old[part]
        if isinstance(wanted, str):
            if at < len(tokens) and tokens[at].text == wanted:
                yield from self._fits(line, tokens, at + 1, part + 1, holes)
            return
        for end in primaries(tokens, at):
            text = line[tokens[at].start : tokens[end - 1].stop]
            if holes.get(wanted, text) == text:
                yield from self._fits(line, tokens, end, part + 1, {**holes, wanted: text})

    def __str__(self) -> str:
        """`len(A) is 0 -> not A`, as a person reads it."""
        old, new = ("".join(map(_shown, text)) for text in (self.text, self.new))
        return f"{old} -> {new or '(nothing)'}"


def _shown(part: Part) -> str:
    return part if isinstance(part, str) else chr(ord("A") + part % 26)


def generalize(examples: Sequence[Example]) -> Rewrite | None:
    """What examples of one shape have in common; None where they do nothing in common.

    Tokens that all share stay what they are. Names that differ become holes: one for each row of
    names, so that what was one name in every example is one hole.
    """
    rows: dict[tuple[str, ...], int] = {}
    old: list[Part] = []
    for column in zip(*(example.old for example in examples), strict=True):
        texts = tuple(token.text for token in column)
        if len(set(texts)) == 1:
            old.append(texts[0])
        else:  # names, as the shape is one
            old.append(rows.setdefault(texts, len(rows)))
    new = _text([(example.fixed, example.new) for example in examples], rows)
    text = _text([(example.line, example.old) for example in examples], rows)
    if new is None or text is None or not any(isinstance(part, str) for part in old):
        return None
    return Rewrite(finding=examples[0].finding, old=tuple(old), text=text, new=new)


def _text(
    stretches: Sequence[tuple[str, tuple[Token, ...]]], rows: Mapping[tuple[str, ...], int]
) -> tuple[Part, ...] | None:
    """What (line, tokens in it) have in common, spaced as in the last one; None: nothing."""
    line, tokens = stretches[-1]
    parts: list[Part] = []
    for place, column in enumerate(zip(*(each for _, each in stretches), strict=True)):
        texts = tuple(token.text for token in column)
        if place:
            parts.append(line[tokens[place - 1].stop : tokens[place].start])
        if len(set(texts)) == 1:
            parts.append(texts[0])
        elif texts in rows:
            parts.append(rows[texts])
        else:
            return None
    return tuple(part for part in parts if part != "")

"""Decoding all answers of one prompt side by side.

Answers that agree so far are one node: their next token is computed once, in a batch entry that
belongs to all their sequences, and each answer draws from the same row of logits with its own
sampler. Where they draw differently the node splits. So what candidates have in common costs one
pass, and two that stay equal to the end are one answer, never decoded twice.

Guessed tokens (`lookup`) ride along in the same pass. A guess counts only where an answer's own
sampler draws the very token, so answers are the same with guessing and without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from whetstone.engine.base import Completion
from whetstone.engine.llama.context import ROWS, Context
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.sampling import Row, Sampler, Workspace
from whetstone.engine.llama.stats import Counters

Guess = Callable[[Sequence[int], int], list[int]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Branch:
    """One answer to be: its number among the candidates, its sequence, and how it draws."""

    number: int
    sequence: int
    sampler: Sampler | None  # None takes the likeliest token


@dataclass(slots=True, eq=False)  # not frozen: one is made for every token
class Node:
    """Answers that are the same so far; the last of `tokens` is not decoded yet."""

    branches: list[Branch]
    tokens: tuple[int, ...]
    logprob: float
    position: int  # of the last token


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What ends an answer, and how it may begin."""

    max_tokens: int
    guessing: bool
    stops: frozenset[int]
    starts: tuple[int, ...]


class Answers:
    """The candidates of one prompt, from the logits after its last token to their ends."""

    def __init__(
        self,
        *,
        model: Model,
        context: Context,
        workspace: Workspace,
        counters: Counters,
        limits: Limits,
        guess: Guess,
    ) -> None:
        self._model = model
        self._context = context
        self._workspace = workspace
        self._counters = counters
        self._limits = limits
        self._guess = guess
        self._finished: list[Completion] = []
        self._texts: set[str] = set()  # of the answers so far

    def run(self, root: Node, row: int, draft: Sequence[int]) -> Iterator[Completion]:
        """Completions as they finish, in the order of their numbers where several do at once.

        Args:
            root: all branches, with no token yet.
            row: batch index of the prompt's last token; those of `draft` follow it.
        """
        nodes = self._walk(root, row, draft)
        while True:
            if self._finished:
                yield from sorted(self._finished, key=lambda completion: completion.number)
                self._finished.clear()
            if not nodes:
                return
            nodes = self._step(nodes)

    def _step(self, nodes: list[Node]) -> list[Node]:
        """Decode the pending token of each node and its guess; the nodes that go on."""
        batch = self._context.batch
        batch.clear()
        room = ROWS // len(nodes) - 1 if self._limits.guessing else 0
        decoded = []
        for node in nodes:
            draft: list[int] = []
            if room > 0:
                left = self._limits.max_tokens - len(node.tokens) - 1
                draft = self.until_stop(self._guess(node.tokens, min(room, left)))
            sequences = [branch.sequence for branch in node.branches]
            entries = [node.tokens[-1], *draft]
            row = batch.add(entries, node.position, sequences, outputs=len(entries))
            decoded.append((node, row, draft))
        started = time.perf_counter()
        self._context.decode()
        self._counters.answer_seconds += time.perf_counter() - started
        return [child for entry in decoded for child in self._walk(*entry)]

    def _walk(self, node: Node, row: int, draft: Sequence[int]) -> list[Node]:
        """Let the branches of `node` draw along its rows for as long as they follow `draft`."""
        if not draft:
            children = self._draw(node, self._workspace.row(self._context.row(row)))
            return [child for child in children if not self._ended(child)]
        going = []
        following: Node | None = node
        self._counters.drafted += len(draft)
        for ahead in range(len(draft) + 1):
            assert following is not None
            children = self._draw(following, self._workspace.row(self._context.row(row + ahead)))
            following = None
            for child in children:
                if self._ended(child):
                    continue
                if ahead < len(draft) and child.tokens[-1] == draft[ahead]:
                    following = child
                    continue
                going.append(child)
                if ahead < len(draft):  # the rest of the guess is wrong for these
                    self._forget(child)
            if following is None:
                break
            self._counters.accepted += 1
        return going

    def _draw(self, node: Node, row: Row) -> list[Node]:
        """The next token of every branch: one child per distinct token."""
        starts = self._limits.starts if not node.tokens else ()
        if not starts and len(node.branches) == 1 and node.branches[0].sampler is None:
            self._counters.tokens_generated += 1
            return [self._child(node, node.branches, row.best, row)]
        drawn: dict[int, list[Branch]] = {}
        for branch in node.branches:
            if starts:
                # What the model finds likely is reported as it is, even where it had no choice.
                token = _pick(branch.sampler, row.only(starts))
            elif branch.sampler is None:
                token = row.best
            else:
                token = branch.sampler.draw(row.shortlist())
            drawn.setdefault(token, []).append(branch)
        self._counters.tokens_generated += len(drawn)
        return [self._child(node, branches, token, row) for token, branches in drawn.items()]

    @staticmethod
    def _child(node: Node, branches: list[Branch], token: int, row: Row) -> Node:
        logprob = node.logprob + row.logprob(token)
        return Node(branches, (*node.tokens, token), logprob, node.position + 1)

    def _ended(self, node: Node) -> bool:
        """Is this answer complete? Then it is kept, unless another one had the same text."""
        token = node.tokens[-1]
        stopped = token in self._limits.stops or self._model.ends(token)
        if not stopped and len(node.tokens) < self._limits.max_tokens:
            return False
        for branch in node.branches:
            self._context.drop(branch.sequence)
        number = min(branch.number for branch in node.branches)
        text = self._model.text(node.tokens[:-1] if stopped else node.tokens)
        if text not in self._texts:
            self._texts.add(text)
            self._finished.append(
                Completion(
                    text=text,
                    logprob=node.logprob,
                    tokens=len(node.tokens),
                    finish="stop" if stopped else "length",
                    number=number,
                )
            )
        return True

    def _forget(self, node: Node) -> None:
        for branch in node.branches:
            self._context.trim(branch.sequence, node.position)

    def until_stop(self, draft: Sequence[int]) -> list[int]:
        """`draft` up to the end of an answer: nothing follows that."""
        for index, token in enumerate(draft):
            if token in self._limits.stops or self._model.ends(token):
                return list(draft[:index])
        return list(draft)


def _pick(sampler: Sampler | None, candidates: NDArray[Any]) -> int:
    if sampler is not None:
        return sampler.draw(candidates)
    return int(candidates["id"][candidates["logit"].argmax()])

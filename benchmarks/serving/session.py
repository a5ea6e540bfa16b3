"""Replaying the session against every peer, request by request, in turns.

Paired: all peers answer a request before the next one is sent, in an order that rotates, so that
whatever else the machine does falls on all of them. The session is replayed twice, asking for one
answer and for four, each time with fresh processes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.serving import peers
from benchmarks.serving.peers import Answered, Peer, PeerError, Question, Setting
from benchmarks.serving.recording import Request

Progress = Callable[[str], None]
_SPECIAL = re.compile(r"<\|[a-z_]+\|>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of one replay. `answers[name][i]` belongs to `requests[i]`."""

    n: int
    requests: tuple[Request, ...]
    variants: dict[str, str]
    answers: dict[str, list[Answered]] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    cpu_s: dict[str, list[float]] = field(default_factory=dict)  # of each request
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Requests that every peer has answered: fewer than asked when it was interrupted."""
        return min((len(found) for found in self.answers.values()), default=0)


def choose_variants(
    names: Sequence[str],
    requests: Sequence[Request],
    setting: Setting,
    *,
    max_tokens: int,
    guessing: bool,
    progress: Progress,
) -> dict[str, str]:
    """Each peer's best settings: those with which it answers `requests` in the least time.

    Without requests to try them on, the first of each.

    A setting with which a peer does not start or fails is left out.

    Raises:
        PeerError: a peer works with none of them.
    """
    chosen: dict[str, str] = {}
    for name in names:
        options = peers.variants(name, guessing=guessing)
        if len(options) == 1 or not requests:
            chosen[name] = options[0]
            continue
        totals: dict[str, float] = {}
        failed = ""
        for variant in options:
            progress(f"{name}: trying {variant}")
            try:
                with _running(name, variant, setting) as peer:
                    asked = [peer.ask(_question(r, 4, max_tokens)) for r in requests]
            except PeerError as error:
                failed = str(error)
                continue
            totals[variant] = sum(answered.all_s for answered in asked)
        if not totals:
            raise PeerError(f"{name}: {failed}")
        chosen[name] = min(totals, key=totals.__getitem__)
    return chosen


def replay(
    requests: Sequence[Request],
    variants: dict[str, str],
    setting: Setting,
    *,
    n: int,
    max_tokens: int,
    progress: Progress,
) -> Replay:
    """Ask every request of every peer; an interrupt ends it early, with what is there."""
    names = list(variants)
    result = Replay(n=n, requests=tuple(requests), variants=variants)
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(_running(name, variant, setting))
            for name, variant in variants.items()
        }
        result.answers.update({name: [] for name in names})
        result.stated.update({name: peer.stated for name, peer in running.items()})
        result.cpu_s.update({name: [] for name in names})
        with contextlib.suppress(KeyboardInterrupt):
            for number, request in enumerate(requests):
                turn = number % len(names)
                for name in (*names[turn:], *names[:turn]):
                    before = running[name].cpu_s()
                    found = running[name].ask(_question(request, n, max_tokens))
                    result.answers[name].append(found)
                    result.cpu_s[name].append(running[name].cpu_s() - before)
                progress(f"{n} answer{'s' * (n > 1)}: {number + 1} of {len(requests)} requests")
        result.memory_mb.update({name: peer.memory_mb() for name, peer in running.items()})
    return result


@contextlib.contextmanager
def _running(name: str, variant: str, setting: Setting) -> Iterator[Peer]:
    peer = peers.start(name, variant, setting)
    try:
        yield peer
    finally:
        peer.stop()


def _question(request: Request, n: int, max_tokens: int) -> Question:
    return Question(
        prompt=request.prompt, file=request.file, n=n, max_tokens=max_tokens, seed=request.number
    )


def plain(text: str) -> str:
    """An answer without special tokens, which some peers print and others leave out."""
    return _SPECIAL.sub("", text).strip()

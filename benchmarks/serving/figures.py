"""From two replays to the figures that are reported."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.serving.peers import OURS
from benchmarks.serving.recording import Request
from benchmarks.serving.session import Replay, plain

_TICK_S = 0.01  # what processor time is counted in
_NEAR = 40  # lines between two requests that have most of their prompts in common


def figures(one: Replay, four: Replay) -> dict[str, Any]:
    """One JSON object per model: the four headline figures, and a table of all peers."""
    return {
        "requests": four.done,
        "ratio_one_candidate_vs_best_peer": ratio(one),
        "ratio_four_candidates_vs_best_peer": ratio(four),
        "ratio_one_candidate_cpu": cpu_ratio(one),
        "ratio_four_candidates_cpu": cpu_ratio(four),
        "prompt_tokens_recomputed": recomputed(four),
        "prompt_tokens_recomputed_near": recomputed_near(four),
        "equal_at_temperature_0": equal(one),
        "peers": {name: _peer(name, one, four) for name in four.answers},
        "best_peer": {"one": best_peer(one), "four": best_peer(four)},
    }


def best_peer(replay: Replay) -> str | None:
    """The other one with the least median time to its last answer."""
    medians = {
        name: statistics.median(_lasts(replay, name))
        for name in replay.answers
        if name != OURS and replay.done
    }
    return min(medians, key=medians.__getitem__) if medians else None


def ratio(replay: Replay) -> float | None:
    """How many times sooner our last answer is there than the best peer's: median over pairs."""
    peer = best_peer(replay)
    if peer is None:
        return None
    pairs = zip(_lasts(replay, peer), _lasts(replay, OURS), strict=True)
    return statistics.median(theirs / ours for theirs, ours in pairs)


def cpu_ratio(replay: Replay) -> float | None:
    """The best peer's processor time over ours: median over pairs.

    What else runs on the machine is in it only as far as it slows the processor itself down.
    """
    peer = best_peer(replay)
    spent = replay.cpu_s
    if peer is None or not spent.get(peer):
        return None
    pairs = zip(spent[peer][: replay.done], spent[OURS][: replay.done], strict=True)
    return statistics.median(theirs / max(_TICK_S, ours) for theirs, ours in pairs)


def most(replay: Replay, bare: Mapping[str, float], passes: int = 1) -> float | None:
    """How many times sooner than the best peer any engine could be: median over the session.

    It would compute what ours computes of a prompt at the bare loop's rate and all answers in
    `passes` passes that cost as much as one token each; nothing else would cost it any time. One
    pass is enough for an engine that guesses every answer right.
    """
    peer = best_peer(replay)
    if peer is None:
        return None
    token_s = 1 / bare["bare_prompt_tokens_per_s"]
    pass_s = 1 / bare["bare_decode_tokens_per_s"]
    pairs = zip(_lasts(replay, peer), replay.answers[OURS], strict=False)
    shares = [
        theirs / (max(0, ours.evaluated - 1) * token_s + passes * pass_s)
        for theirs, ours in pairs
        if ours.evaluated is not None
    ]
    return statistics.median(shares) if shares else None


def recomputed(replay: Replay) -> float | None:
    """Median share of the prompt that our engine computed, in the second requests of files."""
    return _recomputed(replay, lambda request: request.turn == 1)


def recomputed_near(replay: Replay) -> float | None:
    """The same in all requests that are near the last one in their file."""
    near = near_the_last(replay.requests)
    return _recomputed(replay, lambda request: request.number in near)


def near_the_last(requests: Sequence[Request]) -> set[int]:
    """The numbers of the requests that are near the last one in their file."""
    last: dict[str, int] = {}
    near = set()
    for request in requests:
        if abs(request.line - last.get(request.file, -_NEAR)) < _NEAR:
            near.add(request.number)
        last[request.file] = request.line
    return near


def _recomputed(replay: Replay, wanted: Callable[[Request], bool]) -> float | None:
    shares = [
        answered.evaluated / answered.prompt_tokens
        for request, answered in zip(replay.requests, replay.answers[OURS], strict=False)
        if wanted(request) and answered.prompt_tokens and answered.evaluated is not None
    ]
    return statistics.median(shares) if shares else None


def equal(one: Replay) -> dict[str, float]:
    """Share of the greedy answers that are ours to the letter, for each peer.

    Kernels for one token and for many round differently, so a near tie may fall the other way.
    """
    ours = [plain(answered.texts[0]) for answered in one.answers[OURS][: one.done]]
    shares = {}
    for name, found in one.answers.items():
        if name != OURS and ours:
            same = [plain(a.texts[0]) == text for a, text in zip(found, ours, strict=False)]
            shares[name] = sum(same) / len(same)
    return shares


def _peer(name: str, one: Replay, four: Replay) -> dict[str, Any]:
    return {
        "settings": four.variants[name],
        "one_candidate_s": spread(_lasts(one, name)),
        "first_of_four_s": spread([a.times[0] for a in four.answers[name][: four.done]]),
        "four_candidates_s": spread(_lasts(four, name)),
        "prompt_tokens_evaluated_share": _evaluated_share(four, name),
        "answer_tokens_per_s": _rate(four, name),
        "one_candidate_cpu_s": _cpu(one, name),
        "four_candidates_cpu_s": _cpu(four, name),
        "memory_mb": round(four.memory_mb.get(name, 0.0), 1),
        **four.stated.get(name, {}),
    }


def _cpu(replay: Replay, name: str) -> float | None:
    """Processor seconds per request, in the mean."""
    spent = replay.cpu_s.get(name, [])[: replay.done]
    return statistics.mean(spent) if spent else None


def _lasts(replay: Replay, name: str) -> list[float]:
    return [answered.all_s for answered in replay.answers[name][: replay.done]]


def _rate(replay: Replay, name: str) -> float:
    """Answer tokens over the whole time, the prompt's included: what a user gets."""
    answers = replay.answers[name][: replay.done]
    return sum(a.tokens for a in answers) / max(1e-9, sum(a.all_s for a in answers))


def _evaluated_share(replay: Replay, name: str) -> float | None:
    told = [
        (a.evaluated, a.prompt_tokens)
        for a in replay.answers[name][: replay.done]
        if a.evaluated is not None and a.prompt_tokens
    ]
    return sum(e for e, _ in told) / sum(p for _, p in told) if told else None


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 by the nearest rank."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {f"p{share}": ordered[round(share / 100 * last)] for share in (50, 95, 99)}

"""What OpenAI-compatible servers answer, in the shapes they use; nothing in it is trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from whetstone.engine.base import Completion, Score
from whetstone.engine.wire import Answer
from whetstone.errors import EngineError

SHOWN = 300  # characters of a server's message that are repeated


def completions(reply: Mapping[str, Any]) -> list[Completion]:
    """The answers. Raises EngineError when there is no list of them."""
    found = choices(reply)
    usage = reply.get("usage")
    counted = usage.get("completion_tokens") if isinstance(usage, dict) else None
    each = counted // max(1, len(found)) if isinstance(counted, int) else 0
    return [_completion(choice, each) for choice in found]


def choices(reply: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The choices, as they came."""
    found = reply.get("choices")
    if not is_list(found) or not all(isinstance(choice, dict) for choice in found):
        raise EngineError("The server's answer has no choices. Is it OpenAI-compatible?")
    return found


def _completion(choice: Mapping[str, Any], tokens: int) -> Completion:
    message = choice.get("message")
    text = message.get("content") if isinstance(message, dict) else choice.get("text")
    logprobs = _logprobs(choice)
    known = bool(logprobs) and all(value is not None for _, value in logprobs)
    return Completion(
        text=text if isinstance(text, str) else "",
        logprob=sum(value or 0.0 for _, value in logprobs) if known else math.nan,
        tokens=len(logprobs) if known else tokens,
        finish="length" if choice.get("finish_reason") == "length" else "stop",
    )


def _logprobs(choice: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """Tokens with their log-probabilities, in either of the two shapes that servers use."""
    found = choice.get("logprobs")
    if not isinstance(found, dict):
        return []
    content = found.get("content")
    if is_list(content):  # chat, and llama-server's /completions
        items = [item for item in content if isinstance(item, dict)]
        return [(str(item.get("token", "")), _number(item.get("logprob"))) for item in items]
    tokens, values = found.get("tokens"), found.get("token_logprobs")
    if not is_list(tokens) or not is_list(values) or len(tokens) != len(values):
        return []
    return [(str(token), _number(value)) for token, value in zip(tokens, values, strict=True)]


def scored(choice: Mapping[str, Any], prompt: str, whole: str) -> Score | None:
    """The part of an echoed text that is the answer; None unless its tokens are exactly there."""
    position, total, tokens = 0, 0.0, 0
    for token, value in _logprobs(choice):
        if position >= len(whole):
            break
        if not whole.startswith(token, position):
            return None
        if position >= len(prompt):
            if value is None:
                return None
            total, tokens = total + value, tokens + 1
        elif position + len(token) > len(prompt):
            return None  # a token reaches from the prompt into the answer
        position += len(token)
    if position < len(whole) or not tokens:
        return None
    return Score(logprob=total, tokens=tokens)


def said(answer: Answer) -> str:
    """The server's own words about an error, fit to be shown."""
    text = answer.body.decode("utf-8", errors="replace")
    try:
        value = json.loads(text)
        error = value.get("error", value) if isinstance(value, dict) else value
        message = error.get("message", error) if isinstance(error, dict) else error
        text = message if isinstance(message, str) else json.dumps(message)
    except ValueError:
        pass
    plain = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(plain.split())[:SHOWN].rstrip(".") or "nothing more"


def _number(value: Any) -> float | None:
    sound = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if sound and math.isfinite(value) else None


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)

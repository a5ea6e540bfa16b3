"""A model behind an OpenAI-compatible server: llama-server, vLLM, Ollama.

The rendered prompt goes to /completions as it is, because that is what the model was trained on.
Where a server has no such endpoint, or puts its own template around the prompt (Ollama), the turns
go to /chat/completions. Servers differ in what they know: a parameter that one refuses is left out
from then on, and a server that gives fewer answers than asked is asked again.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from whetstone.engine.base import Cancel, Completion, PromptTooLong, Score
from whetstone.engine.replies import SHOWN, choices, completions, is_list, said, scored
from whetstone.engine.retry import Patience
from whetstone.engine.wire import Answer, Request
from whetstone.errors import EngineError
from whetstone.prompt import Prompt
from whetstone.settings import Settings

if TYPE_CHECKING:
    from whetstone.models.habits import Habits

_TOP_P = 0.95
_TURN = re.compile(r"<\|im_start\|>(system|user|assistant)\n(.*?)<\|im_end\|>\n", re.DOTALL)
_TOO_LONG = re.compile(r"context (?:length|size|window)|exceeds? .*context|too many tokens", re.I)
# What a server may refuse, and what to send instead (None: nothing).
_OPTIONAL: dict[str, str | None] = {
    "logprobs": None, "top_p": None, "seed": None, "n": None, "stop": None,
    "max_tokens": "max_completion_tokens",
}  # fmt: skip


class OpenAIEngine:
    """Owned by one thread at a time, as every engine. Holds no connection between requests."""

    def __init__(self, settings: Settings) -> None:
        """Ask the server which model it has.

        Raises:
            EngineError: it cannot be reached, refuses the key, or has no model.
        """
        remote = settings.openai
        self._base = remote.base_url
        self._key_env = remote.key_env
        self._timeout_s = remote.timeout_s
        self._replaced: dict[str, str | None] = {}
        self._repeats = False  # the server gives one answer per request, whatever `n` says
        self._echoes: bool | None = None  # can it score? None: not tried yet
        self._patience = Patience(self._complaint)
        self._secret()  # a missing key is told now, not in the middle of the work
        self._model, self._chat = self._ask_models(remote.model)

    @property
    def model_id(self) -> str:
        """The server's name for the model, and where it is."""
        return f"{self._model}@{urlsplit(self._base).netloc}"

    @property
    def prompt_format(self) -> str:
        # The special tokens of "compact" are stripped from answers by every such server.
        return "chat"

    @property
    def least_logprob(self) -> float:
        return -math.inf

    @property
    def habits(self) -> Habits | None:
        return None

    @property
    def away(self) -> str:
        """Why the server does not answer just now; empty when it does."""
        return self._patience.away

    def close(self) -> None:
        """Nothing is held open."""

    def limit_threads(self, most: int | None) -> None:
        """The server has threads of its own."""

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
        """Yield up to `n` different answers: the greedy one, then the others from one request.

        `logprob` is NaN where the server gives none.

        Raises:
            Cancelled: `cancel` was set; the connection is closed, so the server stops too.
            PromptTooLong: the server says that the prompt does not fit.
            EngineError: it cannot be reached or failed; says what to do.
        """
        seen: set[str] = set()
        for number, found in enumerate(self._answers(prompt, n, max_tokens, temperature, seed,
                                                     cancel)):  # fmt: skip
            if found.text not in seen:
                seen.add(found.text)
                yield dataclasses.replace(found, number=number)

    def _answers(
        self,
        prompt: Prompt,
        n: int,
        max_tokens: int,
        temperature: float,
        seed: int,
        cancel: Cancel | None,
    ) -> Iterator[Completion]:
        common = {"max_tokens": max_tokens, "stop": [prompt.stop]}
        if n > 0:
            greedy = self._complete(prompt, {**common, "temperature": 0.0}, cancel)
            yield from greedy[:1]
        missing, turn = n - 1, 0
        while missing > 0:
            wanted = 1 if self._repeats else missing
            sampling = {"temperature": temperature, "top_p": _TOP_P, "seed": seed + turn}
            several = {} if wanted == 1 else {"n": wanted}
            found = self._complete(prompt, {**common, **sampling, **several}, cancel)[:missing]
            if not found:
                return
            yield from found
            self._repeats = self._repeats or len(found) < wanted
            missing, turn = missing - len(found), turn + 1

    def score(self, prompt: Prompt, answer: str, *, cancel: Cancel | None = None) -> Score | None:
        """From the prompt's own log-probabilities (`echo`); None where the server has none."""
        if self._chat or self._echoes is False:
            return None
        whole = prompt.text + answer + prompt.stop
        options = {"prompt": whole, "max_tokens": 1, "temperature": 0.0, "echo": True}
        try:
            reply = self._post("/completions", {**options, "logprobs": 1}, cancel)
        except PromptTooLong:
            raise
        except EngineError:
            if self._echoes:
                raise
            self._echoes = False
            return None
        first = choices(reply)[:1]
        found = scored(first[0], prompt.text, whole) if first else None
        if found is not None:
            self._echoes = True
        elif not first or not str(first[0].get("text", "")).startswith(prompt.text):
            self._echoes = False  # it ignores `echo`, as llama-server does
        return found

    # -- requests -----------------------------------------------------------------------------

    def _complete(
        self, prompt: Prompt, options: Mapping[str, Any], cancel: Cancel | None
    ) -> list[Completion]:
        if not self._chat:
            answer = self._try("/completions", {"prompt": prompt.text, "logprobs": 1, **options},
                               cancel)  # fmt: skip
            if answer.status not in (404, 405, 501):
                return completions(self._checked(answer))
            self._chat = True
        body = {"messages": _turns(prompt), "logprobs": True, **options}
        return completions(self._post("/chat/completions", body, cancel))

    def _post(self, path: str, body: Mapping[str, Any], cancel: Cancel | None) -> dict[str, Any]:
        return self._checked(self._try(path, body, cancel))

    def _try(self, path: str, body: Mapping[str, Any], cancel: Cancel | None) -> Answer:
        """The answer, after leaving out what the server says it does not know."""
        while True:
            sent = {"model": self._model}
            for key, value in body.items():
                other = self._replaced.get(key, key)
                if other is not None:
                    sent[other] = value
            answer = self._send("POST", path, json.dumps(sent).encode("utf-8"), cancel)
            refused = self._refused(answer, body) if answer.status in (400, 422) else None
            if refused is None:
                return answer
            self._replaced[refused] = _OPTIONAL[refused]
            self._repeats = self._repeats or refused == "n"

    def _refused(self, answer: Answer, body: Mapping[str, Any]) -> str | None:
        """The first optional parameter that the server's complaint names."""
        complaint = said(answer)
        if _TOO_LONG.search(complaint):
            return None
        for name in _OPTIONAL:
            if name in body and name not in self._replaced and re.search(rf"\b{name}\b", complaint):
                return name
        return None

    def _send(
        self, method: str, path: str, body: bytes | None = None, cancel: Cancel | None = None
    ) -> Answer:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        secret = self._secret()
        if secret:
            headers["Authorization"] = f"Bearer {secret}"
        request = Request(
            method=method,
            url=self._base + path,
            headers=headers,
            body=body,
            timeout_s=self._timeout_s,
        )
        return self._patience.send(request, cancel)

    def _secret(self) -> str | None:
        """The key, read when it is needed and kept nowhere."""
        if self._key_env is None:
            return None
        secret = os.environ.get(self._key_env, "").strip()
        if not secret:
            raise EngineError(
                f"openai.key_env names the environment variable {self._key_env}, which is not set. "
                "Set it for the editor's process, or unset openai.key_env."
            )
        if not re.fullmatch(r"[!-~]+", secret):
            raise EngineError(f"The key in {self._key_env} has characters that no key has.")
        parts = urlsplit(self._base)
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            raise EngineError(
                f"{self._base}: a key is not sent over http to another machine. Use an https "
                "address, or unset openai.key_env."
            )
        return secret

    def _ask_models(self, wanted: str | None) -> tuple[str, bool]:
        """The model to name in requests, and whether only its chat endpoint can be used."""
        answer = self._send("GET", "/models")
        if answer.status in (404, 405, 501) and wanted:
            return wanted, False  # a server that lists nothing, and a user who knows
        listed = self._checked(answer).get("data")
        items = [item for item in listed if isinstance(item, dict)] if is_list(listed) else []
        found = {str(item.get("id")): str(item.get("owned_by", "")) for item in items}
        if wanted is None and not found:
            raise EngineError(f"{self._base}: the server has no model. Load one, then try again.")
        model = wanted or next(iter(found))
        if wanted is not None and found and wanted not in found:
            raise EngineError(
                f"{self._base}: no model {wanted!r} there. It has: {', '.join(found)[:SHOWN]}. "
                "Set openai.model."
            )
        # Ollama ("library") would put the model's template around our whole prompt.
        return model, found.get(model) == "library"

    # -- answers ------------------------------------------------------------------------------

    def _checked(self, answer: Answer) -> dict[str, Any]:
        if answer.status == 200:
            return answer.json()
        words = said(self._without_key(answer))
        if answer.status in (400, 413, 422) and _TOO_LONG.search(words):
            raise PromptTooLong(f"The prompt does not fit the server's context: {words}.")
        raise EngineError(self._complaint(answer))

    def _complaint(self, answer: Answer) -> str:
        """What the server said instead of an answer, and what to do about it."""
        status = answer.status
        if status in (401, 403):
            advice = "Check the key in the variable that openai.key_env names."
        elif status == 404:
            advice = "Check openai.base_url (up to and including /v1) and openai.model."
        elif 300 <= status < 400:
            advice = "It redirects. Set openai.base_url to the address it really has."
        elif status == 429 or status >= 500:
            advice = "The server is overloaded or still loading. Try again, or look into its log."
        else:
            advice = "Check openai.base_url and openai.model."
        words = said(self._without_key(answer))
        return f"{self._base}: the server answered {status}: {words}. {advice}"

    def _without_key(self, answer: Answer) -> Answer:
        """Servers repeat a wrong key in their complaint; messages and logs must not."""
        secret = os.environ.get(self._key_env or "", "").strip()
        if not secret:
            return answer
        body = answer.body.replace(secret.encode("utf-8", "replace"), b"(key)")
        return Answer(status=answer.status, body=body)


def _turns(prompt: Prompt) -> list[dict[str, str]]:
    """The turns of a ChatML prompt. `render` escapes its marks inside them, so this is exact."""
    return [{"role": role, "content": text} for role, text in _TURN.findall(prompt.text)]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

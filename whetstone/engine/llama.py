"""GGUF models in this process, through llama.cpp's low-level interface.

Candidates of one prompt share its evaluation: the prompt is decoded once, then each candidate
continues from there. The tokens of the last request stay in the key-value cache, so the next
request on the same file decodes only from the first token that differs.
"""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llama_cpp as llama
import numpy as np
from numpy.typing import NDArray

from whetstone.engine.base import Cancel, Completion, PromptTooLong, Score
from whetstone.errors import Cancelled, EngineError, ModelError
from whetstone.prompt import FORMATS, GGUF_FORMAT_KEY, FormatName, Prompt

log = logging.getLogger(__name__)

_TOP_P = 0.95
_ABORTED = 2  # what llama_decode returns when the abort callback said stop
_SEQUENCE = 0
_BATCH = 512


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _to_logging(level: int, text: bytes, _: object) -> None:
    """llama.cpp writes to standard error otherwise, which is the editor's log."""
    if level >= 3:
        log.debug("llama.cpp: %s", text.decode("utf-8", "replace").rstrip())


class LlamaEngine:
    """One GGUF model and one sequence. Owned by one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        model_id: str,
        context_tokens: int = 4096,
        threads: int = 0,
        gpu_layers: int = -1,
    ) -> None:
        """Load the model; takes from 20 ms (the starter) to seconds.

        Raises:
            ModelError: the file is missing or llama.cpp cannot load it.
        """
        if not path.is_file():
            raise ModelError(f"{path}: no such model file. Run `whetstone models list`.")
        llama.llama_log_set(_to_logging, ctypes.c_void_p(0))
        llama.llama_backend_init()
        self._model_id = model_id
        self._cancel: Cancel | None = None
        self._cached: list[int] = []  # the tokens that the key-value cache holds
        self._model = self._load(path, gpu_layers)
        self._vocab = llama.llama_model_get_vocab(self._model)
        self._size = llama.llama_vocab_n_tokens(self._vocab)
        self._format = self._read_format(path)
        self._context = self._new_context(path, context_tokens, threads)
        self._memory = llama.llama_get_memory(self._context)
        self._batch = llama.llama_batch_init(_BATCH, 0, 1)

    def _load(self, path: Path, gpu_layers: int) -> Any:
        params = llama.llama_model_default_params()
        params.n_gpu_layers = 999 if gpu_layers < 0 else gpu_layers
        model = llama.llama_model_load_from_file(os.fsencode(path), params)
        if not model:
            raise ModelError(
                f"{path}: llama.cpp cannot load this file. Check it with "
                "`whetstone models verify`, or choose another with `whetstone models use NAME`."
            )
        return model

    def _new_context(self, path: Path, context_tokens: int, threads: int) -> Any:
        params = llama.llama_context_default_params()
        trained = llama.llama_model_n_ctx_train(self._model)
        params.n_ctx = min(context_tokens, trained) if trained > 0 else context_tokens
        params.n_batch = params.n_ubatch = _BATCH
        params.n_seq_max = 1
        # Half of the logical cores: llama.cpp's threads wait for each other by spinning, and on two
        # cores that had other work to do, two threads were forty times slower than one.
        chosen = threads or max(1, min(8, (os.cpu_count() or 2) // 2))
        params.n_threads = params.n_threads_batch = chosen
        # The objects must outlive the context: llama.cpp keeps the bare pointer.
        self._abort = llama.ggml_abort_callback(self._should_abort)
        params.abort_callback = self._abort
        params.abort_callback_data = ctypes.c_void_p(0)
        context = llama.llama_init_from_model(self._model, params)
        if not context:
            llama.llama_model_free(self._model)
            raise ModelError(
                f"{path}: not enough memory for a context of {params.n_ctx} tokens. "
                "Set `context_tokens` lower, or use a smaller model."
            )
        self._n_ctx = int(llama.llama_n_ctx(context))
        return context

    def _should_abort(self, _: object) -> bool:
        return self._cancel is not None and self._cancel.is_set()

    def _read_format(self, path: Path) -> FormatName:
        buffer = ctypes.create_string_buffer(64)
        size = llama.llama_model_meta_val_str(self._model, GGUF_FORMAT_KEY.encode(), buffer, 64)
        name = buffer.value.decode("utf-8", "replace") if size >= 0 else "chat"
        if name not in FORMATS:
            raise ModelError(
                f"{path}: its prompt format {name!r} is not known to this version. "
                "Upgrade Whetstone, or choose another model."
            )
        return name

    @property
    def model_id(self) -> str:
        return self._model_id

    @property
    def prompt_format(self) -> str:
        return self._format

    def close(self) -> None:
        """Free the model's memory; harmless when called twice."""
        if self._context:
            llama.llama_batch_free(self._batch)
            llama.llama_free(self._context)
            llama.llama_model_free(self._model)
            self._context = None

    def tokenize(self, text: str) -> list[int]:
        """Token ids; special tokens are parsed and none is added."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (llama.llama_token * room)()
        count = llama.llama_tokenize(self._vocab, data, len(data), tokens, room, False, True)
        if count < 0:
            raise EngineError("The prompt cannot be tokenized. This is a bug: please report it.")
        return list(tokens[:count])

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
        """See `Engine.generate`."""
        self._cancel = cancel
        tokens = self.tokenize(prompt.text)
        first = self._evaluate(tokens, reserve=max_tokens)
        stops = set(self.tokenize(prompt.stop)[:1])
        starts = [self.tokenize(start)[0] for start in prompt.starts]
        random = np.random.default_rng(seed)
        for number in range(n):
            self._trim(len(tokens))
            heat = 0.0 if number == 0 else temperature
            yield self._continue(first, heat, max_tokens, starts, stops, random)

    def score(self, prompt: Prompt, answer: str, *, cancel: Cancel | None = None) -> Score | None:
        """See `Engine.score`."""
        self._cancel = cancel
        tokens = self.tokenize(prompt.text)
        target = self.tokenize(answer + prompt.stop)
        logits = self._evaluate(tokens, reserve=len(target))
        total = float(_log_softmax(logits)[target[0]])
        for start in range(0, len(target) - 1, _BATCH):
            chunk = target[start : start + _BATCH]
            self._decode(chunk, all_logits=True)
            for index, following in enumerate(target[start + 1 : start + 1 + len(chunk)]):
                total += float(_log_softmax(self._logits(index))[following])
        return Score(logprob=total, tokens=len(target))

    def _continue(
        self,
        logits: NDArray[np.float32],
        temperature: float,
        max_tokens: int,
        starts: list[int],
        stops: set[int],
        random: np.random.Generator,
    ) -> Completion:
        pieces: list[bytes] = []
        total = 0.0
        for count in range(1, max_tokens + 1):
            logprobs = _log_softmax(logits)
            # What the model finds likely is reported as it is, even where it had no choice.
            allowed = _only(logprobs, starts) if count == 1 and starts else logprobs
            token = _pick(allowed, temperature, random)
            total += float(logprobs[token])
            if token in stops or llama.llama_vocab_is_eog(self._vocab, token):
                return _completion(pieces, total, count, "stop")
            pieces.append(self._piece(token))
            self._decode([token])
            logits = self._logits(-1)
        return _completion(pieces, total, max_tokens, "length")

    def _evaluate(self, tokens: list[int], *, reserve: int) -> NDArray[np.float32]:
        """Decode what the cache lacks of `tokens`; the logits after the last one, (vocabulary,)."""
        if len(tokens) + reserve > self._n_ctx:
            raise PromptTooLong(
                f"The prompt has {len(tokens)} tokens and the answer may have {reserve}, but the "
                f"context holds {self._n_ctx}. Set `context_tokens` higher."
            )
        same = 0
        for cached, wanted in zip(self._cached, tokens, strict=False):
            if cached != wanted:
                break
            same += 1
        same = min(same, len(tokens) - 1)  # the last one is decoded again for its logits
        self._trim(same)
        for start in range(same, len(tokens), _BATCH):
            self._decode(tokens[start : start + _BATCH])
        return self._logits(-1).copy()

    def _trim(self, length: int) -> None:
        if length < len(self._cached):
            llama.llama_memory_seq_rm(self._memory, _SEQUENCE, length, -1)
            del self._cached[length:]

    def _decode(self, tokens: list[int], *, all_logits: bool = False) -> None:
        if self._cancel is not None and self._cancel.is_set():
            raise Cancelled
        batch, begin = self._batch, len(self._cached)
        batch.n_tokens = len(tokens)
        for index, token in enumerate(tokens):
            batch.token[index] = token
            batch.pos[index] = begin + index
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = _SEQUENCE
            batch.logits[index] = all_logits or index == len(tokens) - 1
        status = llama.llama_decode(self._context, batch)
        if status == 0:
            self._cached += tokens
            return
        # An aborted batch may have left part of itself in the cache.
        llama.llama_memory_seq_rm(self._memory, _SEQUENCE, begin, -1)
        if status == _ABORTED:
            raise Cancelled
        raise EngineError(f"llama_decode failed with status {status}. Restart the server.")

    def _logits(self, index: int) -> NDArray[np.float32]:
        """A view into llama.cpp's buffer, valid until the next decode; shape (vocabulary,)."""
        pointer = llama.llama_get_logits_ith(self._context, index)
        return np.ctypeslib.as_array(pointer, shape=(self._size,))

    def _piece(self, token: int) -> bytes:
        buffer = ctypes.create_string_buffer(256)
        size = llama.llama_token_to_piece(self._vocab, token, buffer, 256, 0, True)
        return buffer.raw[: max(0, size)]


def _completion(pieces: list[bytes], total: float, count: int, finish: Any) -> Completion:
    text = b"".join(pieces).decode("utf-8", "replace")
    return Completion(text=text, logprob=total, tokens=count, finish=finish)


def _log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = logits - logits.max()
    result: NDArray[np.float32] = shifted - np.log(np.exp(shifted).sum())
    return result


def _only(logprobs: NDArray[np.float32], tokens: list[int]) -> NDArray[np.float32]:
    """`logprobs` with every token but `tokens` ruled out."""
    allowed = np.full_like(logprobs, -np.inf)
    allowed[tokens] = logprobs[tokens]
    return allowed


def _pick(logprobs: NDArray[np.float32], temperature: float, random: np.random.Generator) -> int:
    """The likeliest token at temperature 0, else a draw from the nucleus of mass _TOP_P."""
    if temperature <= 0:
        return int(logprobs.argmax())
    weights = np.exp((logprobs - logprobs.max()) / temperature)
    order = np.argsort(-weights)
    cumulative = np.cumsum(weights[order]) / weights.sum()
    keep = order[: int(np.searchsorted(cumulative, _TOP_P)) + 1]
    mass = weights[keep] / weights[keep].sum()
    return int(random.choice(keep, p=mass))

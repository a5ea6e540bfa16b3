"""One loaded GGUF: its weights, its vocabulary, and what its metadata says about prompts."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as llama

from whetstone.engine.llama.adapters import Adapters
from whetstone.errors import EngineError, ModelError
from whetstone.models.gguf_info import GGUF_HABITS_KEY
from whetstone.models.habits import habits_in
from whetstone.prompt import FORMATS, GGUF_FORMAT_KEY, FormatName

log = logging.getLogger(__name__)

_ALL_LAYERS = 999
_MAX_TEXT = 262_144  # bytes of one value of the metadata: that of 2,000 kinds of fixes
_PIECE = 256  # bytes; longer than any token of a real vocabulary


@llama.llama_log_callback  # type: ignore[untyped-decorator]
def _to_logging(level: int, text: bytes, _: object) -> None:
    """llama.cpp writes to standard error otherwise, which is the editor's log."""
    if level >= 3:
        log.debug("llama.cpp: %s", text.decode("utf-8", "replace").rstrip())


class Model:
    """Weights are mapped from the file, so several engines of one file share their memory."""

    def __init__(self, path: Path, *, gpu_layers: int) -> None:
        """Raises ModelError when the file is missing, damaged, or of an unknown prompt format."""
        if not path.is_file():
            raise ModelError(f"{path}: no such model file. Run `whetstone models list`.")
        llama.llama_log_set(_to_logging, ctypes.c_void_p(0))
        llama.llama_backend_init()
        params = llama.llama_model_default_params()
        params.n_gpu_layers = _ALL_LAYERS if gpu_layers < 0 else gpu_layers
        params.load_mode = llama.LLAMA_LOAD_MODE_MMAP
        self.path = path
        self.handle: Any = llama.llama_model_load_from_file(os.fsencode(path), params)
        if not self.handle:
            raise ModelError(
                f"{path}: llama.cpp cannot load this file. Check it with "
                "`whetstone models verify`, or choose another with `whetstone models use NAME`."
            )
        self.adapters = Adapters(self.handle)
        self.on_gpu = gpu_layers != 0 and bool(llama.llama_supports_gpu_offload())
        self.trained_context = int(llama.llama_model_n_ctx_train(self.handle))
        # Recurrent layers keep one state and no history: nothing can be cut off or moved in it.
        self.can_trim = not (
            llama.llama_model_is_recurrent(self.handle) or llama.llama_model_is_hybrid(self.handle)
        )
        self._vocab = llama.llama_model_get_vocab(self.handle)
        self.vocab_size = int(llama.llama_vocab_n_tokens(self._vocab))
        self._pieces: dict[int, bytes] = {}
        self._ends: dict[int, bool] = {}
        self._marks: dict[str, int] = {}
        try:
            self.format = self._read_format()
            self.habits = habits_in({GGUF_HABITS_KEY: self._text_of(GGUF_HABITS_KEY)})
        except ModelError:
            self.close()
            raise

    def _read_format(self) -> FormatName:
        name = self._text_of(GGUF_FORMAT_KEY) or "chat"
        if name not in FORMATS:
            raise ModelError(
                f"{self.path}: its prompt format {name!r} is not known to this version. "
                "Upgrade Whetstone, or choose another model."
            )
        return name

    def _text_of(self, key: str) -> str | None:
        """What the file's metadata says under `key`, at most `_MAX_TEXT` bytes of it."""
        buffer = ctypes.create_string_buffer(_MAX_TEXT)
        size = llama.llama_model_meta_val_str(self.handle, key.encode(), buffer, _MAX_TEXT)
        return buffer.value.decode("utf-8", "replace") if size >= 0 else None

    def close(self) -> None:
        if self.handle:
            llama.llama_model_free(self.handle)
            self.handle = None

    def tokenize(self, text: str) -> list[int]:
        """Token ids; special tokens are parsed and none is added."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 8
        tokens = (llama.llama_token * room)()
        count = llama.llama_tokenize(self._vocab, data, len(data), tokens, room, False, True)
        if count < 0:
            raise EngineError("The prompt cannot be tokenized. This is a bug: please report it.")
        return list(tokens[:count])

    def mark(self, text: str) -> int:
        """The first token of a text that is asked for again and again, such as a stop token."""
        known = self._marks.get(text)
        if known is None:
            known = self._marks[text] = self.tokenize(text)[0]
        return known

    def text(self, tokens: Sequence[int]) -> str:
        return b"".join(map(self.piece, tokens)).decode("utf-8", "replace")

    def piece(self, token: int) -> bytes:
        """The bytes of a token; a character may be spread over several tokens."""
        known = self._pieces.get(token)
        if known is None:
            buffer = ctypes.create_string_buffer(_PIECE)
            size = llama.llama_token_to_piece(self._vocab, token, buffer, _PIECE, 0, True)
            known = self._pieces[token] = buffer.raw[: max(0, size)]
        return known

    def ends(self, token: int) -> bool:
        """Does the model itself end an answer with this token?"""
        known = self._ends.get(token)
        if known is None:
            known = self._ends[token] = bool(llama.llama_vocab_is_eog(self._vocab, token))
        return known

    def is_control(self, token: int) -> bool:
        return bool(llama.llama_vocab_is_control(self._vocab, token))

"""The folder of computed prompts: the constant beginning of a model's prompts, and, where the user
asked for it, the prompts of recent documents from one session to the next."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path

import llama_cpp.llama_cpp as llama
import numpy as np

from whetstone.engine.llama.cache import Parked
from whetstone.engine.llama.model import Model
from whetstone.engine.llama.shift import Tokens, common
from whetstone.engine.llama.state import read_state, write_state
from whetstone.engine.options import EngineOptions
from whetstone.problem import Diagnostic, Problem, Region, Span
from whetstone.prompt import FormatName, render

log = logging.getLogger(__name__)

_WORTH = 16  # tokens; fewer are computed as quickly as they are read
_OPENING_LIMIT = 512_000_000  # bytes


class Storage:
    """Files of one model, adapter included, with one cache layout."""

    def __init__(self, folder: Path, model: Model, model_id: str, options: EngineOptions) -> None:
        self._folder = folder
        self.model_id = model_id
        what = [
            model_id,
            model.path.stat().st_size,
            model.vocab_size,
            options.kv_type,
            options.flash_attention,
            *_build(),
        ]
        self._key = hashlib.sha256(json.dumps(what).encode()).hexdigest()
        self._opening_path = folder / f"{self._key[:16]}.opening"
        self.opening = _constant(model)

    def read_opening(self) -> Parked | None:
        """The state after the constant beginning of all prompts, when it was saved."""
        found = read_state(self._opening_path, self._key, limit=_OPENING_LIMIT)
        if found is None or not np.array_equal(found[0], self.opening):
            return None
        return Parked(*found, self.model_id)

    def write_opening(self, entry: Parked) -> None:
        self._write(self._opening_path, entry)

    def read_documents(self, *, limit: int) -> list[Parked]:
        """The prompts of the last session, least recently used first, `limit` bytes in all."""
        found: list[Parked] = []
        for path in sorted(self._documents(), reverse=True):
            state = read_state(path, self._key, limit=limit)
            if state is not None:
                found.insert(0, Parked(*state, self.model_id))
                limit -= state[1].nbytes
        return found

    def write_documents(self, entries: Iterable[Parked]) -> None:
        """Replace what the last session left by this model's among `entries`.

        They come least recently used first.
        """
        for path in self._documents():
            path.unlink(missing_ok=True)
        mine = [entry for entry in entries if entry.owner == self.model_id]
        for number, entry in enumerate(mine):
            self._write(self._folder / f"{self._key[:16]}-{number:04}.prompt", entry)

    def _documents(self) -> list[Path]:
        return list(self._folder.glob(f"{self._key[:16]}-*.prompt"))

    def _write(self, path: Path, entry: Parked) -> None:
        try:
            write_state(path, self._key, entry.tokens, entry.state)
        except OSError as error:  # it is a convenience: the prompt is computed again
            log.info("%s: not written (%s)", path, error)


def _build() -> tuple[int, int]:
    """Size and time of the compiled llama.cpp: another one may lay its states out otherwise."""
    status = Path(llama._lib._name).stat()
    return status.st_size, status.st_mtime_ns


def _constant(model: Model) -> Tokens:
    """The tokens that every prompt of the model's format begins with; none when they are few."""
    one, other = (np.array(model.tokenize(_sample(model.format, name)), np.int32) for name in "ab")
    same = common(one, other)
    return one[: same if same >= _WORTH else 0]


def _sample(format: FormatName, name: str) -> str:
    span = Span(start_line=0, end_line=0)
    problem = Problem(
        name=name,
        diagnostic=Diagnostic(source=name, code=name, message=name, span=span),
        region=Region(start=0, stop=1),
        flagged=(name,),
    )
    return render(problem, format).text

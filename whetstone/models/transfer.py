"""Fetch one large file over HTTP: resumable, verified, and only from where the user asked.

The part that came is kept beside a note of what it is a part of, so that a second call goes on
where the first one broke; `If-Range` and the checksum make sure that it is still the same file.
https only, except on this machine; the token goes to the host it is for and nowhere else.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any

from whetstone.errors import ModelError
from whetstone.models.files import guarded, require_space
from whetstone.models.lock import locked
from whetstone.models.web import check_url, open_url, reason, refusal, shown
from whetstone.paths import atomic_write_text

Progress = Callable[[int, int | None], None]  # bytes that are there, bytes in all

_CHUNK = 256 << 10
_ATTEMPTS = 4  # without a single new byte between them


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A file to fetch, and what is known about it beforehand."""

    url: str
    size: int | None = None
    sha256: str | None = None
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """The file as it came, still under its temporary name."""

    path: Path
    sha256: str
    size: int
    new_bytes: int
    revision: str | None = None  # the hub's commit, where it says so

    def discard(self) -> None:
        """Delete it and its note."""
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".json").unlink(missing_ok=True)


class _Broken(Exception):
    """The connection broke, or the server is busy: worth another attempt."""


def fetch(
    remote: Remote,
    folder: Path,
    *,
    progress: Progress = lambda done, total: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """The whole file in `folder`, its size and sha256 those of `remote` where these are known.

    Raises:
        ModelError: it cannot be fetched; says whether a second call would go on from here.
    """
    check_url(remote.url)
    key = hashlib.sha256(remote.url.encode()).hexdigest()[:16]

    def work() -> Fetched:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(folder / f"{key}.lock", timeout_s=0.5):
            return _Transfer(remote, folder / f"{key}.part", progress, sleep).run()

    return guarded(folder, work)


class _Transfer:
    def __init__(
        self, remote: Remote, part: Path, progress: Progress, sleep: Callable[[float], None]
    ) -> None:
        self.remote, self.part, self.progress, self.sleep = remote, part, progress, sleep
        self.note_path = part.with_suffix(".json")
        self.total = remote.size
        self.new_bytes = 0
        self.digest = hashlib.sha256()
        self.digested = 0
        self.revision: str | None = None

    def run(self) -> Fetched:
        idle = 0
        while True:
            before = self._have()
            try:
                self._attempt(before)
                break
            except _Broken as error:
                idle = 0 if self._have() > before else idle + 1
                if idle >= _ATTEMPTS:
                    raise ModelError(self._gave_up(error)) from error
                self.sleep(min(8.0, 0.5 * 2**idle))
        self._digest_up_to(self._have())
        return self._verified()

    # -- one request --------------------------------------------------------------------------

    def _attempt(self, have: int) -> None:
        note = self._note()
        if have and not self._usable(note):
            have = self._restart()
        if have and have == self.total and self.remote.sha256:
            return  # complete already: only the check at the end is missing
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if note.get("validator"):
                headers["If-Range"] = str(note["validator"])
        try:
            response = open_url(self.remote.url, self.remote.token, headers)
        except urllib.error.HTTPError as error:
            with closing(error):
                self._refused(error.code, error.headers, have, note)
            return
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(reason(error)) from error
        with closing(response):
            self._receive(response, have, note)

    def _refused(self, status: int, headers: Message, have: int, note: dict[str, Any]) -> None:
        if status == 416 and have:
            if headers.get("Content-Range") == f"bytes */{have}" and note.get("validator"):
                self.total = have  # it was all there: the process ended before the last check
                return
            self._restart()
            raise _Broken("the kept part does not belong to this file any more")
        if status in (408, 425, 429) or status >= 500:
            raise _Broken(f"the server answered {status}")
        raise ModelError(refusal(self.remote.url, status))

    def _receive(self, response: Any, have: int, note: dict[str, Any]) -> None:
        status, headers = int(response.status), response.headers
        if status == 206:
            self._check_range(headers, have, note)
        elif status == 200:
            have = self._restart()
            length = headers.get("Content-Length", "")
            self._expect(int(length) if length.isdigit() else None)
        else:
            raise ModelError(refusal(self.remote.url, status))
        self.revision = headers.get("X-Repo-Commit") or self.revision
        require_space(self.part.parent, max(0, (self.total or 0) - have))
        self._write_note(headers)
        self._digest_up_to(have)
        with self.part.open("ab") as target:
            self._stream(response, target, have)
            target.flush()
            os.fsync(target.fileno())
        if self.total is not None and self._have() < self.total:
            raise _Broken(f"the connection broke after {self._have():,} bytes")

    def _stream(self, response: Any, target: IO[bytes], have: int) -> None:
        self.progress(have, self.total)
        while True:
            try:
                chunk = response.read(_CHUNK)
            except (OSError, http.client.HTTPException) as error:
                target.flush()
                raise _Broken(reason(error)) from error
            if not chunk:
                return
            if have == 0 and not chunk.startswith(b"GGUF"[: len(chunk)]):
                raise self._discarded("not a GGUF file (it does not start with GGUF)")
            target.write(chunk)
            self.digest.update(chunk)
            have += len(chunk)
            self.digested = have
            self.new_bytes += len(chunk)
            if self.total is not None and have > self.total:
                raise self._discarded(f"longer than the {self.total:,} bytes that were announced")
            self.progress(have, self.total)

    # -- what is kept -------------------------------------------------------------------------

    def _have(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _note(self) -> dict[str, Any]:
        try:
            note = json.loads(self.note_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}

    def _usable(self, note: dict[str, Any]) -> bool:
        """Is the part provably of the file that is wanted now?"""
        if note.get("url") != self.remote.url:
            return False
        if self.remote.sha256 is not None:
            # Another checksum than when the part came means another file.
            return note.get("sha256") == self.remote.sha256
        return bool(note.get("validator"))

    def _write_note(self, headers: Message) -> None:
        note = {
            "url": self.remote.url,
            "sha256": self.remote.sha256,
            "size": self.total,
            "validator": _validator(headers),
        }
        atomic_write_text(self.note_path, json.dumps(note))

    def _restart(self) -> int:
        self.part.write_bytes(b"")
        self.digest, self.digested = hashlib.sha256(), 0
        self.total = self.remote.size
        return 0

    def _expect(self, total: int | None) -> None:
        if self.remote.size is not None and total not in (None, self.remote.size):
            raise ModelError(
                f"{shown(self.remote.url)}: has {total:,} bytes, {self.remote.size:,} were "
                "announced. It was changed just now, or a proxy answers in its place; try again."
            )
        self.total = total if total is not None else self.total

    def _check_range(self, headers: Message, have: int, note: dict[str, Any]) -> None:
        match = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
        validator = _validator(headers)
        changed = validator and note.get("validator") and validator != note["validator"]
        if not match or int(match[1]) != have or changed:
            self._restart()
            raise _Broken("the file changed on the server; starting again")
        self._expect(int(match[2]) if match[2] != "*" else None)

    # -- the end ------------------------------------------------------------------------------

    def _digest_up_to(self, size: int) -> None:
        """Bring the running checksum to what lies on disk, after a resume."""
        if self.digested == size:
            return
        self.digest, self.digested = hashlib.sha256(), size
        with self.part.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                self.digest.update(chunk)

    def _verified(self) -> Fetched:
        size, digest = self._have(), self.digest.hexdigest()
        if self.total is not None and size != self.total:
            raise self._discarded(f"{size:,} bytes, expected {self.total:,}")
        if self.remote.sha256 and digest != self.remote.sha256:
            raise self._discarded(f"sha256 {digest}, expected {self.remote.sha256}")
        return Fetched(
            path=self.part,
            sha256=digest,
            size=size,
            new_bytes=self.new_bytes,
            revision=self.revision,
        )

    def _discarded(self, what: str) -> ModelError:
        self.part.unlink(missing_ok=True)
        self.note_path.unlink(missing_ok=True)
        return ModelError(
            f"{shown(self.remote.url)}: {what}. What came was deleted and no model was changed. "
            "Check the address, or fetch it again."
        )

    def _gave_up(self, error: Exception) -> str:
        kept = self._have()
        advice = "Run the same command again"
        if kept:
            advice += f" to go on from the {kept:,} bytes that are kept"
        return f"{shown(self.remote.url)}: {error}. {advice}."


def _validator(headers: Message) -> str | None:
    """What `If-Range` may carry: a strong entity tag, else the date."""
    tag = headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return str(tag)
    date = headers.get("Last-Modified")
    return None if date is None else str(date)

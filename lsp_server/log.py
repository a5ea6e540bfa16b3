"""Logging without document text: pygls puts whole messages into its records; they are dropped."""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

from whetstone.errors import UsageError

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _WithoutText(logging.Formatter):
    """Frames and the exception's type, not its message: a SyntaxError quotes its line."""

    def formatException(self, ei: object) -> str:
        if not isinstance(ei, tuple) or ei[0] is None:
            return ""
        frames = "".join(traceback.format_tb(ei[2]))
        return f"{frames}{ei[0].__name__}"


class _NoArguments(logging.Filter):
    """Records of pygls keep their template and lose their values.

    A client that is gone before its last answer is no error: some do not wait at the end.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], ConnectionError):
            return False
        if record.name.partition(".")[0] == "pygls":
            record.args = ()
            record.msg = str(record.msg).replace("%s", "…").replace("%r", "…")
        return True


def configure(log_file: Path | None) -> None:
    """Log to stderr, or to `log_file` alone. stdout belongs to the protocol.

    Raises:
        UsageError: the file cannot be written.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr)
    if log_file is not None:
        try:
            handler = logging.FileHandler(log_file, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{log_file}: cannot be written ({error.strerror}).") from error
    handler.setFormatter(_WithoutText(FORMAT))
    handler.addFilter(_NoArguments())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # At INFO it writes the text of every message it sends.
    logging.getLogger("pygls").setLevel(logging.WARNING)

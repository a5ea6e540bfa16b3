"""One training run at a time. The system frees the lock when its holder dies, however it dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from trainer.errors import AlreadyRunning
from whetstone.errors import TrainingError
from whetstone.locks import LockBusy, locked


@contextmanager
def training_lock(root: Path, command: str = "trainer retrain") -> Iterator[None]:
    """Hold the lock of the runs folder `root`; `command` is what its holders are called.

    Raises:
        AlreadyRunning: another process holds it; the message has its number.
        TrainingError: the folder cannot be written.
    """
    holder = root / "retrain.pid"
    with ExitStack() as stack:
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            stack.enter_context(locked(root / "retrain.lock", timeout_s=0))
            holder.write_text(str(os.getpid()), encoding="utf-8")
        except LockBusy:
            raise AlreadyRunning(
                f"Another `{command}` is running (process {_holder(holder)}). "
                "It goes on; this one changes nothing. Wait until it is done."
            ) from None
        except OSError as error:
            raise TrainingError(
                f"{root}: cannot be written ({error.strerror}). Set WHETSTONE_DATA to a folder "
                "you can write."
            ) from error
        yield
        holder.unlink(missing_ok=True)


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "unknown"
    except OSError:
        return "unknown"

"""Room on the disk: foreseen before a run, and named when it runs out all the same."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from whetstone.errors import TrainingError

_SPARE = 64 << 20
_SCARCE = 4 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


def check_room(folder: Path, parameters: int, model_size: int, stage: str = "prepared") -> None:
    """Foresee a full disk.

    Args:
        stage: what is about to begin; what earlier stages wrote is there already.

    Raises:
        TrainingError: what a model of this size still has to write does not fit beside `folder`.
    """
    full_precision = 4 * parameters  # bytes
    ahead = {
        "prepared": 3 * full_precision + 2 * model_size,  # base, merged, unquantized; two files
        "sft": 3 * full_precision + 2 * model_size,
        "dpo": 2 * full_precision + 2 * model_size,
        "merged": 2 * full_precision + 2 * model_size,
        "exported": full_precision + 2 * model_size,
        "verified": model_size,
        "gated": model_size,
    }
    needed = ahead[stage] + _SPARE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise TrainingError(
            f"{folder}: training still needs about {needed >> 20:,} MB of disk and {free >> 20:,} "
            "MB are free. Free some space, or set WHETSTONE_DATA to a folder on a larger disk."
        )


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what libraries raise on a full or read-only disk into one clear TrainingError."""
    try:
        yield
    except TrainingError:
        raise
    except Exception as error:
        # torch and safetensors raise types of their own, with the system's words inside.
        code = error.errno if isinstance(error, OSError) else None
        text = str(error)
        full = code in _FULL or "No space left" in text or _is_full(folder)
        if full:
            raise TrainingError(
                f"{folder}: the disk is full. The active model is untouched. Free some space and "
                "run `trainer retrain` again: it resumes where it stopped."
            ) from error
        if code in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise TrainingError(
                f"{folder}: cannot be written ({text}). The active model is untouched. Make it "
                "writable and run `trainer retrain` again: it resumes where it stopped."
            ) from error
        raise


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _SCARCE
    except OSError:
        return False

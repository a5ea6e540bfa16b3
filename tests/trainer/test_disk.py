from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

from trainer.disk import check_room
from whetstone.errors import TrainingError

usage = namedtuple("usage", "total used free")


def fits(free: int, stage: str) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage(1 << 40, 0, free))
        try:
            check_room(Path("runs"), 100 << 20, 30 << 20, stage)
        except TrainingError:
            return False
        return True


def test_what_is_ahead_is_what_counts() -> None:
    # 100 Mi parameters: 400 MB in full precision; 64 MB stay free
    assert fits((1200 + 60 + 64) << 20, "prepared") and not fits((1200 + 59 + 64) << 20, "prepared")
    assert fits((800 + 60 + 64) << 20, "merged") and not fits((800 + 59 + 64) << 20, "merged")
    assert fits((30 + 64) << 20, "gated") and not fits((29 + 64) << 20, "gated")


def test_the_message_says_how_much_is_missing() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage(1 << 40, 0, 5 << 20))
        with pytest.raises(TrainingError, match="still needs about 94 MB of disk and 5 MB are fr"):
            check_room(Path("runs"), 100 << 20, 30 << 20, "gated")

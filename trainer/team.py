"""One run in several processes, as `accelerate launch` or torchrun start them.

The first process leads: it does everything that a run does. The others help it with the two stages
that train; before each it tells them the stage and the folder of the run, which all must be able to
read, and at the end that they may go.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from trainer.errors import Diverged

Message = tuple[str, str] | None  # a stage and the folder of its run; None at the end


def size() -> int:
    """How many processes this run has."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def leads() -> bool:
    """Is this the process that does the whole run?"""
    return int(os.environ.get("RANK", "0")) == 0


class Lead:
    """What the first process tells the others; used as a context, at whose end they may go.

    When it fails while all of them train, nothing is told: the others wait inside their training,
    and the launcher ends them. That it diverged they see for themselves.
    """

    def __init__(self) -> None:
        self._waiting = size() > 1  # the others listen
        self._training = False

    def begin(self, stage: str, run: Path) -> None:
        """All begin this stage now."""
        if self._waiting:
            _tell((stage, str(run)))
            self._training = True

    def done(self, *, last: bool) -> None:
        """The stage is over; after the last one the others are not needed any more."""
        self._training = False
        if last:
            self._dismiss()

    def __enter__(self) -> Lead:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._training or isinstance(error, Diverged):
            self._dismiss()

    def _dismiss(self) -> None:
        if self._waiting:
            self._waiting = False
            _tell(None)


def help_out(stages_of: Callable[[Path], Mapping[str, Callable[[], object]]]) -> None:
    """What the other processes do: the stages that they are told, until they may go.

    Args:
        stages_of: by name, the stages of the run in this folder.
    """
    while (told := _tell(None)) is not None:
        stage, run = told
        try:
            stages_of(Path(run))[stage]()
        except Diverged:
            pass  # the first process found the same, and says so


def collected(mine: dict[int, float]) -> dict[int, float]:
    """What all processes have of it."""
    if size() == 1:
        return mine
    import torch

    held: list[dict[int, float]] = [{} for _ in range(size())]
    torch.distributed.all_gather_object(held, mine)
    return {key: value for each in held for key, value in each.items()}


def _tell(message: Message) -> Message:
    """The message of the first process, in all of them."""
    import torch
    from accelerate import PartialState

    PartialState(cpu=not torch.cuda.is_available())  # joins the group, the first time
    held = [message]
    torch.distributed.broadcast_object_list(held, src=0)
    return held[0]

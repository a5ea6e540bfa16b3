"""Would this user keep that fix? It has to be right, which running it tells, and to their taste."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.personal.problems import Task
from benchmarks.personal.tastes import Taste
from trainer.evaluation.judge import run_checks


class Judge:
    """Remembers what was run: models give the same answers again and again."""

    def __init__(self, taste: Taste) -> None:
        self.taste = taste
        self._right: dict[tuple[str, str], bool] = {}

    def right(self, answers: Sequence[tuple[Task, str]]) -> list[bool]:
        """Does each whole file do what it should? Run in the sandbox, all in one go.

        The templates' own fixes are known to be right: the tests run every one of them.

        Raises:
            SandboxError: the checks could not be run.
        """
        new = {(task.text, text): (task, text) for task, text in answers}
        for key, (task, text) in new.items():
            if text in task.fixed.values():
                self._right[key] = True
        new = {key: answer for key, answer in new.items() if key not in self._right}
        found = run_checks([(task.case(), text) for task, text in new.values()])
        self._right.update(zip(new, found, strict=True))
        return [self._right[task.text, text] for task, text in answers]

    def keeps(self, answers: Sequence[tuple[Task, str]]) -> list[bool]:
        """Is each whole file right and to the user's taste?"""
        liked = [self.taste.pleases(task, text) for task, text in answers]
        asked = [answer for answer, like in zip(answers, liked, strict=True) if like]
        right = iter(self.right(asked))
        return [like and next(right) for like in liked]

"""How often the first fix that is shown is kept, on problems of families nobody trained on.

The path is the one that serves the editor, without the server around it: `Fixer.propose` with the
settings that the server was started with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.personal.judging import Judge
from benchmarks.personal.problems import Task
from benchmarks.personal.tastes import style
from whetstone.analogy import Rewrite
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.options import EngineOptions
from whetstone.fixer import Fixer
from whetstone.settings import Settings

# What both the server and the measurement use: more answers and warmer than the defaults, so that
# the user sees styles that the model finds unlikely.
SETTINGS = Settings(candidates=6, temperature=0.9)


def first_fixes(
    model: Path, tasks: Sequence[Task], learned: Sequence[Rewrite] = ()
) -> list[str | None]:
    """Of each problem, the whole file as the first fix that is shown would leave it."""
    engine = LlamaEngine(model, model_id=model.name, options=EngineOptions(threads=1))
    try:
        fixer = Fixer(engine, SETTINGS, learned=learned)
        found = [fixer.propose(task.document, task.diagnostic()).candidates for task in tasks]
    finally:
        engine.close()
    return [candidates[0].new_text if candidates else None for candidates in found]


def acceptance(
    model: Path, tasks: Sequence[Task], judge: Judge, learned: Sequence[Rewrite] = ()
) -> dict[str, Any]:
    """Counts in all and by aspect.

    `kept`: right and to the taste. `right`: right, in whatever style. `in_style`: in the wanted
    style, right or not.
    """
    first = first_fixes(model, tasks, learned)
    shown = [(task, text) for task, text in zip(tasks, first, strict=True) if text is not None]
    wants = judge.taste.wants
    kept = [task for (task, _), keep in zip(shown, judge.keeps(shown), strict=True) if keep]
    by_aspect = Counter(task.aspect for task in kept)
    return {
        "problems": len(tasks),
        "shown": len(shown),
        "kept": len(kept),
        "right": sum(judge.right(shown)),
        "in_style": sum(style(task, text) == wants[task.aspect] for task, text in shown),
        "by_aspect": {
            aspect: [by_aspect[aspect], count]
            for aspect, count in sorted(Counter(task.aspect for task in tasks).items())
        },
        "kept_problems": [task.name for task in kept],
    }

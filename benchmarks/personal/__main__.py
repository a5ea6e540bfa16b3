"""Does a model learn a person's taste from their choices? A simulated user and the real parts.

    python -m benchmarks.personal --work DIR                       what is missing there, figures
    python -m benchmarks.personal --work DIR --out docs/results
    python -m benchmarks.personal --work DIR --tastes terse --seeds 1    a part, to run in parallel

For each taste and seed: a simulated user makes 200 choices in the real language server with the
active model, and once more with the server's analogies; from the first 50, 100 and 200 a model is
trained by each method, and the fixes that each model shows first for problems of unseen families
are judged. Then one retrain on the model of the last, which shows what is forgotten; and the
product's own loop: choices, `trainer retrain` with its gate, further choices with what it promoted.

Every step leaves one JSON file in DIR when it is done, and nothing counts before: a run that was
killed is repeated and goes on at the step it was in.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.editor import machine
from benchmarks.personal import figures
from benchmarks.personal.judging import Judge
from benchmarks.personal.loop import run_loop
from benchmarks.personal.measuring import acceptance
from benchmarks.personal.methods import (
    METHODS,
    Choices,
    options_for,
    rewrites_of,
    train,
    train_again,
)
from benchmarks.personal.problems import Task, tasks
from benchmarks.personal.tastes import REPORTED, TASTES
from benchmarks.personal.user import User, outcomes
from trainer.base_model import find_base
from whetstone.models.registry import Registry
from whetstone.paths import atomic_write_text
from whetstone.preferences.store import PreferenceStore

_UNSEEN_SEED = 1000  # the same unseen problems for everyone


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to run, and where."""

    work: Path
    points: tuple[int, ...]
    problems: int
    methods: tuple[str, ...]
    changes: Mapping[str, Any]
    again: bool
    loop: bool
    live: bool
    static: bool


class Part:
    """One taste with one seed."""

    def __init__(self, plan: Plan, taste: str, seed: int) -> None:
        self.plan, self.taste, self.seed = plan, taste, seed
        self.folder = plan.work / f"{taste}-{seed}"
        self.judge = Judge(TASTES[taste])
        self.unseen = tasks("unseen", plan.problems, _UNSEEN_SEED)
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self) -> None:
        self._step("choices", self._choices)
        self._step("base", self._untrained)
        if self.plan.live:
            self._step("live", self._live)
        for point in sorted(self.plan.points, reverse=True):  # the one that matters most first
            for method in self.plan.methods:
                self._step(f"{method}-{point}", lambda m=method, p=point: self._method(m, p))
        if self.plan.again:
            self._step("again", self._again)
        if self.plan.loop:
            self._step("loop", self._loop)

    def _step(self, name: str, work: Callable[[], dict[str, Any]]) -> None:
        done = self.folder / f"{name}.json"
        if done.exists():
            return
        scratch = self.folder / name
        shutil.rmtree(scratch, ignore_errors=True)  # of a run that was killed
        begin, used = time.perf_counter(), _processor_s()
        found = work()
        found |= {
            "taste": self.taste, "seed": self.seed, "step": name,
            "wall_s": round(time.perf_counter() - begin, 1),
            "processor_s": round(_processor_s() - used, 1),
        }  # fmt: skip
        atomic_write_text(done, json.dumps(found, indent=1) + "\n")
        if name != "choices":
            shutil.rmtree(scratch, ignore_errors=True)
        kept = found.get("unseen", {}).get("kept", "")
        self._say(f"{name}: {kept} ({found['wall_s']} s)")

    def _say(self, text: str) -> None:
        print(f"{self.taste}-{self.seed} {text}", file=sys.stderr, flush=True)

    @property
    def _no_models(self) -> Path:
        """A registry with nothing in it: the embedded starter is active."""
        return self.folder / "no-models"

    @property
    def _tasks(self) -> list[Task]:
        """More than choices are wanted: of some problems no fix is shown."""
        return tasks("train", max(self.plan.points) * 3 // 2, self.seed)

    def _choices(self) -> dict[str, Any]:
        data = self.folder / "choices" / "data"
        with User(self.judge, data, self.folder / "choices" / "workspace", self.seed) as user:
            rows = user.choose(
                iter(self._tasks), max(self.plan.points),
                lambda n: self._say(f"choice {n}") if n % 50 == 0 else None,
            )  # fmt: skip
        return {"rows": rows, "outcomes": outcomes(data)}

    def _live(self) -> dict[str, Any]:
        """The same user, as people have it: what they did twice is proposed the third time."""
        folder = self.folder / "live"
        with User(
            self.judge, folder / "data", folder / "workspace", self.seed, analogies=True
        ) as user:
            rows = user.choose(iter(self._tasks), max(self.plan.points), lambda n: None)
        return {"rows": rows, "outcomes": outcomes(folder / "data")}

    def _untrained(self) -> dict[str, Any]:
        model = Registry(self._no_models).active().path
        found: dict[str, Any] = {"unseen": self._accepted(model)}
        return found | ({"static": _static(model)} if self.plan.static else {})

    def _method(self, method: str, point: int) -> dict[str, Any]:
        with PreferenceStore.open(self.folder / "choices" / "data" / "preferences.db") as store:
            ids = [summary.id for summary in reversed(store.suggestions())][:point]
            choices = Choices(store, ids, accepted=method == "sft-accepted")
            if method == "analogies":
                return self._by_analogy(choices, point)
            options = options_for(method, self.seed, self._base(), self.plan.changes)
            found = train(options, choices, self.folder / f"{method}-{point}")
        model = Path(found.pop("model"))
        found |= {"method": method, "choices": point, "unseen": self._accepted(model)}
        if self.plan.static and method == "sft-dpo" and point == max(self.plan.points):
            found["static"] = _static(model)
        return found

    def _by_analogy(self, choices: Choices, point: int) -> dict[str, Any]:
        rewrites = rewrites_of(choices.pairs(kind="all"))
        model = Registry(self._no_models).active().path
        found = acceptance(model, self.unseen, self.judge, rewrites)
        learnt = {str(each): each.times for each in rewrites}
        return {"method": "analogies", "choices": point, "unseen": found, "learnt": learnt}

    def _again(self) -> dict[str, Any]:
        """One retrain on the model of the last, whatever a gate would say of it."""
        rounds = []
        with PreferenceStore.open(self.folder / "choices" / "data" / "preferences.db") as store:
            ids = [summary.id for summary in reversed(store.suggestions())]
            options = options_for("sft-dpo", self.seed, self._base(), self.plan.changes)
            models = train_again(options, store, ids, self.plan.points, self.folder / "again")
            for point, found in models:
                model = Path(found.pop("model"))
                rounds.append({"choices": point, **found, "unseen": self._accepted(model)})
        return {"rounds": rounds}

    def _base(self) -> Path:
        """The starter's weights in Hugging Face's format, read back once for all runs."""
        return find_base(None, Registry(self._no_models).active().path, self.folder / "starter")

    def _loop(self) -> dict[str, Any]:
        arguments = [f"--{name.replace('_', '-')}={v}" for name, v in self.plan.changes.items()]
        return run_loop(
            self.judge, self.folder / "loop", self._tasks, self.unseen, self.plan.points,
            self.seed, arguments, lambda text: self._say(text) if "retrained" in text else None,
        )  # fmt: skip

    def _accepted(self, model: Path) -> dict[str, Any]:
        return acceptance(model, self.unseen, self.judge)


def _static(model: Path) -> dict[str, Any]:
    """`trainer evaluate --suite static` with the defaults of the settings."""
    from trainer.evaluation import run_static
    from whetstone.engine.llama import LlamaEngine
    from whetstone.settings import Settings

    engine = LlamaEngine(model, model_id=model.name)
    try:
        result = run_static(engine, Settings(), seed=0)
    finally:
        engine.close()
    wrong = sorted(each.case for each in result.outcomes if each.verdict != "right")
    counts = {"total": result.total, "solved": result.solved, "shown": result.shown}
    return {**counts, "wrong": wrong}


def _processor_s() -> float:
    """Of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> int:
    options = _parse()
    _quiet()
    plan = Plan(
        work=options.work,
        points=tuple(options.points),
        problems=options.problems,
        methods=tuple(options.methods),
        changes=dict(map(_change, options.set)),
        again=not options.no_again,
        loop=not options.no_loop,
        live=not options.no_live,
        static=not options.no_static,
    )
    for seed in options.seeds:
        for taste in options.tastes:
            Part(plan, taste, seed).run()
    found = {
        "command": "python -m benchmarks.personal --work DIR " + " ".join(
            f"--{name} {' '.join(map(str, getattr(options, name)))}"
            for name in ("tastes", "seeds", "points", "methods")
        ),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "problems": plan.problems,
        "changes": dict(plan.changes),
        **figures.gather(plan.work, options.tastes, options.seeds),
    }  # fmt: skip
    print(json.dumps(found) if options.json else figures.table(found))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found, indent=1) + "\n"
        (options.out / "personal.json").write_text(text, encoding="utf-8")
        figures.plot(found, options.out / "personal.png")
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="where the steps are kept")
    parser.add_argument("--tastes", nargs="+", choices=sorted(TASTES), default=list(REPORTED))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    parser.add_argument("--points", nargs="+", type=int, default=[50, 100, 200])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--problems", type=int, default=60, help="unseen problems [60]")
    parser.add_argument(
        "--no-again", action="store_true", help="leave retrains on the last model out"
    )
    parser.add_argument("--no-loop", action="store_true", help="leave the product's loop out")
    parser.add_argument(
        "--no-live", action="store_true", help="leave out choices with a server that learns at once"
    )
    parser.add_argument("--no-static", action="store_true", help="leave the static suite out")
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE",
        help="an option of `trainer retrain`, as in RetrainOptions, other than its default",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write personal.json and .png there"
    )
    return parser.parse_args()


def _change(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _quiet() -> None:
    from trainer.cli import quiet_libraries

    quiet_libraries()


if __name__ == "__main__":
    sys.exit(main())

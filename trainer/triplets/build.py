"""`trainer data build`: triplets of every source that was asked for, in parts that resume."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from trainer.evaluation.programs.batch import run_batch
from trainer.noise import measured_noise
from trainer.triplets import card, policy
from trainer.triplets.assemble import assemble
from trainer.triplets.contamination import Evaluated, clean
from trainer.triplets.failing import Broken, break_programs, job_of, triplet_of
from trainer.triplets.parts import WorkFolder
from trainer.triplets.programs import TrainingProgram
from trainer.triplets.repository import repository_triplets
from trainer.triplets.static import static_triplets
from trainer.triplets.store import store_triplets
from trainer.triplets.triplet import Triplet
from whetstone.engine.base import Cancel, Engine
from whetstone.errors import NotEnoughData
from whetstone.paths import atomic_write_text
from whetstone.preferences.records import Pair
from whetstone.prompt import FormatName

_PER_PART = 48  # programs: some ten seconds, which is what a kill may cost
_ASKED_PER_PART = 100  # problems put to a model
_RECHECKED = 60
_HELD_PER_PROGRAM = 4

# (what is being done, how much of it, of how much)
Tick = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What to build; the answers to it are kept in the work folder.

    Attributes:
        per_problem: triplets of one program at most.
        static: static mutants, 0 for none.
        asked: problems that the model is asked about, `samples` answers each.
        repository: the user's own code, with the command that tests it.
        at_least: fewer verified triplets than that are an error.
    """

    out: Path
    per_problem: int = 8
    static: int = 2000
    asked: int = 2000
    samples: int = 8
    temperature: float = 0.9
    repository: Path | None = None
    test: tuple[str, ...] = ()
    repository_mutants: int = 200
    format: FormatName = "compact"
    seed: int = 0
    at_least: int = 1
    command: str = "trainer data build"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What triplets are made of; all may be empty."""

    programs: Sequence[TrainingProgram] = ()
    against: Evaluated = field(default_factory=lambda: Evaluated(()))
    model: str = ""
    engine: Callable[[], Engine] | None = None
    choices: Sequence[Pair] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """The result: `card` is what card.json holds."""

    path: Path
    card: Mapping[str, Any]


def build(
    options: BuildOptions, sources: Sources, *, cancel: Cancel | None = None,
    tick: Tick = lambda what, done, total: None,
) -> Built:  # fmt: skip
    """Make what is missing in `options.out` and put it together.

    Raises:
        NotEnoughData: fewer triplets came than `options.at_least`; what was made is kept.
        UsageError: the folder was begun with other settings.
        SandboxError: programs cannot be run.
        Cancelled: `cancel` was set; the same call goes on from there.
    """
    return _Build(options, sources, cancel or Cancel(), tick).run()


class _Build:
    def __init__(self, options: BuildOptions, sources: Sources, cancel: Cancel, tick: Tick) -> None:
        self.options, self.sources, self.cancel, self.tick = options, sources, cancel, tick
        self.begin = time.monotonic()
        kept, self.left_out = clean(((p.id, p.code) for p in sources.programs), sources.against)
        self.programs = [program for program in sources.programs if program.id in kept]
        self.by_id = {program.id: program for program in self.programs}
        self.folder = WorkFolder(options.out, self._settings())

    def _settings(self) -> dict[str, Any]:
        o = self.options
        return {
            "programs": [program.id for program in self.programs],
            "per_problem": o.per_problem, "static": o.static, "seed": o.seed,
            "asked": o.asked if self.sources.engine else 0, "samples": o.samples,
            "temperature": o.temperature, "model": self.sources.model,
            "repository": str(o.repository or ""), "test": o.test,
            "repository_mutants": o.repository_mutants,
        }  # fmt: skip

    def run(self) -> Built:
        broken = self._broken()
        train = [each for each in broken if not self.by_id[each.program].held_out]
        made = [triplet_of(each, self.by_id[each.program]) for each in train]
        made += self._policy(train)
        made += self._static()
        made += self._repository()
        made += store_triplets(self.sources.choices)
        self._write_held_out(broken)
        return self._finish(made, train)

    # -- parts ------------------------------------------------------------------------------------

    def _broken(self) -> list[Broken]:
        pieces = [self.programs[n : n + _PER_PART] for n in range(0, len(self.programs), _PER_PART)]
        done = 0
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            jobs = [pool.submit(self._break, n, piece) for n, piece in enumerate(pieces)]
            try:
                for job, piece in zip(jobs, pieces, strict=True):
                    job.result()
                    done += len(piece)
                    self.tick("programs", done, len(self.programs))
            except BaseException:
                self.cancel.set()
                pool.shutdown(cancel_futures=True)
                raise
        return [
            each for n in range(len(pieces))
            for each in self.folder.read(f"broken-{n:03d}", Broken.from_json)
        ]  # fmt: skip

    def _break(self, number: int, piece: Sequence[TrainingProgram]) -> None:
        if not self.folder.has(f"broken-{number:03d}"):
            found = break_programs(
                piece, wanted=self.options.per_problem, seed=self.options.seed, cancel=self.cancel
            )
            self.folder.write(f"broken-{number:03d}", found)

    def _policy(self, train: Sequence[Broken]) -> Iterator[Triplet]:
        if self.sources.engine is None:
            return
        asked = pick(train, self.options.asked, self.options.seed)
        pieces = [asked[n : n + _ASKED_PER_PART] for n in range(0, len(asked), _ASKED_PER_PART)]
        names = [f"policy-{number:03d}" for number in range(len(pieces))]
        engine = None
        try:
            for number, (name, piece) in enumerate(zip(names, pieces, strict=True)):
                if not self.folder.has(name):
                    engine = engine or self.sources.engine()
                    answered = policy.answer(
                        engine, piece, self.by_id, samples=self.options.samples,
                        temperature=self.options.temperature, seed=self.options.seed,
                        cancel=self.cancel,
                    )  # fmt: skip
                    found = policy.triplets(answered, self.by_id, unsolved=True)
                    self.folder.write(name, found)
                self.tick("model", (number + 1) * _ASKED_PER_PART, len(asked))
        finally:
            if engine is not None:
                engine.close()
        for name in names:
            yield from self.folder.read(name, Triplet.from_json)

    def _static(self) -> list[Triplet]:
        if not self.options.static:
            return []
        if not self.folder.has("static"):
            self.tick("static", 0, self.options.static)
            made = static_triplets(self.options.static, self.options.seed, self.sources.against)
            self.folder.write("static", made)
        self.tick("static", self.options.static, self.options.static)
        return self.folder.read("static", Triplet.from_json)

    def _repository(self) -> list[Triplet]:
        o = self.options
        if o.repository is None:
            return []
        if not self.folder.has("repository"):
            done = 0

            def one() -> None:
                nonlocal done
                done += 1
                self.tick("repository", done, o.repository_mutants)

            made = repository_triplets(
                o.repository, o.test, count=o.repository_mutants, per_file=o.per_problem,
                seed=o.seed, cancel=self.cancel, on_mutant=one,
            )  # fmt: skip
            self.folder.write("repository", list(made))
        return self.folder.read("repository", Triplet.from_json)

    # -- the result -------------------------------------------------------------------------------

    def _write_held_out(self, broken: Sequence[Broken]) -> None:
        held = [each for each in broken if self.by_id[each.program].held_out]
        kept: Counter[str] = Counter()
        lines = []
        for each in held:
            kept[each.program] += 1
            if kept[each.program] <= _HELD_PER_PROGRAM:
                lines.append(json.dumps(each.to_json(), ensure_ascii=False) + "\n")
        atomic_write_text(self.folder.path / "held-out.jsonl", "".join(lines))

    def _finish(self, made: Sequence[Triplet], train: Sequence[Broken]) -> Built:
        o = self.options
        assembled = assemble(made, per_group=o.per_problem, format=o.format)
        verified = len(assembled.triplets)
        if verified < max(1, o.at_least):
            raise NotEnoughData(
                f"{verified} triplets came, {max(1, o.at_least)} are wanted. Give more programs or "
                "another source, or a larger --per-problem in another --out."
            )
        chosen = Random(o.seed).sample(assembled.triplets, verified)
        rows = card.rows_of(chosen, o.format)
        left_out = {
            **{f"in an evaluation suite, by {k}": n for k, n in self.left_out.items()},
            **assembled.left_out,
        }
        found = card.make_card(
            chosen, rows,
            {
                "command": o.command, "seed": o.seed, "format": o.format,
                "model": self.sources.model, "left_out": left_out,
                "evaluated_programs": self.sources.against.programs,
                "held_out_programs": sum(program.held_out for program in self.programs),
                "noise": self._noise(train), "seconds": self._seconds(),
            },
        )  # fmt: skip
        path = o.out / "triplets.parquet"
        card.write_parquet(path, rows)
        atomic_write_text(o.out / "card.json", json.dumps(found, indent=1) + "\n", mode=0o644)
        atomic_write_text(o.out / "card.md", card.markdown(found), mode=0o644)
        return Built(path=path, card=found)

    def _noise(self, train: Sequence[Broken]) -> dict[str, Any]:
        """Some of the mutants run once more: does the original pass, do the others still fail?"""
        some = Random(self.options.seed + 1).sample(train, min(_RECHECKED, len(train)))
        jobs = [
            job_of(self.by_id[each.program], each.mended(each.answer), each.text) for each in some
        ]
        verdicts = run_batch(jobs, self.cancel)
        wrong = sum(not (fixed.right and not broken.right) for fixed, broken in verdicts)
        return {
            "checked": len(some),
            "wrong": wrong,
            "store": measured_noise(self.sources.choices),
        }

    def _seconds(self) -> float:
        """Of all calls that worked on this folder."""
        file = self.folder.path / "seconds"
        before = float(file.read_text("utf-8")) if file.exists() else 0.0
        total = before + time.monotonic() - self.begin
        self.begin = time.monotonic()
        atomic_write_text(file, f"{total:.1f}")
        return round(total, 1)


def pick(broken: Sequence[Broken], count: int, seed: int) -> list[Broken]:
    """At most `count`, spread over programs."""
    by_program: dict[str, list[Broken]] = {}
    for each in Random(seed).sample(broken, len(broken)):
        by_program.setdefault(each.program, []).append(each)
    turns = max(map(len, by_program.values()), default=0)
    every = [group[turn] for turn in range(turns) for group in by_program.values()
             if turn < len(group)]  # fmt: skip
    return every[:count]

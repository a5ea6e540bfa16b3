"""From a working document to a training sample: break it, see what reports it, ask for the fix.

A sample is kept only when the broken document gives a diagnostic that the working one does not,
at lines that serving would mark, and when its answer parses back into the very lines that were
there. Prompt and answer come from `whetstone.prompt`, through `whetstone.context` and
`whetstone.rules`, so that training sees what serving sends.
"""

from __future__ import annotations

import dataclasses
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from trainer.data import runtime
from trainer.data.corpus import Unit
from trainer.data.mutations import KINDS, NEEDS, Mutation
from trainer.data.source import Source
from whetstone import context, diagnose, rules
from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement, Span
from whetstone.prompt import END, answer_text, parse, render

_HINTED = 0.8  # the model must also work where no rule has anything to say
_WIDE = 0.15  # share of samples that show more lines than need to change
_BATCH = 4_000  # documents for one ruff process
_TRIES = 4  # documents, before a kind is given up for this time

Found = Mapping[str, Sequence[Diagnostic]]
Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One problem with its answer. `text` is the broken document, kept for held-out samples."""

    kind: str
    prompt: str
    answer: str
    text: str = ""
    fixed: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Posed:
    """A problem, independent of any model's format, its answer, and the whole working document."""

    kind: str
    fixed: str
    problem: Problem
    answer: Replacement


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    kind: str
    mutation: Mutation
    source: Source
    text: str
    diagnostic: Diagnostic | None


def make_samples(units: Sequence[Unit], count: int, seed: int) -> Iterator[Sample]:
    """`count` samples; kinds by their shares in KINDS, units drawn at random.

    Raises:
        WhetstoneError: ruff cannot be run.
    """
    return _make(units, count, seed, _sample)


def make_posed(units: Sequence[Unit], count: int, seed: int) -> Iterator[Posed]:
    """The same as problems, for models of any format. Raises as `make_samples` does."""
    return _make(units, count, seed, _posed)


def _make(
    units: Sequence[Unit],
    count: int,
    seed: int,
    make: Callable[[_Broken, Diagnostic, Random], Made | None],
) -> Iterator[Made]:
    rng = Random(seed)
    sources: dict[int, Source] = {}
    fit = _fitting(units)
    made = 0
    batch = min(_BATCH, 2 * count)
    while made < count:
        broken = [item for item in _broken(units, fit, sources, rng, batch) if item is not None]
        before, after = _ruff_both(broken)
        for number, item in enumerate(broken):
            diagnostic = item.diagnostic or _new(number, before, after)
            sample = make(item, diagnostic, rng) if diagnostic else None
            if sample is not None and made < count:
                made += 1
                yield sample


def make_runtime_samples(split: str, count: int, seed: int) -> Iterator[Sample]:
    """At most `count` samples whose diagnostic is the last line of a real traceback."""
    rng = Random(seed)
    for failed in runtime.failures(split, count, rng):
        item = _Broken(
            kind=failed.kind,
            mutation=failed.mutation,
            source=failed.source,
            text=failed.text,
            diagnostic=failed.diagnostic,
        )
        sample = _sample(item, failed.diagnostic, rng)
        if sample is not None:
            yield sample


def _fitting(units: Sequence[Unit]) -> dict[str, Sequence[int]]:
    """Kind -> the numbers of the units that it can be made of; kinds without any are left out."""
    every = range(len(units))
    fit = {
        kind: [n for n in every if re.search(NEEDS[kind], units[n].text)]
        if kind in NEEDS
        else every
        for kind in KINDS
    }
    return {kind: numbers for kind, numbers in fit.items() if numbers}


def _broken(
    units: Sequence[Unit],
    fit: Mapping[str, Sequence[int]],
    sources: dict[int, Source],
    rng: Random,
    batch: int,
) -> Iterator[_Broken | None]:
    names = list(fit)
    shares = [KINDS[kind][1] for kind in names]
    for _ in range(batch):
        kind = rng.choices(names, shares)[0]
        for _ in range(_TRIES):
            number = rng.choice(fit[kind])
            source = sources.setdefault(number, Source(units[number].text))
            broken = _break(source, kind, rng)
            if broken is not None:
                break
        yield broken


def _break(source: Source, kind: str, rng: Random) -> _Broken | None:
    mutation = KINDS[kind][0](source, rng)
    if mutation is None:
        return None
    text = mutation.applied(source)
    if text == source.text:
        return None
    diagnostic = diagnose.syntax_error(text)
    if mutation.message:
        if diagnostic is not None:
            return None
        span = Span(
            start_line=mutation.start,
            end_line=mutation.start,
            end_column=len(mutation.lines[0]),
        )
        diagnostic = Diagnostic(
            source=mutation.source, code=mutation.code, message=mutation.message, span=span
        )
    return _Broken(kind=kind, mutation=mutation, source=source, text=text, diagnostic=diagnostic)


def _ruff_both(broken: Sequence[_Broken]) -> tuple[Found, Found]:
    """Findings of the working and the broken documents that compile, by number."""
    with tempfile.TemporaryDirectory(prefix="whetstone-mutants-") as folder:
        working, mutants = Path(folder, "working"), Path(folder, "mutants")
        working.mkdir()
        mutants.mkdir()
        for number, item in enumerate(broken):
            if item.diagnostic is None:
                (working / f"{number}.py").write_text(item.source.text, encoding="utf-8")
                (mutants / f"{number}.py").write_text(item.text, encoding="utf-8")
        return diagnose.ruff_folder(working), diagnose.ruff_folder(mutants)


def _new(number: int, before: Found, after: Found) -> Diagnostic | None:
    """The first finding that the working document did not give."""
    known = Counter((d.code, d.message) for d in before.get(f"{number}.py", ()))
    for diagnostic in after.get(f"{number}.py", ()):
        key = (diagnostic.code, diagnostic.message)
        if not known[key]:
            return diagnostic
        known[key] -= 1
    return None


def _sample(item: _Broken, diagnostic: Diagnostic, rng: Random) -> Sample | None:
    posed = _posed(item, diagnostic, rng)
    if posed is None:
        return None
    return Sample(
        kind=item.kind,
        prompt=render(posed.problem, "compact").text,
        answer=answer_text(posed.problem, posed.answer, "compact") + END,
        text=item.text,
        fixed=item.source.text,
        line=diagnostic.span.start_line,
    )


def _posed(item: _Broken, diagnostic: Diagnostic, rng: Random) -> Posed | None:
    document = Document(text=item.text, path=Path("module.py"))
    region = _region(item, document, diagnostic, rng)
    if region is None:
        return None
    replacement = _answer(item, region)
    problem = context.build_problem(
        document,
        diagnostic,
        region=region,
        failure=_failure(diagnostic, problem_line=region.start, text=item.text),
        hints=rules.hints(document, diagnostic) if rng.random() < _HINTED else (),
    )
    answer = answer_text(problem, replacement, "compact")
    if parse(answer, problem, "compact") != _bare(replacement) or _unchanged(problem, replacement):
        return None
    return Posed(kind=item.kind, fixed=item.source.text, problem=problem, answer=replacement)


def _region(
    item: _Broken, document: Document, diagnostic: Diagnostic, rng: Random
) -> Region | None:
    """The region serving would show that covers what was changed; None when none does."""
    regions = context.regions_for(document, diagnostic)
    if item.mutation.answer_import:
        return regions[0]
    start, stop = item.mutation.start, item.mutation.start + len(item.mutation.lines)
    covering = [r for r in regions if r.start <= start and stop <= r.stop]
    if not covering:
        return None
    return covering[-1] if rng.random() < _WIDE else covering[0]


def _answer(item: _Broken, region: Region) -> Replacement:
    mutation = item.mutation
    if mutation.answer_import:
        return Replacement(kind="import", lines=(mutation.answer_import,))
    grown = (mutation.stop - mutation.start) - len(mutation.lines)
    return Replacement(
        kind="replace", lines=tuple(item.source.lines[region.start : region.stop + grown])
    )


def _bare(replacement: Replacement) -> Replacement:
    lines = tuple(line.rstrip() for line in replacement.lines)
    return dataclasses.replace(replacement, lines=lines)


def _unchanged(problem: Problem, replacement: Replacement) -> bool:
    return replacement == Replacement(kind="replace", lines=problem.flagged)


def _failure(diagnostic: Diagnostic, *, problem_line: int, text: str) -> str:
    """A traceback as Python prints it, for findings that only a run makes."""
    if diagnostic.source != "traceback":
        return ""
    code = text.split("\n")[problem_line].strip()
    return f'  File "module.py", line {problem_line + 1}\n    {code}\n{diagnostic.message}'

"""General problems beside a user's choices, so that a taste is not learnt at the cost of skill.

A small model that sees nothing but a few hundred choices becomes worse at all other problems. So a
run mixes in problems with known answers, made on the spot as the starter's training data was, from
our own templates and from this Python's standard library: of other kinds than the choices are
about, because on those the user's word counts and not ours (`whetstone.kinds`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from random import Random
from typing import Any, Literal

from trainer.data import corpus, templates
from trainer.data.samples import Posed, make_posed
from trainer.examples import Example
from whetstone.kinds import kind_of
from whetstone.preferences.records import Pair
from whetstone.prompt import END, FormatName, answer_text, render

_TEMPLATES = 100  # documents to break that are made of our templates
_MODULES, _EACH = 40, 12  # of the standard library, and documents of one
_SPARE = 4  # problems for each wanted one: many are of kinds that the choices are about


def rehearsal(
    pairs: Sequence[Pair],
    tokenizer: Any,
    format: FormatName,
    *,
    count: int,
    max_length: int,
    seed: int,
) -> tuple[Example, ...]:
    """At most `count` answers without a partner; none where the model is no compact one.

    Larger models speak the chat format, learn by smaller steps, and forget less.

    Args:
        pairs: everything that the run knows of the user, held out or not.
        max_length: tokens of prompt and answer together; longer samples are left out.

    Raises:
        WhetstoneError: ruff cannot be run.
    """
    if format != "compact" or count <= 0:
        return ()
    known = kinds_of(pairs, "chosen").keys() | kinds_of(pairs, "rejected").keys()
    chosen = itertools.islice(_others(known, count, seed), count)
    examples = (
        Example(
            pair_id=-number,  # of no stored pair
            prompt=_ids(tokenizer, render(posed.problem, format).text),
            chosen=_ids(tokenizer, answer_text(posed.problem, posed.answer, format) + END),
            rejected=None,
            weight=1.0,
        )
        for number, posed in enumerate(chosen, start=1)
    )
    return tuple(each for each in examples if len(each.prompt + (each.chosen or ())) <= max_length)


def kinds_of(pairs: Iterable[Pair], side: Literal["chosen", "rejected"]) -> Counter[str]:
    """How often a fix of which kind was taken, or turned down; the bug as it was is none."""
    return Counter(
        kind_of(pair.problem.diagnostic, pair.problem.flagged, fix)
        for pair in pairs
        if (fix := pair.chosen if side == "chosen" else pair.rejected) is not None
        and (fix.kind == "import" or fix.lines != pair.problem.flagged)
    )


def _others(known: Set[str], count: int, seed: int) -> Iterator[Posed]:
    """Problems whose answers are of none of the kinds in `known`."""
    for posed in make_posed(_units(seed), _SPARE * count, seed):
        if kind_of(posed.problem.diagnostic, posed.problem.flagged, posed.answer) not in known:
            yield posed


def _units(seed: int) -> list[corpus.Unit]:
    """Working documents. A Python whose library is no folder of files leaves the templates."""
    modules = corpus.library_files()
    drawn = Random(seed).sample(sorted(modules), min(_MODULES, len(modules)))
    found = corpus.collect(
        {name: modules[name] for name in drawn}, per_package=_EACH, per_file=_EACH, seed=seed
    )
    library = [unit for unit in found if unit.split == "train"]
    return [*templates.units("train", _TEMPLATES, seed), *library]


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

"""General problems beside a user's choices, so that a taste is not learnt at the cost of skill.

A small model that sees nothing but a few hundred choices becomes worse at all other problems. So a
run mixes in problems with known answers, made on the spot from our own templates as the starter's
training data was: of other kinds than the choices are about, because on those the user's word
counts and not ours.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from trainer.data import templates
from trainer.data.samples import Sample, make_samples
from trainer.examples import Example
from whetstone.preferences.records import Pair
from whetstone.prompt import BUG, FAIL, HINT, MSG, FormatName, render

_UNITS = 100  # documents to break
_SPARE = 4  # samples for each wanted one: many are of kinds that the choices are about
_NAMES = re.compile(r"'[^']*'|\"[^\"]*\"|\d+")


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
    known = {_kind(render(pair.problem, "compact").text) for pair in pairs}
    chosen = itertools.islice(_others(known, count, seed), count)
    examples = (
        Example(
            pair_id=-number,  # of no stored pair
            prompt=_ids(tokenizer, sample.prompt),
            chosen=_ids(tokenizer, sample.answer),
            rejected=None,
            weight=1.0,
        )
        for number, sample in enumerate(chosen, start=1)
    )
    return tuple(each for each in examples if len(each.prompt + (each.chosen or ())) <= max_length)


def _others(known: set[str], count: int, seed: int) -> Iterator[Sample]:
    """Samples whose finding is not one of those that `known` names."""
    units = templates.units("train", _UNITS, seed)
    for sample in make_samples(units, _SPARE * count, seed):
        if _kind(sample.prompt) not in known:
            yield sample


def _kind(prompt: str) -> str:
    """What a compact prompt's finding says, without the names and numbers in it."""
    message = prompt.partition(MSG)[2]
    for mark in (HINT, FAIL, BUG):
        message = message.partition(mark)[0]
    return _NAMES.sub("_", message)


def _ids(tokenizer: Any, text: str) -> tuple[int, ...]:
    return tuple(tokenizer(text, add_special_tokens=False)["input_ids"])

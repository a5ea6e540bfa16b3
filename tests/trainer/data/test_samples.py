"""Samples are what they say: a broken document, its diagnostic, and the lines that mend it."""

from __future__ import annotations

from random import Random

import pytest

from tests.trainer.data.test_catalogue import UNIT
from trainer.data import templates
from trainer.data.corpus import collect, installed_files, permissive, split_of
from trainer.data.mutations import KINDS
from trainer.data.samples import make_samples
from trainer.data.source import Source
from whetstone import diagnose
from whetstone.problem import Document
from whetstone.prompt import BUG, END, FIX, IMP, MSG


@pytest.fixture(scope="module")
def samples():
    return list(make_samples(templates.units("train", 150, seed=5), 250, seed=6))


def test_the_prompt_shows_a_diagnostic_that_the_broken_document_gives(samples):
    static = [s for s in samples if s.kind not in ("attribute", "method")]
    for sample in static:
        headline = sample.prompt.split(MSG)[1].split("<|")[0]
        found = [d.headline for d in diagnose.find(Document(text=sample.text))]
        assert headline in found


def test_the_working_document_does_not_give_it(samples):
    for sample in samples[:60]:
        headline = sample.prompt.split(MSG)[1].split("<|")[0]
        assert headline not in [d.headline for d in diagnose.find(Document(text=sample.fixed))]


def test_answers_replace_insert_or_delete(samples):
    answers = [sample.answer for sample in samples]

    assert all(answer.startswith((FIX, IMP)) and answer.endswith(END) for answer in answers)
    assert any(answer.startswith(IMP) for answer in answers)
    assert any(answer == FIX + END for answer in answers)
    assert any("\n" in answer for answer in answers)


def test_no_answer_is_the_flagged_text_itself(samples):
    assert not any(s.answer == FIX + s.prompt.split(BUG)[1] + END for s in samples)


def test_every_kind_breaks_something():
    units = [*templates.units("train", 400, seed=1), *(100 * [UNIT])]
    rng = Random(2)
    for kind, (mutate, _) in KINDS.items():
        made = (mutate(Source(rng.choice(units).text), rng) for _ in range(400))
        assert next((m for m in made if m is not None), None), kind


def test_a_package_lies_on_one_side_of_the_split():
    units = list(collect({"python:json": installed_files()["python:json"]}, per_package=20,
                         per_file=10, seed=1))  # fmt: skip

    assert units
    assert {unit.split for unit in units} == {split_of("python:json")}
    for unit in units:
        compile(unit.text, unit.file, "exec")


def test_near_duplicates_are_taken_once(tmp_path):
    body = "def f(items):\n    t = 0\n    while items:\n        t += {n}\n    return t\n"
    paths = []
    for n in (1, 2, 3):
        paths.append(tmp_path / f"m{n}.py")
        paths[-1].write_text(body.format(n=n))

    assert len(list(collect({"x": paths}, per_package=9, per_file=9, seed=1))) == 1


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"License-Expression": "MIT"}, True),
        ({"License": "BSD-3-Clause"}, True),
        ({"License": "GPL-3.0"}, False),
        ({"License-Expression": "MPL-2.0 AND MIT"}, False),
        ({}, False),
    ],
)
def test_only_permissive_packages_are_read(fields, allowed):
    from email.message import Message

    class Distribution:
        metadata = Message()

    Distribution.metadata = Message()
    for key, value in fields.items():
        Distribution.metadata[key] = value

    assert permissive(Distribution()) is allowed

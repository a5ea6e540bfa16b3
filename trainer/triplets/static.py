"""Static mutants: what the compiler or ruff says of real code that was broken."""

from __future__ import annotations

from collections.abc import Iterator

from trainer.data.corpus import collect, installed_files
from trainer.data.samples import make_posed
from trainer.triplets.contamination import Evaluated
from trainer.triplets.triplet import Triplet
from whetstone.problem import Replacement

_PER_PACKAGE, _PER_FILE = 40, 2


def static_triplets(count: int, seed: int, against: Evaluated) -> Iterator[Triplet]:
    """`count` triplets from the permissively licensed packages of this environment.

    The rejected answer is the lines as they were: the diagnostic stays.

    Raises:
        WhetstoneError: ruff cannot be run.
    """
    found = collect(installed_files(), per_package=_PER_PACKAGE, per_file=_PER_FILE, seed=seed)
    units = [unit for unit in found if unit.split == "train" and against.holds(unit.text) is None]
    if not units:
        return
    packages = {unit.text: unit.package for unit in units}
    for posed in make_posed(units, count, seed):
        package = packages[posed.fixed]
        yield Triplet(
            source="static",
            group=f"{package}/{posed.problem.diagnostic.code}",
            origin=package,
            licence="permissive",
            kind=posed.kind,
            problem=posed.problem,
            chosen=posed.answer,
            rejected=Replacement(kind="replace", lines=posed.problem.flagged),
            rejected_is="unchanged",
            chosen_is="original",
            chosen_by="tools",
        )

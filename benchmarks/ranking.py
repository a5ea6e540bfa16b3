"""How candidates should be ranked: measured on held-out mutants, never on the evaluation suites.

    python -m benchmarks.ranking OUT [--json]

OUT is the work folder of `trainer starter`. Held-out mutants go through `Fixer.propose`, but for
those with which `benchmarks.held_out` measures. The shown candidates are then ranked anew for each
setting of two numbers in whetstone/ranking.py, and it is counted how often the first one is the
original program. The results are in docs/results/ranking.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.held_out import FIRST, STOP, drawn, posed, same_program
from whetstone.engine.llama import LlamaEngine
from whetstone.fixer import Fixer
from whetstone.models.starter import starter_path
from whetstone.ranking import Ranked, ranking_key
from whetstone.settings import Settings

PRIORS = (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
PLACES = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The candidates of one problem, and which of them are the original text."""

    candidates: tuple[Ranked, ...]
    right: tuple[bool, ...]

    def first_is_right(self, prior: float, place: float) -> bool:
        order = range(len(self.candidates))
        best = min(
            order,
            key=lambda n: ranking_key(self.candidates[n], rule_prior=prior, place_penalty=place),
            default=None,
        )
        return best is not None and self.right[best]


def collect(out: Path) -> list[Choice]:
    """Run the serving path over the held-out mutants that rules may be made from."""
    engine = LlamaEngine(starter_path(), model_id="starter")
    fixer = Fixer(engine, Settings())
    choices = []
    for sample, document, diagnostic in posed([*drawn(out, 0, FIRST), *drawn(out, STOP, 10**6)]):
        candidates = fixer.propose(document, diagnostic).candidates
        choices.append(
            Choice(
                candidates=tuple(c.ranked for c in candidates),
                right=tuple(same_program(c.new_text, sample.fixed) for c in candidates),
            )
        )
    engine.close()
    return choices


def table(choices: Sequence[Choice]) -> dict[tuple[float, float], int]:
    return {
        (prior, place): sum(choice.first_is_right(prior, place) for choice in choices)
        for prior in PRIORS
        for place in PLACES
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    choices = collect(arguments.out)
    counts = table(choices)
    reachable = sum(any(choice.right) for choice in choices)
    if arguments.json:
        rows = [
            {"rule_prior": prior, "place_penalty": place, "right": right}
            for (prior, place), right in counts.items()
        ]
        print(json.dumps({"problems": len(choices), "reachable": reachable, "rows": rows}))
        return
    print(f"{len(choices)} problems, the original among the shown candidates in {reachable}\n")
    print("| rule prior \\ place penalty | " + " | ".join(map(str, PLACES)) + " |")
    print("|---" * (len(PLACES) + 1) + "|")
    for prior in PRIORS:
        print(f"| {prior} | " + " | ".join(str(counts[prior, p]) for p in PLACES) + " |")


if __name__ == "__main__":
    main()

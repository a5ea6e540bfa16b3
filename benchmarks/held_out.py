"""Held-out mutants on the path that serves the editor: how often the fix is the original program.

    python -m benchmarks.held_out OUT [--first 350] [--count 650]

OUT is the work folder of `trainer starter`; its held-out samples come from packages that nothing
was trained on. Counted are those that static tools report in a document that is clean without the
bug (a fragment of a file has undefined names of its own, which no real file has). A fix is right
when the program is the original's, imports in whatever order. Samples before --first, in an order
drawn with a fixed seed, and those from 1000 on were looked at while rules were made.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.editor import machine
from trainer.data.samples import Sample
from trainer.evaluation.statistics import wilson
from trainer.starter.data import read_samples
from whetstone import diagnose
from whetstone.engine.llama import LlamaEngine
from whetstone.fixer import Fixer
from whetstone.models.starter import starter_path
from whetstone.problem import Diagnostic, Document
from whetstone.settings import Settings

FIRST, STOP = 350, 1000  # what measures; the samples before and after are for development
_K = 4


def drawn(folder: Path, first: int, count: int) -> list[Sample]:
    """Samples that static tools can report, in the fixed order."""
    samples = [
        sample
        for sample in read_samples([folder / "samples" / "held.jsonl"])
        if sample.kind not in ("attribute", "method") and not sample.kind.startswith("run-")
    ]
    Random(5).shuffle(samples)
    return samples[first : first + count]


def posed(samples: list[Sample]) -> Iterator[tuple[Sample, Document, Diagnostic]]:
    for sample in samples:
        document = Document(text=sample.text, path=Path("module.py"))
        found = [d for d in diagnose.find(document) if d.span.start_line == sample.line]
        clean = not any(
            diagnostic.code == "F821" or diagnostic.source == "python"
            for diagnostic in diagnose.find(document.with_text(sample.fixed))
        )
        if found and clean:
            yield sample, document, found[0]


def same_program(one: str, other: str) -> bool:
    """Are these the same program, whatever its layout and the order of its imports?

    >>> same_program("import a\\nimport b\\nx = 1", "import b, a\\nx  =  1")
    True
    """
    try:
        return one == other or _program(one) == _program(other)
    except (SyntaxError, ValueError):
        return False


def _program(text: str) -> tuple[set[tuple[str | None, ...]], list[str]]:
    imports: set[tuple[str | None, ...]] = set()
    rest = []
    for statement in ast.parse(text).body:
        match statement:
            case ast.Import(names):
                imports |= {(name.name, name.asname) for name in names}
            case ast.ImportFrom(module, names, level):
                imports |= {(module, str(level), name.name, name.asname) for name in names}
            case _:
                rest.append(ast.dump(statement))
    return imports, rest


def measure(fixer: Fixer, problems: list[tuple[Sample, Document, Diagnostic]]) -> dict[str, Any]:
    """Counts in all, and by kind: [problems, first right, within _K right, shown]."""
    kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for sample, document, diagnostic in problems:
        shown = fixer.propose(document, diagnostic).candidates[:_K]
        right = [same_program(candidate.new_text, sample.fixed) for candidate in shown]
        row = (1, int(right[:1] == [True]), int(any(right)), int(bool(shown)))
        kinds[sample.kind] = [a + b for a, b in zip(kinds[sample.kind], row, strict=True)]
    total, first, within, shown_count = (sum(row[n] for row in kinds.values()) for n in range(4))
    return {
        "problems": total,
        "first_right": first,
        "first_right_interval": wilson(first, total),
        "within_4_right": within,
        "shown": shown_count,
        "kinds": dict(sorted(kinds.items())),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=FIRST)
    parser.add_argument("--count", type=int, default=STOP - FIRST)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    problems = list(posed(drawn(options.folder, options.first, options.count)))
    engine = LlamaEngine(starter_path(), model_id="starter")
    found = {
        "machine": machine(),
        "first": options.first,
        "count": options.count,
        "rules alone": measure(Fixer(None, Settings()), problems),
        "rules and model": measure(Fixer(engine, Settings()), problems),
    }
    engine.close()
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if options.json:
        print(json.dumps(found))
        return
    for name in ("rules alone", "rules and model"):
        row: Any = found[name]
        print(
            f"{name}: first right {row['first_right']} of {row['problems']}, within {_K} "
            f"{row['within_4_right']}, shown {row['shown']}"
        )
    for kind, counts in found["rules and model"]["kinds"].items():  # type: ignore[index]
        print(f"  {kind:18}{counts[1]:4} of {counts[0]}")


if __name__ == "__main__":
    main()

"""How many failing tests the editor's "fix this test" mends, and how often what it shows is right.

    python -m trainer.evaluation.mend OUT.jsonl                       # our own problems
    python -m trainer.evaluation.mend OUT.jsonl --file FILE.jsonl     # others, as
                                                                      # `programs/sources.py` reads
    python -m trainer.evaluation.mend OUT.jsonl --model none --from 1 --step 2

Takes some ten seconds for a program. OUT.jsonl gets a line for each that is done: a run that was
stopped goes on there. `trainer evaluate` asks the model alone, without any test, which is quicker
and compares models.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from trainer.evaluation.programs.search import Found, search
from trainer.evaluation.programs.sources import own_programs, read_programs
from trainer.evaluation.statistics import wilson
from whetstone.engine.load import load_engine
from whetstone.errors import WhetstoneError
from whetstone.fixer import Fixer
from whetstone.models import Registry
from whetstone.settings import Settings

_RULES_ONLY = "none"


def summary(rows: Sequence[Found]) -> dict[str, Any]:
    """Counts, 95 % intervals, seconds."""
    total, shown = len(rows), [row for row in rows if row.origin]
    right = [row for row in shown if row.right]
    seconds = sorted(row.seconds for row in rows)
    kinds = sorted({row.kind for row in rows})
    return {
        "programs": total,
        "shown": len(shown),
        "right": len(right),
        "right_interval": wilson(len(right), total),
        "right_of_shown_interval": wilson(len(right), len(shown)),
        "right_among_shown": sum(row.any_right for row in rows),
        "right_by_slips": sum(row.slip for row in right),
        "versions": sum(row.tried for row in rows),
        "seconds": {
            "median": statistics.median(seconds) if seconds else None,
            "p95": seconds[round(0.95 * (total - 1))] if seconds else None,
        },
        "by_kind": {
            kind: {
                "programs": sum(row.kind == kind for row in rows),
                "right": sum(row.kind == kind for row in right),
            }
            for kind in kinds
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.evaluation.mend")
    parser.add_argument("out", type=Path, metavar="OUT.jsonl")
    parser.add_argument("--file", type=Path, help="programs to use instead of our own")
    parser.add_argument("--model", help="of the registry, a GGUF file, or `none` (default: active)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first program")
    parser.add_argument("--step", type=int, default=1, help="2: every other program")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        rows = _measured(options)
    except WhetstoneError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("\nstopped; run it again to go on.", file=sys.stderr)
        return 130
    found = summary(rows)
    if options.json:
        print(json.dumps(found, indent=1))
        return 0
    low, high = found["right_interval"]
    print(f"shown {found['shown']} of {found['programs']}, right {found['right']} "
          f"({low:.0%} to {high:.0%}); {found['right_by_slips']} by small slips; "
          f"median {found['seconds']['median']:.1f} s")  # fmt: skip
    return 0


def _measured(options: argparse.Namespace) -> list[Found]:
    programs = read_programs(options.file) if options.file else own_programs()
    chosen = programs[options.first :: options.step]
    done: dict[str, Found] = {}
    if options.out.exists():
        for line in options.out.read_text(encoding="utf-8").split("\n"):
            if line.endswith("}"):  # a kill can cut the last line
                row = Found(**json.loads(line))
                done[row.id] = row
    settings = Settings()
    engine = None
    if options.model != _RULES_ONLY:
        engine = load_engine(dataclasses.replace(settings, model=options.model), Registry())
    fixer = Fixer(engine, settings)
    try:
        for number, program in enumerate(chosen, start=1):
            if program.id in done:
                continue
            row = done[program.id] = search(program, fixer, settings)
            with options.out.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps(asdict(row)))
            said = "right" if row.right else "wrong" if row.origin else "nothing"
            print(f"{number} of {len(chosen)}: {program.id}: {said}, {row.seconds:.0f} s",
                  file=sys.stderr)  # fmt: skip
    finally:
        if engine is not None:
            engine.close()
    return [done[program.id] for program in chosen]


if __name__ == "__main__":
    sys.exit(main())

"""One preference with where it came from, and the table that TRL reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from whetstone.problem import Problem, Replacement
from whetstone.prompt import FormatName, answer_text, render

# mutant: of a program with tests; static: seen by the compiler or ruff; policy: both answers or
# the rejected one are a model's own; repository: mutants of the user's code; store: choices.
Source = Literal["mutant", "static", "policy", "repository", "store"]

# What was rejected, the most worth first: an answer of the model's own that passes the visible
# test and is wrong, one that fails it, a near miss, the lines as they were, a person's rejection.
Rejected = Literal["looks right", "own wrong", "near miss", "unchanged", "turned down"]
WORTH: tuple[Rejected, ...] = ("turned down", "looks right", "own wrong", "near miss", "unchanged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Triplet:
    """A problem, what is better and what is worse.

    Attributes:
        group: what it was made of, such as a program: triplets of one group are capped together.
        origin: file or package that the group comes from.
        chosen_is: the lines that stood there, a model's own answer, or a person's choice.
        chosen_by: who says so: tests ran and passed, tools find nothing any more, or a person.
    """

    source: Source
    group: str
    origin: str
    licence: str
    kind: str
    problem: Problem
    chosen: Replacement
    rejected: Replacement
    rejected_is: Rejected
    chosen_is: Literal["original", "own", "person"]
    chosen_by: Literal["tests", "tools", "person"]
    weight: float = 1.0

    def key(self) -> str:
        """The same for triplets that say the same, wherever they come from."""
        text = json.dumps(
            [render(self.problem, "compact").text, self.chosen.lines, self.rejected.lines]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def question(self) -> str:
        """The same for triplets that ask the same and want the same."""
        text = json.dumps([render(self.problem, "compact").text, self.chosen.lines])
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Triplet:
        """The inverse of `to_json`. Raises KeyError or TypeError for anything else."""
        return cls(
            **{
                **data,
                "problem": Problem.from_json(data["problem"]),
                "chosen": replacement(data["chosen"]),
                "rejected": replacement(data["rejected"]),
            }
        )

    def row(self, format: FormatName) -> dict[str, Any]:
        """A row of TRL's explicit-prompt preference format, with columns that TRL ignores."""
        stop = render(self.problem, format).stop
        return {
            "prompt": render(self.problem, format).text,
            "chosen": answer_text(self.problem, self.chosen, format) + stop,
            "rejected": answer_text(self.problem, self.rejected, format) + stop,
            "source": self.source,
            "kind": self.kind,
            "rejected_is": self.rejected_is,
            "chosen_is": self.chosen_is,
            "chosen_by": self.chosen_by,
            "group": self.group,
            "origin": self.origin,
            "licence": self.licence,
            "weight": self.weight,
            "triplet": json.dumps(self.to_json(), ensure_ascii=False),
        }


def replacement(data: dict[str, Any]) -> Replacement:
    return Replacement(kind=data["kind"], lines=tuple(data["lines"]))

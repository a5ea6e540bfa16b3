"""Problems with several correct fixes: our own templates, filled with names drawn at random.

`families.txt` holds them. `# aspect` begins what the fixes differ in; `= train` or `= unseen` one
family; `~ option: line` a correct fix of the line that the finding points at (`|` stands between
lines, `+ ` inserts an import); `? expression` what must hold afterwards. `$l` is a list, `$i` its
item, `$f` a function, `$C` a class, `$d` a dict, `$x $y $z` other
names, `$w` a word, `$n` a number. No sample of an unseen family is ever trained on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from random import Random
from typing import Literal, cast

from trainer.evaluation.cases import Case
from whetstone import diagnose
from whetstone.problem import Diagnostic, Document

Split = Literal["train", "unseen"]

_SLOT = re.compile(r"\$([A-Za-z])")
_VERBS = (
    "compute find make check handle update collect print load show parse read build test pick sum "
    "filter report clean"
).split()
_PLURALS = (
    "orders guests plants books songs rooms tickets parcels routes cards teams cities prices sizes "
    "scores readings lamps boxes stations players"
).split()
_WORDS = "red blue open closed north south high low new old hot cold left right".split()
_NAMES = (
    "price weight width title owner label amount color street balance limit speed height surname "
    "letter month day start end rate member reason badge shelf engine signal tax grade"
).split()
_DICTS = "stock ages table lookup settings phone_book totals shelf_map config counts".split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One template."""

    name: str  # `none-3`
    aspect: str
    split: Split
    source: str
    options: Mapping[str, str]
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One problem: a file with one finding, and correct fixes in several styles.

    Attributes:
        line: 0-based, what the finding points at.
        fixed: by option, the whole file as somebody who likes that option would write it.
    """

    name: str
    family: str
    aspect: str
    text: str
    line: int
    fixed: Mapping[str, str]
    check: str

    @property
    def file(self) -> str:
        return self.name.replace("-", "_") + ".py"

    @property
    def document(self) -> Document:
        return Document(text=self.text, path=Path(self.file))

    @property
    def comment(self) -> str:
        """The comment at the end of the flagged line; empty when there is none."""
        return _comment(self.text.split("\n")[self.line])

    def diagnostic(self) -> Diagnostic:
        """The finding, as serving sees it."""
        return diagnose.find(self.document)[0]

    def case(self) -> Case:
        """What the evaluation's judge runs in the sandbox."""
        return Case(
            name=self.name, kind=self.aspect, group=self.aspect, file="module.py", style="",
            buggy=self.text, fixed=next(iter(self.fixed.values())), check=self.check,
        )  # fmt: skip


@cache
def families() -> tuple[Family, ...]:
    text = resources.files("benchmarks.personal").joinpath("families.txt").read_text("utf-8")
    found: list[Family] = []
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        aspect, *blocks = re.split(r"^= ", part, flags=re.MULTILINE)
        found += [
            _family(aspect.strip(), number, block) for number, block in enumerate(blocks, start=1)
        ]
    return tuple(found)


def _family(aspect: str, number: int, block: str) -> Family:
    split, *lines = block.rstrip("\n").split("\n")
    options = dict(line[2:].split(": ", 1) for line in lines if line.startswith("~ "))
    return Family(
        name=f"{aspect}-{number}",
        aspect=aspect,
        split=cast(Split, split),
        source="\n".join(line for line in lines if line[:2] not in ("~ ", "? ")) + "\n",
        options=options,
        checks=tuple(line[2:] for line in lines if line.startswith("? ")),
    )


def aspects() -> tuple[str, ...]:
    return tuple(dict.fromkeys(family.aspect for family in families()))


def tasks(split: Split, count: int, seed: int) -> list[Task]:
    """`count` different problems, aspects and families in turn, in an order drawn from `seed`."""
    rng = Random(f"{seed}-{split}")
    by_aspect = {
        name: [f for f in families() if f.aspect == name and f.split == split] for name in aspects()
    }
    made: list[Task] = []
    texts: set[str] = set()
    turn = 0
    while len(made) < count:
        order = list(by_aspect)
        rng.shuffle(order)
        for aspect in order[: count - len(made)]:
            members = by_aspect[aspect]
            family = members[turn % len(members)]
            task = fill(family, f"{family.name}-{split}{seed}-{len(made)}", rng)
            while task.text in texts:
                task = fill(family, task.name, rng)
            texts.add(task.text)
            made.append(task)
        turn += 1
    return made


def fill(family: Family, name: str, rng: Random) -> Task:
    """The template with names drawn from `rng`, all different."""
    plural = rng.choice(_PLURALS)
    item = plural[:-3] + "y" if plural.endswith("ies") else plural[:-1]
    item = "box" if plural == "boxes" else item
    taken = set(re.findall(r"\w+", family.source))
    x, y, z = rng.sample([word for word in _NAMES if word not in taken | {item}], 3)
    noun = rng.choice(_PLURALS)
    names = {
        "f": f"{rng.choice(_VERBS)}_{noun}", "C": noun.capitalize(), "l": plural, "i": item,
        "x": x, "y": y, "z": z, "d": rng.choice(_DICTS), "w": rng.choice(_WORDS),
        "n": str(rng.randint(2, 60)),
    }  # fmt: skip

    def filled(text: str) -> str:
        return _SLOT.sub(lambda match: names[match[1]], text)

    text = filled(family.source)
    line = _flagged(family.name)
    checks = "\n".join(f"assert {filled(check)}" for check in family.checks)
    return Task(
        name=name,
        family=family.name,
        aspect=family.aspect,
        text=text,
        line=line,
        fixed={
            option: _with(text, line, filled(fix)) for option, fix in family.options.items()
        },
        check=f"from module import *\n{checks}",
    )  # fmt: skip


@cache
def _flagged(name: str) -> int:
    """The line that a family's finding points at, which is the same whatever the names are."""
    [family] = [each for each in families() if each.name == name]
    text = _SLOT.sub(lambda m: "7" if m[1] == "n" else f"name_{m[1]}", family.source)
    return diagnose.find(Document(text=text))[0].span.start_line


def _with(text: str, line: int, fix: str) -> str:
    lines = text.split("\n")
    if fix.startswith("+ "):
        return "\n".join([fix[2:], *lines])
    old = lines[line]
    indent, comment = old[: len(old) - len(old.lstrip())], _comment(old)
    new = [indent + part for part in fix.split("|")]
    if comment:
        new[0] += "  " + comment
    return "\n".join([*lines[:line], *new, *lines[line + 1 :]])


def _comment(line: str) -> str:
    """Our templates have no `#` with two spaces before it but comments."""
    return line[line.index("  #") :].strip() if "  #" in line.strip() else ""

"""Code as beginners write it: our own templates with names drawn at random.

beginner.txt holds them, `---` between two. `$l` is a list, `$i` its item, `$a` an accumulator,
`$f` and `$f2` functions, `$n` a number, `$w` a text, `$t` a target, `$p` and `$q` properties, `$d`
a dict, `$g` a grade, `$fn` a file name, `$C` a class, `$K` and `$K2` constants. Lines that begin
with `>>>` are expressions to run; they are no part of the document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from trainer.data.corpus import Unit

_NOUNS = (
    "item value number word line score name price node row key entry point record student user "
    "order letter file page card task color city animal book player team month token field level "
    "account product employee weight height age amount rate size count balance salary year"
).split()
_POOLS = {
    "l": "numbers values items nums data elements words scores prices names records results "
         "entries points temps sizes array students users orders grades readings samples my_list",
    "i": "x item value num element n entry current v number",
    "a": "total result acc res sum_ count out answer tmp output current best counter running_total",
    "n": "n k num m limit number size count max_value",
    "w": "text word s sentence message line phrase string_value content paragraph",
    "t": "target wanted needle goal query value_to_find",
    "d": "counts ages stock mapping frequency inventory table lookup totals",
    "g": "grade score mark points percentage",
    "fn": "filename path fname file_path config_path",
}  # fmt: skip
_VERBS = (
    "compute calculate get find make build run solve process check handle update collect count "
    "print load create show parse test do"
).split()
_SLOT = re.compile(r"\$(K2|f2|fn|[a-zA-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One filled-in template."""

    text: str
    calls: tuple[str, ...]


@cache
def _templates() -> tuple[str, ...]:
    text = resources.files("trainer.data").joinpath("beginner.txt").read_text(encoding="utf-8")
    return tuple(part.strip("\n") for part in text.split("\n---\n"))


def count() -> int:
    return len(_templates())


def fill(number: int, rng: Random) -> Program:
    """Template `number` with names drawn from `rng`, all different."""
    used: set[str] = set()

    def pick(words: list[str]) -> str:
        free = [word for word in words if word not in used]
        used.add(chosen := rng.choice(free))
        return chosen

    names = {slot: pick(words.split()) for slot, words in _POOLS.items()}
    names["p"], names["q"] = pick(_NOUNS), pick(_NOUNS)
    noun = pick(_NOUNS)
    names["C"] = noun.capitalize() + rng.choice(["", "", "List", "Manager", "Box", "Store"])
    names["f"] = f"{rng.choice(_VERBS)}_{rng.choice([noun, names['l'], 'it'])}"
    names["f2"] = names["f"] + rng.choice(["_back", "_all", "2", "_next"])
    names["K"], names["K2"] = str(rng.randint(2, 60)), str(rng.randint(2, 99))
    lines = _SLOT.sub(lambda m: names[m[1]], _templates()[number]).split("\n")
    calls = tuple(line[4:] for line in lines if line.startswith(">>> "))
    text = "\n".join(line for line in lines if not line.startswith(">>> "))
    return Program(text=text + "\n", calls=calls)


def units(split: str, number: int, seed: int) -> list[Unit]:
    """Documents of one or two programs. Every tenth template is held out as a whole."""
    rng = Random(f"{seed}-{split}")
    numbers = [n for n in range(count()) if (n % 10 == 4) == (split == "held")]
    made: list[Unit] = []
    while len(made) < number:
        chosen = rng.sample(numbers, rng.choice([1, 1, 2]))
        programs = [fill(n, rng) for n in chosen]
        text = _joined([program.text for program in programs])
        try:
            compile(text, "<template>", "exec", dont_inherit=True)
        except SyntaxError:
            continue
        made.append(Unit(package="beginner", file=f"t{chosen[0]}", split=split, text=text))
    return made


def _joined(texts: list[str]) -> str:
    """Programs one after the other, their imports first and none twice."""
    lines = [line for text in texts for line in text.split("\n")]
    imports = dict.fromkeys(ln for ln in lines if ln.startswith(("import ", "from ")))
    bodies = [
        "\n".join(ln for ln in text.split("\n") if ln not in imports).strip("\n") for text in texts
    ]
    head = "\n".join(imports) + "\n\n\n" if imports else ""
    return head + "\n\n\n".join(bodies) + "\n"

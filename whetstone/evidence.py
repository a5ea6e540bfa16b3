"""What can be proved about a candidate before anyone sees it.

A syntax error hides every later finding of its file, so "nothing new" cannot simply compare before
and after. The file with the flagged lines neutralized serves as a second "before": what it shows
was there already, unless it names something that the flagged lines themselves mention.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from whetstone import diagnose, masking
from whetstone.errors import SandboxError
from whetstone.masking import Cover
from whetstone.problem import Diagnostic, Document, Problem, split_lines
from whetstone.rules import imports

if TYPE_CHECKING:
    from whetstone.sandbox import RunResult

IMPORT_EXISTS = "import exists"
TestRunner = Callable[[str], "RunResult"]  # runs the user's test on a copy with the given text


@runtime_checkable
class ManyRunner(Protocol):
    """A TestRunner that can say of many texts at once which of them may pass."""

    def __call__(self, new_text: str) -> RunResult: ...

    def passing(self, new_texts: Sequence[str]) -> list[bool] | None:
        """None where only running them one by one can tell."""
        ...


_BINDS = re.compile(r"\s*(?:(?:async\s+)?(?:def|class)\s+(\w+)|(\w+)(?:\s*:[^=]+)?\s*=(?!=))")
_QUOTED = re.compile(r"'(\w+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at; `passed` is None when it could not be decided."""

    name: str
    passed: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All checks of one candidate."""

    checks: tuple[Check, ...]

    @property
    def shown(self) -> bool:
        """A candidate is shown when no check failed."""
        return all(check.passed is not False for check in self.checks)

    @property
    def strength(self) -> int:
        """How much was proved: the first key of the ranking.

        That an import exists is a condition of this candidate alone, and no more proof than
        others have who need none: counted, it would put every import before every other fix,
        however unlikely the model, or the user's choices that it learnt from, make it.
        """
        return sum(1 for check in self.checks if check.passed and check.name != IMPORT_EXISTS)

    @property
    def decisive(self) -> bool:
        """Enough to accept it without looking: the problem is seen to be gone."""
        return self.shown and any(
            check.passed and check.name in ("diagnostic gone", "test passes")
            for check in self.checks
        )

    @property
    def complete(self) -> bool:
        """Nothing that was looked at stayed undecided."""
        return all(check.passed for check in self.checks)

    @property
    def summary(self) -> str:
        """`parses, diagnostic gone, nothing new` or, when it failed, what failed first."""
        failed = [check for check in self.checks if check.passed is False]
        if failed:
            return f"not: {failed[0].name}" + (f" ({failed[0].detail})" if failed[0].detail else "")
        proved = [check.name for check in self.checks[1:] if check.passed]
        return ", ".join(proved) or "nothing proved"

    def to_json(self) -> list[dict[str, Any]]:
        return [asdict(check) for check in self.checks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What the document shows before any candidate; made once per problem."""

    before: Counter[tuple[str, str]]
    masked: Counter[tuple[str, str]]
    masked_syntax: Diagnostic | None  # another error, which is there without the flagged lines
    cover: Cover | None  # of that error, when it stands above them and hides how they are parsed
    own: bool  # the problem is one that `diagnose.find` reports, so its absence can be proved

    @classmethod
    def of(cls, document: Document, problem: Problem) -> Baseline:
        found = diagnose.find(document)
        own = any(_same(problem.diagnostic, other) for other in found)
        if not any(d.code in ("SyntaxError", "IndentationError") for d in found):
            return cls(
                before=_keys(found), masked=Counter(), masked_syntax=None, cover=None, own=own
            )
        without = masking.masked(document, problem.region)
        masked = diagnose.find(without)
        syntax = next((d for d in masked if d.source == "python"), None)
        cover = None
        if syntax is not None and syntax.span.start_line < problem.region.stop:
            cover = Cover.of(without, syntax, problem.region)
            if cover is None:
                syntax = None  # no error that waits elsewhere: the masking made it
        return cls(
            before=_keys(found),
            masked=_keys(masked),
            masked_syntax=syntax,
            cover=cover,
            own=own,
        )


def prove(
    document: Document,
    problem: Problem,
    new_text: str,
    baseline: Baseline,
    *,
    test: TestRunner | None = None,
    findings: list[Diagnostic] | None = None,
) -> Evidence:
    """Check a candidate's whole new text, cheapest check first, stopping at the first failure.

    Args:
        findings: what ruff says of the new text, where that is known.

    Raises:
        WhetstoneError: ruff could not be run.
    """
    if new_text == document.text:
        return Evidence(checks=(Check(name="changes something", passed=False),))
    checks = [Check(name="changes something", passed=True)]
    syntax = diagnose.syntax_error(new_text)
    checks.append(_parses(document, new_text, syntax, baseline))
    if checks[-1].passed is False:
        return Evidence(checks=tuple(checks))
    if syntax is not None:
        found = [syntax]
    else:
        found = diagnose.ruff(document.with_text(new_text)) if findings is None else findings
    checks.append(_gone(problem, found, baseline))
    checks.append(_nothing_new(document, problem, found, baseline, hidden=syntax is not None))
    exists = _imports_exist(document, new_text)
    if exists is not None:
        checks.append(exists)
    if test is not None and all(check.passed is not False for check in checks):
        checks.append(_test_passes(test, new_text))
    return Evidence(checks=tuple(checks))


def _parses(
    document: Document, new_text: str, syntax: Diagnostic | None, baseline: Baseline
) -> Check:
    if syntax is None:
        return Check(name="parses", passed=True)
    hidden, cover = baseline.masked_syntax, baseline.cover
    shift = len(split_lines(new_text)) - len(document.lines())
    waits = Check(
        name="parses",
        passed=None,
        detail=f"another error waits at line {syntax.span.start_line + 1}",
    )
    if cover is not None and hidden is not None and masking.is_at(syntax, hidden, 0):
        seen = diagnose.syntax_error(cover.over(new_text))
        if seen is None or (cover.beyond is not None and masking.is_at(seen, cover.beyond, shift)):
            return waits
        return Check(name="parses", passed=False, detail=seen.message)
    if hidden is not None and masking.is_at(syntax, hidden, shift):
        return waits
    return Check(name="parses", passed=False, detail=syntax.message)


def _gone(problem: Problem, found: list[Diagnostic], baseline: Baseline) -> Check:
    if not baseline.own:
        return Check(
            name="diagnostic gone",
            passed=None,
            detail=f"only {problem.diagnostic.source} can tell",
        )
    if problem.diagnostic.source == "python":
        return Check(name="diagnostic gone", passed=True)  # it parses, or fails elsewhere
    key = _key(problem.diagnostic)
    left = _keys(found)[key] < baseline.before[key]
    return Check(name="diagnostic gone", passed=left)


def _imports_exist(document: Document, new_text: str) -> Check | None:
    """Modules that the candidate imports and the document did not; None when there are none."""
    before = set(map(str.strip, document.lines()))
    added = [line.strip() for line in split_lines(new_text) if line.strip() not in before]
    missing = [line for line in added if not imports.importable(document, line)]
    if missing:
        return Check(name=IMPORT_EXISTS, passed=False, detail=missing[0])
    if any(line.startswith(("import ", "from ")) for line in added):
        return Check(name=IMPORT_EXISTS, passed=True)
    return None


def _nothing_new(
    document: Document,
    problem: Problem,
    found: list[Diagnostic],
    baseline: Baseline,
    *,
    hidden: bool,
) -> Check:
    mentioned = set(re.findall(r"\w+", "\n".join(problem.flagged)))
    excused = {
        key: count
        for key, count in baseline.masked.items()
        if not mentioned & set(_QUOTED.findall(key[1]))
    }
    keys = _keys(found)
    waiting = Counter({key: keys[key] for key in _unused_before(document, problem, keys)})
    new = keys - baseline.before - Counter(excused) - waiting
    if not new and hidden:
        return Check(name="nothing new", passed=None, detail="another error hides the rest")
    if not new:
        return Check(name="nothing new", passed=True)
    _, message = next(iter(new))
    return Check(name="nothing new", passed=False, detail=message)


def _unused_before(
    document: Document, problem: Problem, keys: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Unused imports and variables that no repair of a broken line has made.

    What the line binds already, its writer has yet to use; and an import that the line does not
    mention had no use in it.
    """
    if problem.diagnostic.code not in ("SyntaxError", "IndentationError"):
        return
    mentioned: set[str] = set()
    bound: set[str] = set()
    for line in problem.flagged:
        words = re.findall(r"\w+", line)
        mentioned |= set(words)
        if re.search(r"\b(?:import|from|require|using)\b", line):
            bound |= set(words)
        elif match := _BINDS.match(line):
            bound |= {match[1], match[2]}
    for code, message in keys:
        names = set(_names(document, code, message))
        if code in ("F401", "F841") and (
            names & bound or (code == "F401" and not names & mentioned)
        ):  # fmt: skip
            yield code, message


def _names(document: Document, code: str, message: str) -> list[str]:
    """The names in the document that a finding is about: of numpy imported `as np`, that is np."""
    match = re.search(r"'([\w.]+)' imported", message) if code == "F401" else None
    if match is None:
        return _QUOTED.findall(message)
    plain = rf"^\s*import\s.*\b{re.escape(match[1])}\b(?:\s+as\s+(\w+))?"
    if found := re.search(plain, document.text, re.MULTILINE):
        return [found[1] or match[1].partition(".")[0]]
    last = match[1].rpartition(".")[2]
    found = re.search(rf"\b{re.escape(last)}\s+as\s+(\w+)", document.text)
    return [found[1] if found else last]


def _test_passes(test: TestRunner, new_text: str) -> Check:
    try:
        result = test(new_text)
    except SandboxError as error:
        return Check(name="test passes", passed=None, detail=str(error))
    if result.status == 0:
        return Check(name="test passes", passed=True, detail=f"{result.duration_s:.1f} s")
    why = "timed out" if result.timed_out else f"exit status {result.status}"
    return Check(name="test passes", passed=False, detail=why)


def _same(one: Diagnostic, other: Diagnostic) -> bool:
    return _key(one) == _key(other) and one.span.start_line == other.span.start_line


def _key(diagnostic: Diagnostic) -> tuple[str, str]:
    return (diagnostic.code, diagnostic.message)


def _keys(found: list[Diagnostic]) -> Counter[tuple[str, str]]:
    return Counter(map(_key, found))

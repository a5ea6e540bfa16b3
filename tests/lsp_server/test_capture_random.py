"""Random sessions: whatever is done in whatever order, what must hold of every outcome holds."""

import random
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "whetstone/preferences"))  # for builders.py

from builders import problem, proposal, replace

from lsp_server.capture import Capture
from lsp_server.captured import Change, Noted, Settled, Suggestion
from lsp_server.recorder import _write
from lsp_server.track import State
from whetstone.preferences import Outcome, PreferenceStore
from whetstone.preferences.outcome import same_text
from whetstone.problem import Diagnostic, Span

URI, OTHER = "file:///a.py", "file:///b.py"
FUNCTIONS = 6
OLD, BEST, SECOND, MINE = (
    "    return lenght{} * width\n",
    "    return length{} * width\n",
    "    return width * width - {}\n",
    "    return abs({}) * width\n",
)
HOLD_S = 30.0


def found_in(lines):
    """What a checker finds: every misspelt name."""
    return [
        finding(number, match[1])
        for number, line in enumerate(lines)
        if (match := re.search(r"lenght(\d+)", line))
    ]


def finding(line, name):
    span = Span(start_line=line, start_column=11, end_line=line, end_column=18)
    return Diagnostic(source="ruff", code="F821", message=f"Undefined name lenght{name}", span=span)


def bare(line):
    """A line as a formatter may leave it."""
    return " ".join(line.split())


class Session:
    """A document, its file, its undo history and a clock."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now = 0.0
        self.capture = Capture(hold_s=lambda: HOLD_S, clock=lambda: self.now)
        self.uri, self.is_open = URI, True
        self.lines = []
        for number in range(FUNCTIONS):
            self.lines += [f"def area{number}(length, width):\n", OLD.format(number), "\n"]
        self.disk, self.past, self.future = list(self.lines), [], []
        self.offered, self.proposals, self.effects = {}, {}, []
        self.log = []

    # -- plumbing -----------------------------------------------------------------------------

    def take(self, effects, *, where=None):
        """Note effects; an acceptance must find the candidate's lines `where` it is told from."""
        for effect in effects:
            self.effects.append(effect)
            if isinstance(effect, Settled) and effect.outcome is Outcome.ACCEPTED:
                change = self.offered[effect.suggestion_id].changes[effect.candidate_id]
                text = self.disk if where is None else where
                assert bare(change.after[0]) in set(map(bare, text)), self.log

    def change(self, lines, *, keep=True):
        if keep:
            self.past.append(self.lines)
            self.future = []
        old, self.lines = self.lines, lines
        self.take(self.capture.changed(self.uri, old, lines))

    def save(self):
        self.disk = list(self.lines)
        self.told_saved()

    def told_saved(self):
        self.take(self.capture.saved(self.uri, self.lines))
        if self.capture.undecided(self.uri):
            self.take(self.capture.checked(self.uri, self.lines, found_in(self.lines)))

    # -- what people do -----------------------------------------------------------------------

    def offer(self):
        wrong = found_in(self.lines)
        if not wrong:
            return
        found = self.random.choice(wrong)
        line, number = found.span.start_line, int(found.message.rpartition("lenght")[2])
        flagged = (self.lines[line].rstrip("\n"),)
        texts = [BEST.format(number).rstrip("\n"), SECOND.format(number).rstrip("\n")]
        above = tuple(text.rstrip("\n") for text in self.lines[max(0, line - 1) : line])
        made = proposal(*map(replace, texts), of=problem(*flagged, above=above))
        changes = {
            candidate.id: Change(start=line, before=flagged, after=(text,))
            for candidate, text in zip(made.candidates, texts, strict=True)
        }
        shown = Suggestion(
            id=made.id, uri=self.uri, diagnostic=found, start=line, flagged=flagged,
            lines=tuple(self.lines), changes=changes,
        )  # fmt: skip
        self.offered[shown.id], self.proposals[shown.id] = shown, made
        self.effects.append(made)
        self.take(self.capture.offered(shown))

    def one(self):
        """A suggestion that is not settled, and one of its candidates."""
        left = [key for key in self.offered if self.capture.state(key) is not None]
        if not left:
            return None
        key = self.random.choice(left)
        return key, self.random.choice(list(self.offered[key].changes))

    def apply(self):
        if (chosen := self.one()) is None:
            return
        key, candidate = chosen
        change = self.offered[key].changes[candidate]
        old = change.before[0] + "\n"
        if old not in self.lines:
            return
        at = self.lines.index(old)
        after = [*self.lines[:at], change.after[0] + "\n", *self.lines[at + 1 :]]
        if self.random.random() < 0.3:  # the command may come first
            self.take(self.capture.applied(key, candidate, self.lines))
            self.change(after)
        else:
            self.change(after)
            self.take(self.capture.applied(key, candidate, self.lines))

    def keep(self):
        if chosen := self.one():
            self.take(self.capture.accepted(*chosen, self.lines), where=self.lines)

    def reject(self):
        if chosen := self.one():
            self.take(self.capture.rejected(*chosen))

    def revert(self):
        if chosen := self.one():
            self.take(self.capture.reverted(*chosen))

    def undo(self):
        if self.past:
            self.future.append(self.lines)
            self.change(self.past.pop(), keep=False)

    def redo(self):
        if self.future:
            self.past.append(self.lines)
            self.change(self.future.pop(), keep=False)

    def type(self):
        """One to three lines inserted, deleted or replaced, at once."""
        lines = list(self.lines)
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randrange(len(lines) + 1)
            number = self.random.randrange(FUNCTIONS)
            text = self.random.choice(["\n", "x = 1\n", *map(str, (OLD, BEST, SECOND, MINE))])
            text = text.format(number)
            kind = self.random.random()
            lines[at : at + (kind > 0.4)] = [] if kind > 0.8 else [text]
        self.change(lines or ["\n"])

    def retype(self):
        """The user's own text in place of a wrong, or of our, line."""
        number = self.random.randrange(FUNCTIONS)
        old = {OLD.format(number), BEST.format(number), SECOND.format(number)}
        mine = MINE.format(number)
        self.change([mine if line in old else line for line in self.lines])

    def reformat(self):
        self.change([re.sub(r" \* ", "  *  ", line) for line in self.lines])
        self.change([re.sub(r"  \*  ", " * ", line) for line in self.lines])

    def checkout(self):
        """Something else writes the file; the editor reloads it, or does not."""
        self.disk = [OLD.format(n) if n is not None else line for line, n in numbered(self.disk)]
        if self.random.random() < 0.6:
            self.change(list(self.disk))

    def wait(self):
        self.now += self.random.choice([1.0, HOLD_S, 2 * HOLD_S])
        for uri in self.capture.due_documents():
            if self.lines == self.disk:
                self.told_saved()
            self.take(self.capture.due(uri, self.lines, self.disk))

    def reload(self):
        """Closed and opened again: with the same text, the file's, or under another name."""
        self.take(self.capture.closed(self.uri, self.lines))
        kind = self.random.randrange(3)
        if kind == 1:
            self.lines = list(self.disk)
        elif kind == 2:
            self.uri = OTHER if self.uri == URI else URI
        self.take(self.capture.opened(self.uri, self.lines))

    def close(self):
        self.take(self.capture.closed(self.uri, self.lines))
        if self.lines == self.disk:
            self.told_saved()
        self.take(self.capture.left(self.uri, self.disk))
        self.lines, self.past, self.future = list(self.disk), [], []

    def run(self, steps):
        actions = [
            (self.offer, 6), (self.apply, 8), (self.save, 6), (self.wait, 4), (self.undo, 4),
            (self.redo, 3), (self.type, 4), (self.retype, 2), (self.keep, 1), (self.reject, 1),
            (self.revert, 1), (self.reformat, 1), (self.checkout, 1), (self.reload, 1),
            (self.close, 0.4),
        ]  # fmt: skip
        for _ in range(steps):
            [act] = self.random.choices(
                [each for each, _ in actions], [weight for _, weight in actions]
            )
            self.log.append(act.__name__)
            act()
        self.close()
        return self


def numbered(lines):
    for line in lines:
        match = re.search(r"(?:length|- |abs\()(\d+)", line)
        yield line, int(match[1]) if match and line.startswith("    return") else None


@pytest.mark.parametrize("seed", range(150))
def test_every_suggestion_ends_once_and_none_is_accepted_without_its_lines(seed):
    session = Session(seed).run(60)
    ends = [effect.suggestion_id for effect in session.effects if isinstance(effect, Settled)]
    assert sorted(ends) == sorted(session.offered)  # each once, none lost
    assert not session.capture.uris()


def test_the_random_sessions_end_in_every_way():
    ends = {
        effect.outcome
        for seed in range(150)
        for effect in Session(seed).run(60).effects
        if isinstance(effect, Settled)
    }
    assert ends == set(Outcome)


@pytest.mark.parametrize("seed", range(12))
def test_in_the_store_no_pair_has_the_same_text_twice(seed, tmp_path):
    session = Session(seed).run(40)
    with PreferenceStore.open(tmp_path / "preferences.db") as store:
        for effect in session.effects:
            if isinstance(effect, Noted | Settled):
                _write(store, [effect])
            else:
                store.record_suggestion(effect, client="test")
        stats = store.stats()
        assert (stats.suggestions, stats.open) == (len(session.offered), 0)
        for pair in store.pairs(kind="all"):
            assert pair.chosen != pair.rejected
            if pair.is_triplet:
                assert not same_text(pair.chosen, pair.rejected)
        for each in store.suggestions(outcome=Outcome.IGNORED):
            assert each.pairs == 0


def test_a_document_that_comes_back_is_the_same_document():
    session = Session(0)
    session.offer()
    session.apply()
    [key] = session.offered
    session.take(session.capture.closed(URI, session.lines))
    session.uri = OTHER
    session.take(session.capture.opened(OTHER, session.lines))
    assert session.capture.state(key) is State.APPLIED
    assert session.capture.watches(OTHER) and not session.capture.watches(URI)

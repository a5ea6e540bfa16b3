"""Event traces, each ending in exactly one outcome: one row of the table after the other."""

import random

import pytest

from lsp_server.capture import Capture
from lsp_server.captured import Change, Noted, Settled, Suggestion
from lsp_server.track import State
from whetstone.preferences.outcome import EventKind, Outcome
from whetstone.problem import Diagnostic, Span, split_lines

URI = "file:///a.py"
BUG = ["def area(length, width):", "    return lenght * width", "", "print(area(1, 2))"]
FIXED = "    return length * width"
OTHER = "    return width * width"


def finding(line, message="F821 undefined name 'lenght'", code="F821"):
    span = Span(start_line=line, start_column=11, end_line=line, end_column=17)
    return Diagnostic(source="ruff", code=code, message=message, span=span)


def suggestion(lines, line=1, *, id="s", checkable=True, changes=None, flagged=1):
    return Suggestion(
        id=id,
        uri=URI,
        diagnostic=finding(line),
        start=line,
        flagged=tuple(lines[line : line + flagged]),
        lines=tuple(line + "\n" for line in lines),
        changes=changes
        or {
            "best": Change(start=line, before=(lines[line],), after=(FIXED,)),
            "other": Change(start=line, before=(lines[line],), after=(OTHER,)),
        },
        checkable=checkable,
    )


class Trace:
    """A document, its suggestion, and what the capture said about it."""

    def __init__(self, lines=BUG, **kwargs):
        self.capture = Capture()
        self.lines = [line + "\n" for line in lines]
        self.effects = []
        self._take(self.capture.offered(suggestion(list(lines), **kwargs)))

    def _take(self, effects):
        self.effects += effects
        return self

    def to(self, *lines):
        """The document's text becomes `lines`."""
        new = split_lines("".join(line + "\n" for line in lines))
        old, self.lines = self.lines, new
        return self._take(self.capture.changed(URI, old, new))

    def line(self, number, text):
        lines = [line.rstrip("\n") for line in self.lines]
        return self.to(*lines[:number], text, *lines[number + 1 :])

    def insert(self, number, *texts):
        lines = [line.rstrip("\n") for line in self.lines]
        return self.to(*lines[:number], *texts, *lines[number:])

    def delete(self, number):
        lines = [line.rstrip("\n") for line in self.lines]
        return self.to(*lines[:number], *lines[number + 1 :])

    def apply(self, candidate="best", *, line=1, text=FIXED):
        self.line(line, text)
        return self._take(self.capture.applied("s", candidate, self.lines))

    def save(self, *found):
        """Save, and check the saved file: `found` is what the tools still find."""
        self._take(self.capture.saved(URI, self.lines))
        return self._take(self.capture.checked(URI, self.lines, found))

    def close(self):
        self._take(self.capture.closed(URI, self.lines))
        return self._take(self.capture.left(URI, None))

    @property
    def kinds(self):
        return [effect.kind for effect in self.effects if isinstance(effect, Noted)]

    @property
    def outcome(self):
        [settled] = [effect for effect in self.effects if isinstance(effect, Settled)]
        return settled

    @property
    def settled(self):
        return any(isinstance(effect, Settled) for effect in self.effects)


def test_applied_and_saved_is_accepted():
    trace = Trace().apply().save()
    assert (trace.outcome.outcome, trace.outcome.candidate_id) == (Outcome.ACCEPTED, "best")
    assert trace.kinds == [EventKind.APPLIED]
    assert not trace.capture.watches(URI)


def test_the_command_may_come_before_the_edit():
    trace = Trace()
    trace._take(trace.capture.applied("s", "best", trace.lines))
    trace.line(1, FIXED).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED
    assert EventKind.UNDONE not in trace.kinds


def test_the_command_without_an_edit_is_not_an_acceptance():
    trace = Trace()
    trace._take(trace.capture.applied("s", "best", trace.lines))
    trace.save(finding(1))
    assert not trace.effects
    assert trace.close().outcome.outcome is Outcome.IGNORED


def test_undone_and_saved_is_reverted():
    trace = Trace().apply().line(1, BUG[1]).save(finding(1))
    assert (trace.outcome.outcome, trace.outcome.candidate_id) == (Outcome.REVERTED, "best")
    assert trace.kinds == [EventKind.APPLIED, EventKind.UNDONE]


def test_undo_then_redo_is_accepted():
    trace = Trace().apply().line(1, BUG[1]).line(1, FIXED).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED
    assert trace.kinds == [EventKind.APPLIED, EventKind.UNDONE, EventKind.REDONE]


def test_changed_afterwards_is_amended_with_the_users_lines():
    trace = Trace().apply().line(1, "    return float(length * width)").save()
    assert trace.outcome.outcome is Outcome.AMENDED
    assert trace.outcome.user_lines == ("    return float(length * width)",)
    assert trace.kinds == [EventKind.APPLIED, EventKind.EDITED]


def test_our_line_made_two_is_amended_with_both():
    trace = Trace().apply().line(1, "    size = length * width").insert(2, "    return size")
    trace.save()
    assert trace.outcome.user_lines == ("    size = length * width",)  # inserted at the edge


def test_two_lines_typed_over_ours_in_one_edit_are_both_the_users():
    trace = Trace().apply()
    trace.to(BUG[0], "    size = length * width", "    return size", *BUG[2:]).save()
    assert trace.outcome.user_lines == ("    size = length * width", "    return size")


def test_a_formatters_reflow_is_not_an_amendment():
    trace = Trace().apply()
    trace.to(BUG[0], "    return (", "        length", "        * width", "    )", *BUG[2:]).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_a_formatter_that_rewrites_the_whole_file_is_not_an_amendment():
    lines = ["def area(length,width):", "    return lenght*width", "", "print( area(1,2) )"]
    trace = Trace(
        lines,
        changes={"best": Change(start=1, before=(lines[1],), after=("    return length*width",))},
    )
    trace.apply(text="    return length*width")
    trace.to("def area(length, width):", FIXED, "", "", "print(area(1, 2))").save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_amended_back_to_ours_is_accepted():
    trace = Trace().apply().line(1, FIXED + "x").line(1, FIXED).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_edits_above_move_our_lines():
    trace = Trace().apply().insert(0, "import os", "", "").delete(1).line(3, BUG[1])
    assert trace.kinds[-1] is EventKind.UNDONE
    trace.line(3, FIXED).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_edits_elsewhere_are_none_of_our_business():
    trace = Trace().apply().line(3, "print(area(3, 4))").line(0, BUG[0] + "  # area").save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_several_cursors_at_once():
    trace = Trace().apply()
    trace.to("def area(length, width):  # x", FIXED + "  # x", "", "print(area(1, 2))  # x").save()
    assert trace.outcome.outcome is Outcome.ACCEPTED  # a comment changes no code


def test_our_line_deleted_is_amended_to_nothing():
    trace = Trace().apply().delete(1).save()
    assert (trace.outcome.outcome, trace.outcome.user_lines) == (Outcome.AMENDED, ())


def test_our_line_deleted_and_retyped_is_amended():
    trace = Trace().apply().delete(1).insert(1, "    return 2 * length").save()
    assert trace.outcome.user_lines == ("    return 2 * length",)


def test_saving_in_the_middle_of_a_change_settles_nothing_yet():
    broken = finding(1, "SyntaxError: invalid syntax", "SyntaxError")
    trace = Trace().apply().line(1, "    return length *").save(broken)
    assert not trace.settled
    trace.line(1, "    return length * width * 2").save()
    assert trace.outcome.outcome is Outcome.AMENDED


def test_the_users_own_fix_supersedes_ours():
    trace = Trace().line(1, "    return (length * width)").save()
    assert trace.outcome.outcome is Outcome.SUPERSEDED
    assert trace.outcome.user_lines == ("    return (length * width)",)
    assert trace.outcome.candidate_id is None
    assert trace.kinds == [EventKind.FIXED]


def test_an_own_fix_after_undo_supersedes_ours():
    trace = Trace().apply().line(1, BUG[1]).line(1, "    return width * length").save()
    assert trace.outcome.outcome is Outcome.SUPERSEDED
    assert trace.outcome.user_lines == ("    return width * length",)


def test_an_edit_that_leaves_the_diagnostic_supersedes_nothing():
    trace = Trace().line(1, "    return lenght * width * 2").save(finding(1))
    assert not trace.settled
    assert trace.close().outcome.outcome is Outcome.IGNORED


def test_an_import_written_by_hand_is_the_users_answer():
    lines = ["x = math.pi"]
    trace = Trace(
        lines, line=0, changes={"best": Change(start=0, before=("x = math.pi",), after=("x = 3",))}
    )
    trace.insert(0, "import math", "").save()
    assert trace.outcome.outcome is Outcome.SUPERSEDED
    assert (trace.outcome.user_lines, trace.outcome.user_kind) == (("import math",), "import")


def test_only_the_tool_that_reported_it_can_tell_that_it_is_gone():
    trace = Trace(checkable=False).line(1, "    return 0").save()
    assert not trace.settled


def test_shown_and_left_is_ignored():
    assert Trace().close().outcome.outcome is Outcome.IGNORED


def test_closed_without_saving_is_expired_not_a_verdict():
    assert Trace().apply().close().outcome.outcome is Outcome.EXPIRED
    assert Trace().apply().line(1, "    return 1").close().outcome.outcome is Outcome.EXPIRED


def test_closed_after_undo_is_reverted():
    assert Trace().apply().line(1, BUG[1]).close().outcome.outcome is Outcome.REVERTED


def test_rejecting_one_of_two_waits_for_the_other():
    trace = Trace()
    trace._take(trace.capture.rejected("s", "best"))
    assert not trace.settled
    trace.apply("other", text=OTHER).save()
    assert (trace.outcome.outcome, trace.outcome.candidate_id) == (Outcome.ACCEPTED, "other")
    assert trace.kinds == [EventKind.REJECTED, EventKind.APPLIED]


def test_rejecting_all_settles_at_once():
    trace = Trace()
    trace._take(trace.capture.rejected("s", "best"))
    trace._take(trace.capture.rejected("s", "other"))
    assert trace.outcome.outcome is Outcome.REJECTED


def test_rejecting_one_and_closing_is_rejected():
    trace = Trace()
    trace._take(trace.capture.rejected("s", "best"))
    assert trace.close().outcome.outcome is Outcome.REJECTED


def test_two_candidates_tried_one_after_the_other():
    trace = Trace().apply("best").line(1, BUG[1]).apply("other", text=OTHER).save()
    assert (trace.outcome.outcome, trace.outcome.candidate_id) == (Outcome.ACCEPTED, "other")
    undone = [e.candidate_id for e in trace.effects if isinstance(e, Noted)]
    assert undone == ["best", "best", "other"]  # applied, undone, applied


def test_accepting_by_command_settles_at_once():
    trace = Trace().apply()
    trace._take(trace.capture.accepted("s", "best", trace.lines))
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_accepting_an_amended_fix_keeps_the_users_lines():
    trace = Trace().apply().line(1, "    return length * width * 2")
    trace._take(trace.capture.accepted("s", "best", trace.lines))
    assert trace.outcome.outcome is Outcome.AMENDED
    assert trace.outcome.user_lines == ("    return length * width * 2",)


def test_a_newer_suggestion_for_the_same_lines_ends_the_older_one():
    trace = Trace().insert(0, "import os")
    lines = [line.rstrip("\n") for line in trace.lines]
    trace._take(trace.capture.offered(suggestion(lines, 2, id="new")))
    assert trace.outcome.suggestion_id == "s"
    assert trace.outcome.outcome is Outcome.IGNORED
    assert trace.capture.state("new") is State.OFFERED


IMPORT = Change(start=0, before=(), after=("import math", ""), inserts_import=True)


def import_trace():
    lines = ["def area(r):", "    return math.pi * r"]
    return Trace(lines, changes={"best": IMPORT})


def apply_import(trace):
    trace.insert(0, *IMPORT.after)
    return trace._take(trace.capture.applied("s", "best", trace.lines))


def test_an_import_kept_is_accepted():
    assert apply_import(import_trace()).save().outcome.outcome is Outcome.ACCEPTED


def test_an_import_undone_and_redone():
    trace = apply_import(import_trace()).to("def area(r):", "    return math.pi * r")
    assert trace.kinds[-1] is EventKind.UNDONE
    trace.insert(0, *IMPORT.after)
    assert trace.kinds[-1] is EventKind.REDONE
    assert trace.save().outcome.outcome is Outcome.ACCEPTED


def test_an_import_that_a_formatter_sorts_or_merges_is_kept():
    trace = apply_import(import_trace())
    trace.to(
        "import os", "import math, sys", "", "", "def area(r):", "    return math.pi * r"
    ).save()
    assert trace.outcome.outcome is Outcome.ACCEPTED


def test_an_import_rewritten_is_amended_with_that_import():
    trace = apply_import(import_trace()).line(0, "import numpy as math").save()
    assert trace.outcome.outcome is Outcome.AMENDED
    assert trace.outcome.user_lines == ("import numpy as math",)


def test_a_deletion_kept_undone_and_redone():
    lines = ["import os", "print(1)"]
    trace = Trace(lines, line=0, changes={"best": Change(start=0, before=("import os",), after=())})
    trace.delete(0)
    trace._take(trace.capture.applied("s", "best", trace.lines))
    trace.insert(0, "import os")
    assert trace.kinds[-1] is EventKind.UNDONE
    trace.delete(0).insert(0, "# a note")
    assert trace.kinds[-1] is EventKind.REDONE
    assert trace.save().outcome.outcome is Outcome.ACCEPTED


def test_an_indentation_fix_is_told_from_no_fix():
    lines = ["if x:", "pass"]
    change = Change(start=1, before=("pass",), after=("    pass",))
    trace = Trace(lines, changes={"best": change}).apply(text="    pass").line(1, "pass")
    assert trace.kinds[-1] is EventKind.UNDONE
    assert trace.line(1, "    pass").save().outcome.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize("call", ["accepted", "applied"])
def test_unknown_ids_do_nothing(call):
    trace = Trace()
    assert getattr(trace.capture, call)("nobody", "best", trace.lines) == []
    assert trace.capture.rejected("s", "nobody") == []


def test_nothing_settles_twice():
    trace = Trace().apply().save().save().close()
    assert trace.outcome.outcome is Outcome.ACCEPTED


# -- ranges and neighbours -------------------------------------------------------------------


def test_applied_although_other_lines_changed_since_it_was_shown():
    trace = Trace().insert(0, "import os").delete(3).apply(line=2)
    assert trace.capture.span("s") == (2, 3)
    trace.insert(0, "import sys").line(3, BUG[1])
    assert trace.kinds[-1] is EventKind.UNDONE


def test_applied_with_another_line_in_place_of_ours_is_no_acceptance():
    trace = Trace()
    trace.line(1, "    return 7")
    trace._take(trace.capture.applied("s", "best", trace.lines))
    trace.save()
    assert (trace.outcome.outcome, trace.outcome.user_lines) == (
        Outcome.AMENDED,
        ("    return 7",),
    )


def test_the_same_finding_elsewhere_is_another_problem():
    trace = Trace().line(1, "    return 0").save(finding(3), finding(0))
    assert trace.outcome.outcome is Outcome.SUPERSEDED


def test_another_finding_on_the_same_line_is_another_problem():
    trace = Trace().line(1, "    return widht").save(finding(1, "F821 undefined name 'widht'"))
    assert trace.outcome.outcome is Outcome.SUPERSEDED


def test_a_finding_that_begins_on_the_last_flagged_line_remains():
    trace = Trace(flagged=2).line(0, BUG[0] + " ").save(finding(2))
    assert not trace.settled


def test_a_newer_suggestion_ends_an_undone_one_as_reverted():
    trace = Trace().apply().line(1, BUG[1])
    trace._take(trace.capture.offered(suggestion(BUG, 1, id="new")))
    assert trace.outcome.outcome is Outcome.REVERTED


@pytest.mark.parametrize("line", [0, 2])
def test_a_newer_suggestion_for_other_lines_ends_nothing(line):
    trace = Trace()
    trace._take(trace.capture.offered(suggestion(BUG, line, id="new")))
    trace.apply()
    trace._take(trace.capture.offered(suggestion(BUG, 1, id="third")))
    assert not trace.settled


def test_an_applied_one_is_not_ended_by_a_newer_suggestion():
    trace = Trace().apply()
    assert trace.capture.offered(suggestion(BUG, 1, id="new")) == []
    assert trace.capture.state("s") is State.APPLIED


def test_an_own_fix_after_an_import_was_undone():
    trace = apply_import(import_trace()).to("def area(r):", "    return math.pi * r")
    trace.line(1, "    return 3.14 * r").save()
    assert trace.outcome.outcome is Outcome.SUPERSEDED
    assert trace.outcome.user_lines == ("    return 3.14 * r",)
    assert trace.outcome.user_kind == "replace"


def test_flagged_lines_below_an_import_stay_in_sight():
    trace = (
        apply_import(import_trace())
        .insert(0, "# top")
        .to("# top", "def area(r):", "    return 3 * r")
    )
    trace.save()
    assert (trace.outcome.outcome, trace.outcome.user_lines) == (
        Outcome.SUPERSEDED,
        ("    return 3 * r",),
    )


def test_what_stands_is_listed_until_it_is_settled():
    trace = Trace()
    assert trace.capture.standing(URI) == []
    trace.apply()
    assert trace.capture.standing(URI) == [("s", "best", (1, 2))]
    assert trace.capture.applied_change("s")[0] == "best"
    trace.line(1, BUG[1])
    assert trace.capture.standing(URI) == [] and trace.capture.applied_change("s") is None
    assert trace.save().capture.standing(URI) == []


def test_four_imports_at_once_are_no_answer():
    lines = ["x = math.pi"]
    change = Change(start=0, before=("x = math.pi",), after=("x = 3",))
    trace = Trace(lines, line=0, changes={"best": change})
    trace.insert(0, "import math", "import a", "import b", "import c").save()
    assert trace.outcome.user_kind == "replace"
    assert trace.outcome.user_lines == ("x = math.pi",)  # unchanged: the store makes no pair


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_around_it_a_kept_fix_is_accepted_and_an_undone_one_reverted(seed):
    random.seed(seed)
    trace = Trace().apply()
    for number in range(12):
        mark = next(
            n for n, line in enumerate(trace.lines) if line in (FIXED + "\n", BUG[1] + "\n")
        )
        others = [n for n in range(len(trace.lines)) if n != mark]
        choice = random.randrange(4)
        if choice == 0:
            trace.insert(random.randrange(len(trace.lines) + 1), f"n{number} = {number}")
        elif choice == 1 and len(others) > 1:
            trace.delete(random.choice(others))
        elif choice == 2:
            trace.line(random.choice(others), f"changed_{number} = 1")
        else:
            trace.line(mark, BUG[1] if trace.lines[mark] == FIXED + "\n" else FIXED)
    kept = FIXED + "\n" in trace.lines
    trace.save(*([] if kept else [finding(trace.lines.index(BUG[1] + "\n"))]))
    assert trace.outcome.outcome is (Outcome.ACCEPTED if kept else Outcome.REVERTED)


def test_at_most_32_untouched_suggestions_are_watched_in_a_document():
    lines = [f"print(x{n})" for n in range(40)]
    trace = Trace(lines, line=0, id="0")
    for number in range(1, 40):
        trace._take(trace.capture.offered(suggestion(lines, number, id=str(number))))
    ended = [effect for effect in trace.effects if isinstance(effect, Settled)]
    assert [each.suggestion_id for each in ended] == [str(n) for n in range(8)]
    assert {each.outcome for each in ended} == {Outcome.IGNORED}


def test_a_fix_of_space_at_the_end_is_told_from_no_fix():
    change = Change(start=1, before=("x = 1  ",), after=("x = 1",))
    lines = ["import os", "x = 1  "]
    trace = Trace(lines, changes={"best": change}).apply(text="x = 1").line(1, "x = 1  ")
    assert trace.kinds[-1] is EventKind.UNDONE
    assert trace.save(finding(1)).outcome.outcome is Outcome.REVERTED
    assert not Trace(lines, changes={"best": change}).save(finding(1)).settled


def test_our_line_deleted_with_the_function_around_it_is_no_amendment():
    trace = Trace().apply().to("", "print(area(1, 2))").save()
    assert (trace.outcome.outcome, trace.outcome.user_lines) == (Outcome.EXPIRED, None)


def test_the_text_of_a_candidate_typed_by_hand_is_that_candidate():
    trace = Trace().line(1, OTHER).save()
    assert (trace.outcome.outcome, trace.outcome.candidate_id) == (Outcome.ACCEPTED, "other")


def test_a_branch_that_a_formatter_rewrites_is_kept():
    lines = ["if a:", "    pass", "elif (b ) :", "    pass"]
    change = Change(start=2, before=("elif (b ) :",), after=("elif (c):",))
    trace = Trace(lines, line=2, changes={"best": change}).apply(line=2, text="elif (c):")
    assert trace.line(2, "elif c:").save().outcome.outcome is Outcome.ACCEPTED

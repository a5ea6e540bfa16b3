"""The main path with a scripted engine: ranking, proof, and what is never shown."""

from __future__ import annotations

import dataclasses
import threading
from pathlib import Path

import pytest

from whetstone import diagnose
from whetstone.engine import Cancel, PromptTooLong
from whetstone.engine.scripted import ScriptedEngine
from whetstone.errors import Cancelled, EngineError
from whetstone.evidence import Baseline, prove
from whetstone.fixer import Fixer
from whetstone.kinds import kind_of
from whetstone.models.habits import Habits
from whetstone.problem import Diagnostic, Document, Span
from whetstone.settings import Settings


def propose(text, answers, *, diagnostic=None, **arguments):
    document = Document(text=text, path=Path("/project/sample.py"))
    engine = ScriptedEngine(lambda prompt: answers)
    diagnostic = diagnostic or diagnose.find(document)[0]
    return Fixer(engine, Settings()).propose(document, diagnostic, **arguments)


def lines_of(candidates):
    return ["\n".join(candidate.replacement.lines) for candidate in candidates]


def test_a_proven_answer_is_shown_with_title_diff_and_evidence():
    proposal = propose(
        "def area(radius):\n    return 3 * raduis\n", ["<|fix|>    return 3 * radius"]
    )
    best = proposal.candidates[0]

    assert best.new_text == "def area(radius):\n    return 3 * radius\n"
    assert best.title == "replace `raduis` with `radius` (F821)"
    assert best.evidence.summary == "parses, diagnostic gone, nothing new"
    assert best.origin == "both"
    assert "-    return 3 * raduis\n+    return 3 * radius\n" in best.diff
    assert proposal.model_id == "scripted@0"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("<|fix|>    return 3 * raduis", "changes something"),
        ("<|fix|>    return 3 * (radius", "parses"),
        ("<|fix|>    return 4 * raduis", "diagnostic gone"),
        ("<|fix|>    return 3 * rad", "nothing new"),
    ],
)
def test_what_makes_it_no_better_is_never_shown(answer, reason):
    text = "def area(radius):\n    return 3 * raduis\n"
    proposal = propose(text, [answer])
    wrong = [c for c in proposal.rejected if c.origin == "model"]

    assert wrong[0].evidence.summary.startswith(f"not: {reason}")
    assert not any(c.origin == "model" for c in proposal.candidates)


def test_the_model_is_told_what_the_rules_propose():
    text = "def area(radius):\n    return 3 * raduis\n"
    document = Document(text=text, path=Path("/project/sample.py"))
    engine = ScriptedEngine(lambda prompt: ["<|fix|>    return 3 * radius"])
    Fixer(engine, Settings()).propose(document, diagnose.find(document)[0])

    first, *_, last = engine.prompts[0].drafts
    assert first == "<|fix|>    return 3 * radius"
    assert last == "<|fix|>    return 3 * raduis"


def test_answers_that_do_not_parse_are_counted():
    assert propose("x = nope\n", ["garbage", "<|imp|>not an import"]).unparsable == 2


def test_the_same_answer_twice_is_one_candidate():
    text = "def f(ab, ac):\n    return ad\n"
    proposal = propose(text, ["<|fix|>    return ab", "<|fix|>    return ab"])

    assert lines_of(proposal.candidates).count("    return ab") == 1


def test_likelihood_ranks_what_is_proved_alike():
    text = "def f(first, second):\n    return thirdly\n"
    proposal = propose(text, ["<|fix|>    return second", "<|fix|>    return first"])

    assert lines_of(proposal.candidates)[:2] == ["    return second", "    return first"]


def test_an_unlikely_guess_is_shown_only_where_a_run_will_judge_it():
    text = "def f(first, second):\n    return thirdly\n"
    answers = ["<|fix|>    return second", "<|fix|>    return first"]
    document = Document(text=text)
    (static,) = diagnose.find(document)
    ran = dataclasses.replace(static, source="traceback")
    engine = ScriptedEngine(lambda prompt: answers, least_logprob=-1.5)
    fixer = Fixer(engine, Settings())

    assert lines_of(fixer.propose(document, static).candidates) == ["    return second"]
    assert lines_of(fixer.propose(document, ran).candidates)[:2] == [
        "    return second",
        "    return first",
    ]


GUARD, TUPLE = "def total(prices=None):", "def total(prices=()):"


def first_of_two(habits):
    """`=[]` has two right fixes: a None with a guard, which a rule proposes, and an empty tuple,
    which this model finds far likelier. The first line of the one that is shown first."""
    document = Document(text="def total(prices=[]):\n    return sum(prices)\n")
    (finding,) = diagnose.find(document)
    answer = "<|fix|>def total(prices=()):\n    return sum(prices)"
    engine = ScriptedEngine(lambda prompt: [answer], habits=habits, gap=10.0)
    proposal = Fixer(engine, Settings()).propose(document, finding)
    kinds = {
        candidate.new_text.split("\n")[0]: kind_of(
            finding, proposal.problem.flagged, candidate.replacement
        )
        for candidate in proposal.candidates
    }
    return proposal.candidates[0].new_text.split("\n")[0], kinds


def test_between_two_right_fixes_a_users_choices_count():
    first, kinds = first_of_two(None)
    guard, empty = kinds[GUARD], kinds[TUPLE]
    assert first == GUARD

    taken, down = frozenset({empty}), frozenset({guard})
    assert first_of_two(Habits(taken=taken, turned_down=down))[0] == TUPLE
    # what the user never took does not come first, nor anything before what they never refused
    assert first_of_two(Habits(turned_down=down))[0] == GUARD
    assert first_of_two(Habits(taken=taken))[0] == GUARD


def test_choices_about_one_thing_do_not_move_another():
    """A model tuned by choices may find likely what it never had a reason to."""
    document = Document(text="def ready(a, b):\n    return a || b\n")
    (finding,) = diagnose.find(document)
    step = frozenset({"python:SyntaxError: invalid syntax [++ > += _]"})
    first = []
    for habits in (None, Habits(turned_down=step)):
        engine = ScriptedEngine(lambda prompt: ["<|fix|>    return b"], habits=habits, gap=10.0)
        best = Fixer(engine, Settings()).propose(document, finding).candidates[0]
        first.append(best.new_text.split("\n")[1].strip())
    assert first == ["return b", "return a or b"]


def test_a_wider_region_is_tried_when_the_flagged_line_gives_nothing():
    text = "values = [1,\n          2\nprint(values)\n"
    proposal = propose(text, [])

    assert proposal.candidates[0].new_text == "values = [1,\n          2]\nprint(values)\n"
    assert (proposal.problem.region.start, proposal.problem.region.stop) == (0, 2)


def test_without_an_engine_rules_still_answer():
    document = Document(text="x = json.loads('1')\n")
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])

    assert proposal.candidates[0].new_text.startswith("import json\n")
    assert proposal.model_id == "rules"


def test_a_second_syntax_error_waits_without_hiding_the_first_fix():
    text = "def f(x)\n    return x\n\n\ndef g(y)\n    return y\n"
    (best,) = propose(text, []).candidates

    assert best.new_text.startswith("def f(x):\n")
    assert [c.passed for c in best.evidence.checks] == [True, None, True, None]


def test_an_error_above_that_masking_makes_excuses_nothing():
    text = "if any(\n    x == 1 +\n):\n    y = 1\nelse:\n    y = 2\n"
    proposal = propose(text, ["<|fix|>else:"])

    assert "else:" not in lines_of(proposal.candidates)


def test_a_fix_that_renames_what_later_lines_need_is_not_shown():
    text = "total = (1 + 2\nprint(total)\n"
    proposal = propose(text, ["<|fix|>totl = (1 + 2)"])

    assert "totl = (1 + 2)" not in lines_of(proposal.candidates)
    assert "total = (1 + 2)" in lines_of(proposal.candidates)


def test_findings_that_a_syntax_error_hid_are_not_held_against_its_fix():
    text = "import os\n\n\ndef f(x)\n    return nope\n"

    assert propose(text, []).candidates[0].new_text.startswith("import os\n\n\ndef f(x):")


def test_a_finding_of_another_tool_is_shown_as_not_decided():
    span = Span(start_line=1, end_line=1, end_column=12)
    diagnostic = Diagnostic(source="Pyright", code="reportReturn", message="wrong", span=span)
    proposal = propose("def f(a: int):\n    return a\n", ["<|fix|>    return str(a)"],
                       diagnostic=diagnostic)  # fmt: skip
    gone = next(c for c in proposal.candidates[0].evidence.checks if c.name == "diagnostic gone")

    assert gone.passed is None
    assert "Pyright" in gone.detail


class Result:
    def __init__(self, status):
        self.status, self.timed_out, self.duration_s = status, False, 0.1


def test_a_failing_test_hides_a_candidate_and_a_passing_one_proves_it():
    document = Document(text="def f(a):\n    return a - 1\n")
    span = Span(start_line=1, end_line=1)
    diagnostic = Diagnostic(source="test", code="AssertionError", message="1 != 3", span=span)
    engine = ScriptedEngine(lambda p: ["<|fix|>    return a * 1", "<|fix|>    return a + 1"])
    proposal = Fixer(engine, Settings()).propose(
        document,
        diagnostic,
        failure="assert f(2) == 3",
        test=lambda text: Result(0 if "a + 1" in text else 1),
    )

    assert lines_of(proposal.candidates) == ["    return a + 1"]
    assert proposal.candidates[0].evidence.summary.endswith("test passes")
    assert "assert f(2) == 3" in engine.prompts[0].text


def test_a_prompt_that_is_too_long_is_asked_again_with_less_context():
    class Small(ScriptedEngine):
        def generate(self, prompt, **arguments):
            if len(prompt.text) > 3000:
                raise PromptTooLong("too long")
            return super().generate(prompt, **arguments)

    text = "".join(f"value_{i} = {i}\n" for i in range(200)) + "x = nope\n"
    document = Document(text=text)
    engine = Small(lambda prompt: [], prompt_format="chat")
    Fixer(engine, Settings()).propose(document, diagnose.find(document)[0])

    assert len(engine.prompts) == 1


def test_a_cancelled_request_stops():
    cancel = Cancel()
    cancel.set()
    with pytest.raises(Cancelled):
        propose("x = nope\n", ["<|fix|>x = 1"], cancel=cancel)


def test_proof_stops_at_the_first_failure():
    document = Document(text="x = (1\n")
    problem = propose("x = (1\n", []).problem
    result = prove(document, problem, "x = (2\n", Baseline.of(document, problem))

    assert [check.name for check in result.checks] == ["changes something", "parses"]


def test_proof_begins_with_the_first_answer_that_is_finished():
    proved = threading.Event()

    def test(text):
        if "a + 1" in text:
            proved.set()
        return Result(0)

    class Slow(ScriptedEngine):
        """Gives its second answer only when the first was proved."""

        def generate(self, prompt, **arguments):
            first, second = super().generate(prompt, **arguments)
            yield first
            assert proved.wait(20)
            yield second

    document = Document(text="def f(a):\n    return a - 1\n")
    span = Span(start_line=1, end_line=1)
    diagnostic = Diagnostic(source="test", code="AssertionError", message="1 != 3", span=span)
    engine = Slow(lambda p: ["<|fix|>    return a + 1", "<|fix|>    return a + 2"])
    proposal = Fixer(engine, Settings()).propose(document, diagnostic, test=test)

    assert lines_of(proposal.candidates) == ["    return a + 1", "    return a + 2"]


def test_on_one_core_the_model_waits_for_each_check():
    here, threads, decoding = threading.current_thread(), [], False

    def test(text):
        assert not decoding
        threads.append(threading.current_thread())
        return Result(0)

    class Watched(ScriptedEngine):
        def generate(self, prompt, **arguments):
            nonlocal decoding
            answers = super().generate(prompt, **arguments)
            while True:
                decoding = True
                answer = next(answers, None)
                decoding = False
                if answer is None:
                    return
                yield answer

    document = Document(text="def f(a):\n    return a - 1\n")
    span = Span(start_line=1, end_line=1)
    diagnostic = Diagnostic(source="test", code="AssertionError", message="1 != 3", span=span)
    engine = Watched(lambda p: ["<|fix|>    return a + 1", "<|fix|>    return a + 2"])
    fixer = Fixer(engine, Settings(), prove_beside=False)
    proposal = fixer.propose(document, diagnostic, test=test)

    assert lines_of(proposal.candidates) == ["    return a + 1", "    return a + 2"]
    assert len(threads) >= 2 and set(threads) == {here}


def test_the_order_of_finishing_decides_nothing():
    class Backwards(ScriptedEngine):
        def generate(self, prompt, **arguments):
            yield from reversed(list(super().generate(prompt, **arguments)))

    document = Document(text="def f(first, second):\n    return thirdly\n")
    answers = ["<|fix|>    return second", "<|fix|>    return nothing", "<|fix|>    return first"]
    (diagnostic,) = diagnose.find(document)
    one, other = (
        Fixer(kind(lambda p: answers), Settings()).propose(document, diagnostic)
        for kind in (ScriptedEngine, Backwards)
    )

    assert lines_of(other.candidates) == lines_of(one.candidates)
    assert lines_of(other.rejected) == lines_of(one.rejected)


def test_an_engine_that_fails_half_way_is_an_error():
    class Broken(ScriptedEngine):
        def generate(self, prompt, **arguments):
            yield next(super().generate(prompt, **arguments))
            raise EngineError("the server went away")

    document = Document(text="x = nope\n")
    fixer = Fixer(Broken(lambda p: ["<|fix|>x = 1"]), Settings())

    with pytest.raises(EngineError, match="went away"):
        fixer.propose(document, diagnose.find(document)[0])
    assert not [t for t in threading.enumerate() if t.name.startswith("whetstone-prover")]


def test_an_import_that_exists_is_no_more_proof_than_an_answer_that_needs_none():
    """The likelihood decides between them: it knows what this user chose before."""
    text = "from pathlib import Path\n\nHOME = Path()\nTHERE = os.path.exists(HOME)\n"
    proposal = propose(text, ["<|fix|>THERE = Path(HOME).exists()"])
    strength = {c.replacement.kind: c.evidence.strength for c in proposal.candidates}

    assert set(strength) == {"replace", "import"}
    assert strength["import"] == strength["replace"]

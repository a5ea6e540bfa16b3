"""A failing test, in the real sandbox with the real pytest."""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
from pathlib import Path

import pytest

from whetstone.engine.base import Cancel
from whetstone.errors import Cancelled, SandboxError, UsageError
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings
from whetstone.slips.passing import passing
from whetstone.testing.repair import FailingTest, one_judge

from .conftest import CART, CHEAT, FIXED

SETTINGS = Settings()
LARGE = "test_cart.py::TestTotal::test_large"


def failing(root: Path, test: str = LARGE, **options) -> FailingTest:
    return FailingTest(root=root, test=test, settings=SETTINGS, **options)


def test_the_right_line_is_found_and_only_a_right_fix_passes(
    cart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_ADDOPTS")  # with every plugin that is installed
    with failing(cart) as session:
        baseline = session.baseline()
        assert not baseline.passed
        assert baseline.kept == {
            "test_cart.py::test_subtotal", "test_cart.py::test_discount[50-0]",
            "test_cart.py::test_discount[200-20]", "test_cart.py::TestTotal::test_small",
        }  # fmt: skip
        lines = [(place.path.name, place.line) for place in baseline.places]
        assert ("cart.py", 15) in lines[:2]
        assert baseline.places[0].diagnostic.headline.startswith(
            "AssertionError: assert 220 == 180"
        )

        judge = session.judge(cart / "cart.py")
        assert judge(FIXED).passed
        cheat = judge(CHEAT)
        assert not cheat.passed
        assert cheat.stdout.startswith("breaks test_cart.py::test_discount[200-20]\n")
        assert not judge(CART).passed
    assert (cart / "cart.py").read_text() == CART
    assert one_judge(session, cart / "cart.py")(FIXED).passed


def test_text_of_the_editor_is_what_is_run(cart: Path) -> None:
    with failing(cart, texts={cart / "cart.py": FIXED}) as session:
        assert session.baseline().passed


def test_a_parametrised_test_means_all_its_cases(cart: Path) -> None:
    broken = CART.replace("> 100", "> 10")
    with failing(cart, "test_cart.py::test_discount", texts={cart / "cart.py": broken}) as session:
        baseline = session.baseline()
        assert not baseline.passed
        assert ("cart.py", 8) in [(p.path.name, p.line) for p in baseline.places[:2]]
        assert session.judge(cart / "cart.py")(CART).passed


def test_the_innermost_frame_in_the_workspace_comes_first(cart: Path) -> None:
    raising = CART.replace("total += price * count", "total += price * cuont")
    with failing(cart, texts={cart / "cart.py": raising}) as session:
        (first, *_) = session.baseline().places
        assert (first.path.name, first.line) == ("cart.py", 3)
        assert first.diagnostic.code == "NameError"
        assert "cuont" in first.failure


def test_a_test_that_does_not_exist_says_so(cart: Path) -> None:
    missing = pytest.raises(UsageError, match="test_nothing: no such test")
    with failing(cart, "test_cart.py::test_nothing") as session, missing:
        session.baseline()


@pytest.mark.parametrize("test", ["../x.py::test", "/etc/passwd", "cart.txt::test"])
def test_a_test_outside_the_workspace_is_refused(cart: Path, test: str) -> None:
    with pytest.raises(UsageError, match="no test file of the workspace"):
        failing(cart, test).__enter__()


def test_a_module_that_cannot_be_imported_is_a_failure(cart: Path) -> None:
    with failing(cart, texts={cart / "cart.py": "x = 1 / 0\n" + CART}) as session:
        (first, *_) = session.baseline().places
        assert (first.path.name, first.line, first.diagnostic.code) == (
            "cart.py", 0, "ZeroDivisionError",
        )  # fmt: skip


def test_a_test_that_hangs_is_ended_and_the_next_one_runs(cart: Path) -> None:
    quick = dataclasses.replace(SETTINGS, test=dataclasses.replace(SETTINGS.test, timeout_s=5.0))
    with FailingTest(root=cart, test=LARGE, settings=quick) as session:
        session.baseline()
        judge = session.judge(cart / "cart.py")
        hangs = judge(CART.replace("    total = 0\n", "    while True: pass\n"))
        assert hangs.timed_out
        assert judge(FIXED).passed


def test_exiting_early_is_no_success(cart: Path) -> None:
    with failing(cart) as session:
        leaves = CART.replace(
            "    amount = subtotal", "    import os; os._exit(0)\n    amount = su"
        )
        assert not session.judge(cart / "cart.py")(leaves).passed


def test_cancelling_ends_it_at_once(cart: Path) -> None:
    cancel = Cancel()
    with failing(cart, cancel=cancel) as session:
        session.baseline()
        cancel.set()
        with pytest.raises(Cancelled):
            session.judge(cart / "cart.py")(FIXED)


def test_a_python_that_is_not_there_is_named(cart: Path) -> None:
    test = dataclasses.replace(SETTINGS.test, python="/nowhere/python")
    settings = dataclasses.replace(SETTINGS, test=test)
    named = pytest.raises(SandboxError, match="/nowhere/python")
    with FailingTest(root=cart, test=LARGE, settings=settings) as session, named:
        session.baseline()


def test_without_pytest_unittest_runs(tmp_path: Path) -> None:
    """A bare environment, made in the workspace: it is found, and used."""
    root = tmp_path / "bare"
    root.mkdir()
    import venv

    venv.create(root / ".venv", symlinks=True, with_pip=False)
    (root / "maths.py").write_text("def double(x):\n    return x + x + 1\n")
    (root / "test_maths.py").write_text(
        "import sys\nimport unittest\nfrom maths import double\n\n"
        "class Doubling(unittest.TestCase):\n"
        "    def test_double(self):\n        self.assertEqual(double(2), 4)\n"
        "    def test_where(self):\n        self.assertIn('.venv', sys.prefix)\n\n"
        "def test_plain():\n    assert double(0) == 0\n"
    )
    with failing(root, "test_maths.py::Doubling::test_double") as session:
        baseline = session.baseline()
        assert baseline.kept == {"test_maths.py::Doubling::test_where"}
        assert [(p.path.name, p.line) for p in baseline.places[:1]] == [("maths.py", 1)]
        right = "def double(x):\n    return x + x\n"
        assert session.judge(root / "maths.py")(right).passed
    assert "pytest" in sys.modules


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="many versions at once need fork")


@forks
def test_many_versions_are_told_apart_in_one_run(cart: Path) -> None:
    never = CART.replace("    total = 0\n", "    total = 0\n    while True:\n        pass\n")
    leaves = CART.replace("    total = 0\n", "    import os\n    os._exit(1)\n")
    with failing(cart) as session:
        judge = session.judge(cart / "cart.py")
        found = judge.passing([CART, FIXED, never, "def", leaves, CHEAT, FIXED])

        assert found == [False, True, False, False, False, True, True]  # CHEAT is for the judge
        assert not judge(CART).passed  # the file is as it was
        assert judge(FIXED).passed
    assert (cart / "cart.py").read_text() == CART


@forks
def test_what_a_conftest_has_imported_has_no_other_version(cart: Path) -> None:
    (cart / "conftest.py").write_text("import cart\n")
    with failing(cart) as session:
        judge = session.judge(cart / "cart.py")

        assert judge.passing([CART, FIXED]) is None
        assert judge(FIXED).passed


def test_a_slip_is_found_without_any_model(cart: Path) -> None:
    """CHEAT's line is looked at first, or not: the other tests of the file decide."""
    document = Document(text=CART, path=cart / "cart.py")
    with failing(cart) as session:
        for place in session.baseline().places:
            asked = {"failure": place.failure, "test": session.judge(place.path)}
            nothing = Fixer(None, SETTINGS).propose(document, place.diagnostic, **asked)
            assert not nothing.candidates
            small = Fixer(None, SETTINGS).slips(document, place.diagnostic, **asked)
            proposal = nothing.or_else(small)
            if proposal.candidates:
                break

    assert proposal.candidates[0].new_text == FIXED
    assert proposal.candidates[0].evidence.summary.endswith("test passes")
    if hasattr(os, "fork"):
        assert proposal.sieved > 0
    assert CHEAT not in [candidate.new_text for candidate in proposal.candidates]


def test_cancelling_ends_the_search_among_many(cart: Path) -> None:
    document = Document(text=CART, path=cart / "cart.py")
    cancel = Cancel()
    with failing(cart, cancel=cancel) as session:
        place = session.baseline().places[0]
        threading.Timer(0.3, cancel.set).start()
        with pytest.raises(Cancelled):
            for _ in range(100):
                judge = session.judge(place.path)
                passing(document, place.diagnostic, test=judge, cancel=cancel)


@forks
def test_a_test_that_hangs_leads_to_the_line_where_it_hangs(cart: Path) -> None:
    hanging = CART.replace("    total = 0\n", "    total = 0\n    while total < 1:\n        pass\n")
    settings = dataclasses.replace(SETTINGS, test=dataclasses.replace(SETTINGS.test, timeout_s=6.0))
    session = FailingTest(
        root=cart, test=LARGE, settings=settings, texts={cart / "cart.py": hanging}
    )
    with session:
        baseline = session.baseline()

        first = baseline.places[0]
        assert (first.path.name, first.line) in (("cart.py", 2), ("cart.py", 3))
        assert first.diagnostic.headline.startswith("TimeoutError: the test did not end within")
        assert session.judge(cart / "cart.py").passing([hanging, FIXED]) == [False, True]


def test_a_single_assertion_says_little(cart: Path) -> None:
    (cart / "test_one.py").write_text(
        "from cart import total\n\n\ndef test_total():\n    assert total([(200, 1)]) == 180\n"
    )
    with failing(cart, "test_one.py::test_total") as session:
        assert session.says_little()
    with failing(cart) as session:  # four others pass, and have to go on to
        assert not session.says_little()

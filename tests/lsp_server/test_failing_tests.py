"""`whetstone.test` and its lenses: a real server, the real sandbox, the real pytest."""

import asyncio
import json
import re

import pytest
import pytest_asyncio
from lsp_editor import VSCODE, fields, replace, until
from lsprotocol import types as T

pytestmark = pytest.mark.asyncio(loop_scope="session")

CART = """\
def discount(amount):
    if amount > 100:
        return amount // 10
    return 0


def total(amount):
    return amount + discount(amount)
"""
TESTS = """\
from {case}_cart import discount, total


def test_discount():
    assert discount(200) == 20


class TestTotal:
    def test_small(self):
        assert total(50) == 50

    def test_large(self):
        assert total(200) == 180
"""
RIGHT = replace("    return amount - discount(amount)")
ANSWERS = (
    ("return amount // 10", (replace("        return -(amount // 10)"),)),  # breaks test_discount
    ("return amount + discount", (replace("    return 180"), RIGHT)),  # 180 breaks test_small
)


@pytest_asyncio.fixture(loop_scope="session")
async def editor(start):
    editor = await start(VSCODE, answers=ANSWERS)
    editor.answer = "Run once"
    return editor


@pytest_asyncio.fixture(loop_scope="session")
async def trusting(start):
    """An editor of its own: the consent stays."""
    editor = await start(VSCODE, fresh=True, answers=ANSWERS)
    editor.answer = "Always in this workspace"
    return editor


def opened(editor, cart=CART):
    tests = editor.open(TESTS.format(case=editor.case), name="cart_test.py")
    return editor.open(cart, name="cart.py"), tests


def node(editor, test="TestTotal::test_large"):
    return f"{editor.case}_cart_test.py::{test}"


def lenses(editor, uri):
    asked = T.CodeLensParams(text_document=T.TextDocumentIdentifier(uri=uri))
    return editor.client.text_document_code_lens_async(asked)


async def run(editor, uri, test=None):
    argument = {"uri": uri, "test": node(editor) if test is None else test}
    return fields(await editor.command("whetstone.test", argument))


async def test_a_lens_stands_above_every_test_and_runs_it(editor):
    cart, tests = opened(editor)
    shown = await lenses(editor, tests)
    assert [(lens.range.start.line, lens.command.title) for lens in shown] == [
        (line, "Whetstone: fix this test") for line in (3, 8, 11)
    ]
    assert not await lenses(editor, cart)

    editor.edit(tests, (0, 0), (0, 0), "import os\n")
    assert [lens.range.start.line for lens in await lenses(editor, tests)] == [4, 9, 12]

    editor.edit(tests, (9, 4), (9, 18), "def renamed")
    assert [lens.range.start.line for lens in await lenses(editor, tests)] == [4, 12]

    command = shown[0].command
    answer = fields(await editor.command(command.command, *command.arguments))
    assert (answer.passed, answer.summary) == (True, "test_discount passes")


async def test_only_a_fix_that_breaks_no_other_test_is_offered(editor):
    cart, tests = opened(editor)
    answer = await run(editor, tests)

    assert not answer.passed
    assert answer.summary == (
        f"test_large fails; at {editor.case}_cart.py:8 1 fix makes it pass and break no other test "
        "of the file"
    )
    (location,) = answer.locations
    assert (location.uri, location.range.start.line) == (cart, 7)
    assert location.message == "AssertionError: assert 220 == 180"
    assert len(editor.asked) == 1 and "in the sandbox" in editor.asked[0]
    assert editor.client.shown_documents[-1].uri == cart
    assert any(answer.summary in message for message in editor.messages())

    (fix,) = await editor.fixes(cart, line=7)  # ready: nothing is run again
    assert fix.edit is not None
    editor.apply(fix.edit)
    assert editor.texts[cart].endswith("return amount - discount(amount)\n")
    assert (await run(editor, tests)).passed  # what the editor holds is what is run
    assert editor.path("cart.py").read_text() == CART


async def test_what_is_proved_can_be_previewed(editor):
    cart, tests = opened(editor)
    (location,) = (await run(editor, tests)).locations
    argument = {"uri": cart, "key": location.key}
    (candidate,) = fields(await editor.command("whetstone.candidates", argument)).candidates
    checks = {check.name: check.passed for check in candidate.evidence}
    assert checks["test passes"] is True


async def test_what_the_test_proved_stays_while_other_fixes_are_prepared(start):
    def listening(capabilities):
        capabilities.experimental = {"whetstone": {"status": True, "fixes": True}}

    editor = await start(
        VSCODE,
        answers=ANSWERS,
        delay_s=0.3,
        change=listening,
        options={"prepare": {"enabled": True, "delay_s": 0.05}},
    )
    editor.answer = "Run once"
    cart, tests = opened(editor, CART + "\n\ndef other():\n    return lenght\n")
    (location,) = (await run(editor, tests)).locations

    def states():
        return sorted(fix["state"] for fix in editor.fixes_of(cart)["fixes"])

    await until(lambda: states() == ["none", "ready"])
    (fix,) = await editor.ready(cart)
    assert (fix["key"], fix["candidates"]) == (location.key, 1)
    argument = {"uri": cart, "key": location.key}
    assert len(fields(await editor.command("whetstone.candidates", argument)).candidates) == 1


async def test_no_is_no_and_always_is_remembered_outside_the_workspace(trusting):
    editor = trusting
    _, tests = opened(editor)
    editor.answer = "No"
    answer = await run(editor, tests)
    assert answer.reason == "running this workspace's tests was not allowed"

    editor.answer = "Always in this workspace"
    await run(editor, tests)
    await run(editor, tests)
    assert len(editor.asked) == 2
    given = json.loads((editor.data / "consent.json").read_text())["tests"]
    assert list(given) == [str(editor.root.resolve())]
    assert "whetstone" not in "".join(path.name for path in editor.root.iterdir())


async def test_when_nothing_helps_the_suspects_are_named(editor):
    far_off = CART.replace("amount + discount(amount)", "7 * amount + 3 * discount(amount) + 11")
    cart, tests = opened(editor, far_off)
    editor.configure(answers=())
    answer = await run(editor, tests)
    said = r"test_large fails; 6 lines tried, \d{3} answers, none makes the test pass"
    assert re.fullmatch(said, answer.summary)
    assert {location.uri for location in answer.locations} == {cart}
    assert await editor.fixes(cart, line=7) == []


async def test_a_small_slip_is_found_without_any_answer_of_the_model(editor):
    cart, tests = opened(editor)
    editor.configure(answers=())
    answer = await run(editor, tests)
    assert "1 fix makes it pass and break no other test of the file" in answer.summary
    (fix,) = await editor.fixes(cart, line=7)
    assert "`+` with `-`" in fix.title


async def test_a_file_that_is_not_open_is_mended_when_it_is_opened(trusting):
    editor = trusting
    editor.path("cart.py").write_text(CART)
    tests = editor.open(TESTS.format(case=editor.case), name="cart_test.py")
    (location,) = (await run(editor, tests)).locations
    assert (location.uri, location.key) == (editor.uri("cart.py"), "")

    cart = editor.open(CART, name="cart.py")
    fix = await editor.resolve((await editor.fixes(cart, line=7))[0])
    editor.apply(fix.edit)
    assert editor.texts[cart].endswith("return amount - discount(amount)\n")


async def test_a_word_given_once_does_not_run_the_test_again(editor):
    cart, tests = opened(editor)
    await run(editor, tests)
    editor.edit(cart, (0, 0), (0, 0), "# above\n")
    (fix,) = await editor.fixes(cart, line=8)
    assert (await editor.resolve(fix)).edit is None


async def test_it_can_be_cancelled(editor):
    slow = CART.replace("def total", "import time; time.sleep(30)\n\n\ndef total")
    _, tests = opened(editor, slow)
    asked = asyncio.ensure_future(run(editor, tests))
    await until(lambda: editor.client.progress_reports)
    (token,) = editor.client.progress_reports
    begin = asyncio.get_running_loop().time()
    editor.client.window_work_done_progress_cancel(T.WorkDoneProgressCancelParams(token=token))
    answer = await asyncio.wait_for(asked, 15)
    assert answer.summary == "cancelled"
    assert asyncio.get_running_loop().time() - begin < 10


@pytest.mark.parametrize("test", ["", "../x_test.py::test", "missing_test.py::test", "a.txt::t"])
async def test_a_test_that_is_not_there_is_said(editor, test):
    answer = await run(editor, editor.uri(), test)
    assert not answer.passed and answer.reason and answer.locations == []

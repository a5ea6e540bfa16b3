"""`whetstone.traceback` and `whetstone.lastFailed` over the protocol."""

import json
import subprocess
import sys

import pytest
import pytest_asyncio
from lsp_editor import VSCODE, fields, replace

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRICE = "def price(item):\n    return item['cost'] * 2\n"
TRACE = """\
2026-11-24 10:00:00 ERROR Traceback (most recent call last):
2026-11-24 10:00:00 ERROR   File "/srv/app/{case}_main.py", line 1, in <module>
2026-11-24 10:00:00 ERROR     price({{}})
2026-11-24 10:00:00 ERROR   File "/srv/app/{case}_price.py", line 2, in price
2026-11-24 10:00:00 ERROR     return item['cost'] * 2
2026-11-24 10:00:00 ERROR   File "/usr/lib/python3.11/collections/__init__.py", line 9, in get
2026-11-24 10:00:00 ERROR KeyError: 'cost'
"""
ANSWERS = (("item['cost']", (replace("    return item['price'] * 2"),)),)


@pytest_asyncio.fixture(loop_scope="session")
async def editor(start):
    return await start(VSCODE, answers=ANSWERS)


async def traceback(editor, argument):
    return fields(await editor.command("whetstone.traceback", argument))


async def test_a_pasted_log_leads_to_the_line_with_a_fix(editor):
    uri = editor.open(PRICE, name="price.py")
    editor.path("main.py").write_text("price({})\n")
    answer = await traceback(editor, {"text": TRACE.format(case=editor.case)})

    first, second = answer.locations
    assert (first.uri, first.range.start.line, first.range.end.character) == (uri, 1, 27)
    assert first.message == "KeyError: 'cost'"
    assert second.uri == editor.uri("main.py")
    assert editor.client.shown_documents[-1].uri == uri
    (action,) = await editor.fixes(uri, line=1)
    assert action.title == "Whetstone: fix KeyError: 'cost'"
    editor.apply((await editor.resolve(action)).edit)
    assert editor.texts[uri] == PRICE.replace("cost", "price")


async def test_it_is_gone_once_its_line_was_changed(editor):
    uri = editor.open(PRICE, name="price.py")
    await traceback(editor, {"text": TRACE.format(case=editor.case)})
    editor.edit(uri, (0, 0), (0, 0), "import os\n")
    assert len(await editor.fixes(uri, line=2)) == 1  # moved down with its line
    editor.edit(uri, (2, 0), (2, 10), "    yield")
    assert [each for each in await editor.fixes(uri, line=2) if "KeyError" in each.title] == []


@pytest.mark.parametrize(
    "argument",
    [
        {}, {"text": ""}, {"text": 7}, [], None, {"text": "no failure here"},
        {"text": 'File "/etc/passwd.py", line 1, in x\nKeyError: 1'},
        {"text": 'File "../outside.py", line 1, in x\nKeyError: 1'},
        {"text": 'File "t.pem.py", line 1\nKeyError: 1'},
    ],
)  # fmt: skip
async def test_text_that_leads_nowhere_says_so(editor, argument):
    (editor.root.parent / "outside.py").write_text("x = 1\n")
    answer = await traceback(editor, argument)
    assert answer.locations == [] and answer.reason


async def test_a_line_past_the_end_of_the_file_is_left_out(editor):
    editor.open(PRICE, name="price.py")
    text = f'File "{editor.path("price.py")}", line 99, in price\nKeyError: 1\n'
    assert (await traceback(editor, {"text": text})).locations == []


async def test_the_last_failed_test_of_pytest_is_followed(start):
    editor = await start(VSCODE, fresh=True, answers=ANSWERS)
    editor.answer = "Run once"
    uri = editor.open(PRICE, name="price.py")
    case = editor.case
    editor.path("price_test.py").write_text(
        f"from {case}_price import price\n\ndef test_ok():\n    pass\n\n"
        "def test_price():\n    assert price({'price': 2}) == 4\n"
    )
    nothing = fields(await editor.command("whetstone.lastFailed", {}))
    assert nothing.locations == [] and "pytest has not run" in nothing.reason

    subprocess.run([sys.executable, "-m", "pytest", "-q"], cwd=editor.root, capture_output=True)
    cache = editor.root / ".pytest_cache/v/cache/lastfailed"
    assert list(json.loads(cache.read_text())) == [f"{case}_price_test.py::test_price"]

    answer = fields(await editor.command("whetstone.lastFailed", {"uri": uri}))
    assert (answer.locations[0].uri, answer.locations[0].range.start.line) == (uri, 1)
    assert answer.locations[0].message == "KeyError: 'cost'"

    editor.change(uri, PRICE.replace("cost", "price"))
    answer = fields(await editor.command("whetstone.lastFailed", {"uri": uri}))
    assert answer.reason == "the tests that failed last time pass now"

    editor.answer = "No"
    answer = fields(await editor.command("whetstone.lastFailed", {"uri": uri}))
    assert answer.reason == "running this workspace's tests was not allowed"


async def test_a_failing_assertion_in_a_test_is_shown_but_not_mended_there(editor):
    uri = editor.open("def test_one():\n    assert 1 == 2\n", name="one_test.py")
    text = f"{editor.case}_one_test.py:2: in test_one\n    assert 1 == 2\nE   assert 1 == 2\n"
    answer = await traceback(editor, {"text": text})
    assert [(each.uri, each.range.start.line) for each in answer.locations] == [(uri, 1)]
    assert await editor.fixes(uri, line=1) == []

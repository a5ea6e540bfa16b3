"""What the message of the compiler or of ruff says: the first proved fix of the rules alone.

The cases walk through CPython's own messages and the ruff rules that are shown by default.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from whetstone import context, diagnose, rules
from whetstone.fixer import Fixer
from whetstone.problem import Document
from whetstone.settings import Settings


def first_fix(text: str, name: str = "module.py") -> str:
    """The whole text after the first fix that is shown; empty when none is."""
    document = Document(text=text, path=Path(name))
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])
    return proposal.candidates[0].new_text if proposal.candidates else ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x = 007\n", "x = 7"),
        ("import os\n\nos.chmod('a', 0755)\n", "os.chmod('a', 0o755)"),
        ("d = 10L\n", "d = 10"),
        ("x = 3\ny = 2x + 1\n", "y = 2 * x + 1"),
        ("print(“hello”)\n", 'print("hello")'),
        ("x = 3\ny = x – 1\n", "y = x - 1"),
        ("x\xa0= 3\n", "x = 3"),
        ("p = 'C:\\Users\\me'\n", "p = r'C:\\Users\\me'"),
        ("x = 1 + \\ \n    2\n", "x = 1 + \\"),
        ("print(sep='', 'a')\n", "print('a', sep='')"),
        ("def f(a, b):\n    return a\n\n\nf(a=1, 2)\n", "f(1, 2)"),
        (
            "class P:\n    x = 0\n\n    def __init__(self, w, h=1, t=''):\n        self.w = w\n\n\n"
            "P(w=2, 3, t='')\n",
            "P(2, 3, t='')",
        ),
        ("def f(a, b=0, c=0):\n    return a\n\n\nf(c=1, 2)\n", "f(2, c=1)"),
        ("y = 1\nx = max(\n    y,\n    2,\nprint(x)\n", "    2,\n)\nprint(x)"),
        ("y = 1\nx = max(y,\n    2,\nprint(x)\n", "    2,)"),
        ("FILE_MODE = 0640\n", "FILE_MODE = 0o640"),
        ("print('a', sep='', sep='')\n", "print('a', sep='')"),
        ("def f(a=1, b):\n    return a + b\n", "def f(b, a=1):"),
        ("def f(a, a):\n    return a + b\n", "def f(a, b):"),
        ("def f(**kw, a):\n    return a, kw\n", "def f(a, **kw):"),
        ("x = [1]\nprint(sum(i for i in x, 1))\n", "print(sum((i for i in x), 1))"),
        ("p = [a, b for a, b in [(1, 2)]]\n", "p = [(a, b) for a, b in [(1, 2)]]"),
        ("class A:\n    def f():\n        return self\n", "    def f(self):"),
        ("class A:\n    def f(x):\n        return self, x\n", "    def f(self, x):"),
        ("import asyncio\n\n\ndef f():\n    await asyncio.sleep(1)\n", "async def f():"),
        ("class A:\n\n\nclass B:\n    pass\n", "class A:\n    pass\n\n\nclass B:\n    pass"),
        ("def f(x):\nif x:\n    return 1\nreturn 2\n", "    if x:"),
        ("try:\n    x = 1\nexcept:\n    x = 2\nexcept ValueError:\n    x = 3\n", "except:"),
        (
            "try:\n    x = 1\nexcept ValueError, KeyError:\n    x = 3\n",
            "except (ValueError, KeyError):",
        ),
        ("c = 0\n\n\ndef f():\n    print(c)\n    global c\n    c = 1\n", "    global c"),
        ("c = 0\n\n\ndef f():\n    c += 1\n", "    global c"),
        ("for class in [1, 2]:\n    print(class)\n", "for class_ in [1, 2]:"),
        ("class = 3\nprint(class)\n", "class_ = 3"),
        ("x = 1\n5 = x\n", "x = 5"),
        ("my-name = 3\n", "my_name = 3"),
        ("d = {'a' = 1, 'b' = 2}\n", "d = {'a': 1, 'b': 2}"),
        ("d = {'a' 1}\n", "d = {'a': 1}"),
        (
            "import io\nf = io.StringIO()\nwhile line = f.readline():\n    print(line)\n",
            "while (line := f.readline()):",
        ),
        ("def f(x):\n    global x\n    return x\n", "def f(x):\n    return x"),
        ("def f():\n    nonlocal x\n    x = 1\n", "    global x"),
        ("from os import path,\nprint(path)\n", "from os import path"),
        ("def my-func():\n    pass\n", "def my_func():"),
        ("raise ValueError, 'bad'\n", "raise ValueError('bad')"),
        ("import sys\nprint >>sys.stderr, 'x'\n", "print('x', file=sys.stderr)"),
        ("import path from os\nprint(path)\n", "from os import path"),
        ("c = 1\nx = c ? 1 : 2\n", "x = 1 if c else 2"),
        ("x = [1]\nfor i x:\n    print(i)\n", "for i in x:"),
        ("f = lambda x -> x + 1\n", "f = lambda x: x + 1"),
        ("f = lambda x x + 1\n", "f = lambda x: x + 1"),
        ("f = lambda x: return x\n", "f = lambda x: x"),
        ("x := 3\n", "x = 3"),
        ("x = 3\nif type(x) == int:\n    pass\n", "if isinstance(x, int):"),
        ("x = 3\nif type(x) != int:\n    pass\n", "if not isinstance(x, int):"),
        ("x = 3\nx == 4\n", "x = 4"),
        ("f = open('a')\nf.close\n", "f.close()"),
        ("class C:\n    def f(self):\n        self.x.clear\n", "        self.x.clear()"),
        ("x = 1\nassert (x, 'm')\n", "assert x, 'm'"),
        ("x = 1\nif (x > 2, ''):\n    pass\n", "if x > 2:"),
        ("print('%y' % 3)\n", "print('%s' % 3)"),
        ("print('{0} {}'.format(1, 2))\n", "print('{} {}'.format(1, 2))"),
        ("print('{nam}'.format(name=1))\n", "print('{name}'.format(name=1))"),
        ("__all__ = ['fo']\n\n\ndef foo():\n    pass\n", "__all__ = ['foo']"),
        ("def f():\n    x: int\n    return 1\n", "def f():\n    return 1"),
        ("import os\n\nprint(os.sep)\nfor os in [1]:\n    print(os)\n", "for os_ in [1]:"),
        (
            "def f(a, seen=[]):\n    seen.append(a)\n    return seen\n",
            "def f(a, seen=None):\n    if seen is None:\n        seen = []",
        ),
        (
            "x = 1\nprint(x)\nfrom __future__ import annotations\n",
            "from __future__ import annotations",
        ),
        ("def f():\n    if True:\n        break\n", "        return"),
        ("name = 'a'\nprint(f'hi {name')\n", "print(f'hi {name}')"),
        ("name = 'a'\nprint(f'hi name}')\n", "print(f'hi {name}')"),
        ("d = {'a': 1}\nprint(f'hi {d['a']}')\n", "print(f'hi {d[\"a\"]}')"),
        ("x = [1, 2\ny = 3\n", "x = [1, 2]"),
        ("def f(s, b):\n    print(s.strip))\n", "    print(s.strip())"),
        ("w = 1\nprint(w * 20px)\n", "print(w * 20)"),
        ("n = 'a'\nx = f'{n]'\n", "x = f'{n}'"),
        ("n = 'a'\nx = f'{{n}'\n", "x = f'{n}'"),
        ("x = 'letter %' % 'a'\n", "x = 'letter %s' % 'a'"),
        # One token more, less or another, where nothing says which.
        ('a = 1\nprint(a "costs", a)\n', 'print(a, "costs", a)'),
        ("a = {1,, 2}\n", "a = {1, 2}"),
        ("a = [1]\nfor k v in [(1, 2)]:\n    print(k, v)\n", "for k, v in [(1, 2)]:"),
        ('x = [age"]\n', 'x = ["age"]'),
        ('x = {"a": 1, "b: 2}\n', 'x = {"a": 1, "b": 2}'),
        ("x = 'it can't be'\n", 'x = "it can\'t be"'),
        ("class C:\n    def f(self):\n        return self x\n", "        return self.x"),
        ("x: list[int = []\n", "x: list[int] = []"),
        ("for x in [1].\n    print(x)\n", "for x in [1]:"),
        ("def f(a) - int:\n    return a\n", "def f(a) -> int:"),
        ("parser dict(a=1)\n", "parser = dict(a=1)"),
    ],
)
def test_the_message_decides(text, wanted):
    assert f"{wanted}\n" in first_fix(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "SETTINGS = {\n    'a': {\n        'b': 1,\n    'c': 2,\n}\n",
            "        'b': 1,\n    },\n    'c': 2,\n",
        ),
        ("a = b = 'x'\nprint(f'{a}-{b} if b else a)\n", "print(f'{a}-{b}' if b else a)\n"),
        ("x = (\n    'one two\n    'three'\n)\n", "    'one two '\n    'three'\n"),
        ("n = 61\nprint(f'{n // 60}:{n % 60:02d')\n", "print(f'{n // 60}:{n % 60:02d}')\n"),
    ],
)
def test_brackets_and_quotes_end_where_layout_says(text, wanted):
    assert wanted in first_fix(text)


@pytest.mark.parametrize(
    "line", ["return a b / (1 - a)", "x = 3 / (a b)", "return a b"]
)  # fmt: skip
def test_where_an_operator_is_missing_nothing_is_guessed(line):
    assert first_fix(f"def f(a, b):\n    {line}\n") == ""


def test_generated_lines_are_not_searched():
    text = f"x = [{'1, ' * 400}2 3]\n"
    document = Document(text=text, path=Path("data.py"))
    problem = context.build_problem(document, diagnose.find(document)[0])

    assert rules.last_resort(document, problem) == []


def test_a_file_with_another_error_below_is_mended_one_by_one():
    text = "def f(a):\n    print(a 'x')\n\n\ndef g(a)\n    return a\n"

    assert first_fix(text) == text.replace("a 'x'", "a, 'x'")


def test_a_whole_block_is_indented_when_one_line_would_not_do():
    text = "def f(x):\nif x:\n    return 1\nreturn 2\n"

    assert first_fix(text) == "def f(x):\n    if x:\n        return 1\n    return 2\n"


def test_text_in_strings_keeps_its_characters():
    assert first_fix("x = 'a – b' – 1\n") == "x = 'a – b' - 1\n"


def test_a_dict_that_is_no_dict_yet_gets_a_comma():
    assert first_fix("x = ['a' 1]\n") == "x = ['a', 1]\n"


def test_in_a_test_file_a_lone_comparison_is_an_assertion():
    text = "def test_a():\n    x = 3\n    x == 3\n    print(x)\n"

    assert "    assert x == 3\n" in first_fix(text, "test_a.py")


def test_an_undefined_name_outside_of_any_method_gets_no_parameter():
    assert "(self" not in first_fix("def f(self):\n    return 1\n\n\nprint(self)\n")


@pytest.mark.parametrize(
    "text",
    [
        "def f(a, seen=[]):\n    seen.append(a)\n    return seen\n",
        "def f(a, a):\n    return a + b\n",
        "def f(a=1, b):\n    return a + b\n",
        "def f((a, b)):\n    return a + b\n",
        "print(sep='', 'a')\n",
        "x = 007\n",
        "x = 3\nif type(x) == int:\n    x = 1\n",
        "f = open('a')\nf.close\n",
        "def f(x):\n    print(x)\n    end\n    return x\n",
        "x = [1]\nFor i in x:\n    print(i)\n",
        "x = [1]\nofr i in x:\n    print(i)\n",
    ],
)
def test_what_the_diagnostic_decides_comes_before_what_a_model_finds_likelier(text):
    document = Document(text=text)
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])

    assert proposal.candidates[0].standing
    assert not any(candidate.standing for candidate in proposal.candidates[1:])


@pytest.mark.parametrize(
    "text", ["def f(a, a):\n    return a\n", "x = [1\n", "foh i in [1]:\n    print(i)\n"]
)
def test_where_a_rule_guesses_the_model_may_know_better(text):
    document = Document(text=text)
    proposal = Fixer(None, Settings()).propose(document, diagnose.find(document)[0])

    assert proposal.candidates
    assert not any(candidate.standing for candidate in proposal.candidates)


def test_a_body_that_lies_flat_is_moved_as_a_whole():
    text = "def f(x):\ny = x + 1\nz = y + 1\nreturn z\n\n\nprint(f(1))\n"

    assert first_fix(text).startswith("def f(x):\n    y = x + 1\n    z = y + 1\n    return z\n\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x = 'abc''\n", "x = 'abc'\n"),
        ("x = 1\n{\ny = 2\n", "x = 1\ny = 2\n"),
        ("x = 1\n}\ny = 2\n", "x = 1\ny = 2\n"),
    ],
)
def test_what_is_there_once_too_often_goes(text, wanted):
    assert first_fix(text) == wanted


def test_what_was_wrong_before_does_not_speak_against_an_async():
    text = (
        "import asyncio\n\n\ndef f(x: int) -> None:\n    await asyncio.sleep(x)\n\n\n"
        "def g(y: Other) -> None:\n    print(y)\n"
    )

    assert "async def f(x: int)" in first_fix(text)

"""Places in the workspace: what a traceback names is never trusted."""

from __future__ import annotations

import os

import pytest

from whetstone.locate import Workspace, places

TRACEBACK = """\
Traceback (most recent call last):
  File "{root}/main.py", line 3, in <module>
    run()
  File "{root}/lib/core.py", line 2, in run
    return {{}}["x"]
  File "/usr/lib/python3.11/json/__init__.py", line 9, in loads
    raise KeyError
KeyError: 'x'
"""


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "work"
    (root / "lib").mkdir(parents=True)
    (root / "main.py").write_text("from lib import core\n\ncore.run()\n")
    (root / "lib" / "core.py").write_text('def run():\n    return {}["x"]\n')
    return root


def found(text, root, **options):
    return [
        (place.path.relative_to(root.resolve()).as_posix(), place.line)
        for place in places(text, Workspace(root=root, **options))
    ]


def test_the_innermost_frame_inside_the_workspace_comes_first(root):
    (first, second) = places(TRACEBACK.format(root=root), Workspace(root=root))

    assert first.path == root.resolve() / "lib" / "core.py"
    assert first.diagnostic.span.start_line == 1
    assert first.diagnostic.headline == "KeyError: 'x'"
    assert first.failure.endswith("KeyError: 'x'")
    assert second.path.name == "main.py"


def test_what_is_tested_comes_before_the_test(root):
    (root / "test_core.py").write_text("from lib.core import run\n")
    output = "lib/core.py:2: in run\n    x\ntest_core.py:1: in helper\n    y\nE   KeyError: 'x'\n"

    assert found(output, root) == [("lib/core.py", 1), ("test_core.py", 0)]


@pytest.mark.parametrize("prefix", ["/app", "/home/runner/work/p/p", "C:\\build\\p", "C:/b"])
def test_a_path_of_another_machine_is_matched_by_its_end(root, prefix):
    text = f'  File "{prefix}/lib/core.py", line 2, in run\nKeyError: 1\n'
    assert found(text, root) == [("lib/core.py", 1)]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../../etc/hosts", "missing.py", "bad\0name.py", "<string>", "<stdin>",
        "<frozen importlib._bootstrap>", "\\\\host\\share\\core.py", "//host/share/main.py",
        "../outside.py", "lib/../../outside.py", "link.py", "linked/outside.py", "main.txt",
        "lib", "", "x" * 5000 + ".py", "/usr/lib/python3.11/lib/core.py",
        "/x/site-packages/lib/core.py", "own/inner.py", "secret/keys.py", "~/main.txt",
    ],
)  # fmt: skip
def test_nothing_but_the_workspaces_own_sources_is_found(root, path):
    outside = root.parent / "outside.py"
    outside.write_text("x = 1\n")
    (root / "main.txt").write_text("")
    (root / "own").mkdir()
    (root / "own" / "pyvenv.cfg").write_text("")
    (root / "own" / "inner.py").write_text("")
    (root / "secret").mkdir()
    (root / "secret" / "keys.py").write_text("")
    os.symlink(outside, root / "link.py")
    os.symlink(root.parent, root / "linked")

    text = f'  File "{path}", line 1, in x\nKeyError: 1\n'
    assert found(text, root, ignore_globs=["secret/**"]) == []


def test_a_line_repeated_by_recursion_is_listed_once(root):
    frame = '  File "main.py", line 1, in f\n    f()\n'
    text = f"Traceback (most recent call last):\n{frame * 900}RecursionError: too deep\n"
    assert found(text, root) == [("main.py", 0)]

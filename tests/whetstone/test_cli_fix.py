"""`whetstone fix` as a user runs it: a real process, real files, a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from whetstone.testing.consent import Consents

BUGGY = """\
def area(r)
    return math.pi * r ** 2


def count(words):
    totals = {}
    for word in words:
        totals[wrod] = totals.get(word, 0) + 1
    return totals
"""


@pytest.fixture
def run(tmp_path, data_folder):
    def run(*arguments, stdin=""):
        command = [sys.executable, "-m", "whetstone", *map(str, arguments)]
        environment = {**os.environ, "WHETSTONE_DATA": str(data_folder), "COLUMNS": "200"}
        return subprocess.run(
            command, capture_output=True, text=True, input=stdin, cwd=tmp_path, env=environment
        )

    return run


@pytest.fixture
def buggy(tmp_path):
    path = tmp_path / "shapes.py"
    path.write_text(BUGGY)
    return path


def test_yes_fixes_every_problem_and_stores_the_choices(run, buggy):
    result = run("fix", buggy, "--yes", "--model", "none")

    assert result.returncode == 0, result.stderr
    assert "every problem is fixed" in result.stdout
    assert buggy.read_text().startswith("import math\n\n\ndef area(r):\n")
    assert "totals[word]" in buggy.read_text()
    stored = json.loads(run("prefs", "list", "--json").stdout)
    assert len(stored["suggestions"]) == 3


def test_json_prints_one_object_per_problem_and_writes_nothing(run, buggy):
    result = run("fix", buggy, "--json", "--model", "none")
    rows = [json.loads(line) for line in result.stdout.splitlines()]

    assert result.returncode == 1
    assert buggy.read_text() == BUGGY
    assert len(rows) == 1  # the syntax error hides the rest
    assert rows[0]["range"]["start"]["line"] == 1
    assert rows[0]["diagnostic"]["code"] == "SyntaxError"
    best = rows[0]["candidates"][0]
    assert best["text"] == "def area(r):"
    assert best["diff"].startswith("--- a/")
    assert {check["name"] for check in best["evidence"]} >= {"parses", "nothing new"}
    assert set(rows[0]) == {
        "file", "range", "diagnostic", "candidates", "rejected", "accepted", "suggestion",
        "model", "format", "unparsable", "latency_s",
    }  # fmt: skip


def test_without_a_terminal_nothing_is_written_unasked(run, buggy):
    result = run("fix", buggy, "--model", "none")

    assert result.returncode == 1
    assert buggy.read_text() == BUGGY


def test_a_clean_file_is_left_alone(run, tmp_path):
    path = tmp_path / "clean.py"
    path.write_text("x = 1\n")
    result = run("fix", path, "--yes", "--model", "none")

    assert (result.returncode, path.read_text()) == (0, "x = 1\n")
    assert "No problems found" in result.stdout


def test_a_line_limits_the_work(run, tmp_path):
    path = tmp_path / "two.py"
    path.write_text("def f(first, second):\n    a = frist\n    return a + secnod\n")
    result = run("fix", f"{path}:3", "--yes", "--model", "none")

    assert result.returncode == 0
    assert path.read_text().splitlines()[1:] == ["    a = frist", "    return a + second"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fix", "missing.py"], "missing.py"),
        (["fix", "shapes.py:99"], "only 9 lines"),
        (["fix", "shapes.py:0"], "counted from 1"),
        (["fix", "."], "is a folder"),
        (["fix", "shapes.py", "--model", "no-such-model"], "no-such-model"),
        (["fix", "shapes.py", "--test", ""], "empty"),
        (["fix"], "Name a file, or give a traceback"),
    ],
)
def test_bad_usage_exits_2_with_a_reason(run, buggy, arguments, message):
    result = run(*arguments)

    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_traceback_leads_to_its_line(run, tmp_path):
    path = tmp_path / "cart.py"
    path.write_text("def add(items, item):\n    items.push(item)\n    return items\n")
    trace = (
        f'Traceback (most recent call last):\n  File "{path}", line 2, in add\n'
        "    items.push(item)\nAttributeError: 'list' object has no attribute 'push'\n"
    )
    result = run("fix", path, "--traceback", "-", "--yes", "--model", "none", stdin=trace)

    assert result.returncode == 1
    assert "replace `push` with `append`" in result.stdout
    assert "not accepted unread" in result.stdout  # no tool and no test can tell that it is gone
    assert "items.push(item)" in path.read_text()


def test_a_traceback_finds_its_file_by_itself(run, tmp_path):
    (tmp_path / "lib").mkdir()
    path = tmp_path / "lib" / "cart.py"
    path.write_text("def add(items, item):\n    items.push(item)\n    return items\n")
    trace = (
        'Traceback (most recent call last):\n  File "/srv/app/lib/cart.py", line 2, in add\n'
        "    items.push(item)\nAttributeError: 'list' object has no attribute 'push'\n"
    )
    result = run("fix", "--traceback", "-", "--yes", "--model", "none", stdin=trace)

    assert f"leads to {path}:2" in result.stderr
    assert "replace `push` with `append`" in result.stdout
    lost = run("fix", "--traceback", "-", stdin='  File "/x.py", line 1, in f\nKeyError: 1\n')
    assert lost.returncode == 2
    assert "stands in the traceback. Start in the folder" in lost.stderr


def test_the_setting_test_command_runs_where_it_was_allowed(run, tmp_path, data_folder):
    data_folder.mkdir(exist_ok=True)
    path = tmp_path / "cart.py"
    text = "def add(items, item):\n    items.push(item)\n    return items\n"
    path.write_text(text)
    (tmp_path / "check.py").write_text("from cart import add\n\nassert add([], 1) == [1]\n")
    command = json.dumps([sys.executable, "check.py"])
    (tmp_path / "whetstone.toml").write_text(f"[test]\ncommand = {command}\n")
    (tmp_path / "pyproject.toml").write_text("")  # a project: its folder is the workspace

    refused = run("fix", path, "--yes", "--model", "none")
    assert "test.command is set, but nothing allows it to run" in refused.stderr
    assert path.read_text() == text

    Consents(data_folder / "consent.json").give(tmp_path)
    allowed = run("fix", path, "--yes", "--model", "none")
    assert allowed.returncode == 0, allowed.stdout + allowed.stderr
    assert "items.append(item)" in path.read_text()


def test_a_failing_test_must_pass_before_a_fix_is_shown(run, tmp_path):
    path = tmp_path / "cart.py"
    path.write_text("def add(items, item):\n    items.push(item)\n    return items\n")
    (tmp_path / "check.py").write_text("from cart import add\n\nassert add([], 1) == [1]\n")
    command = f"{sys.executable} check.py"
    result = run("fix", path, "--test", command, "--yes", "--model", "none")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "test passes" in result.stdout
    assert "items.append(item)" in path.read_text()


def test_a_broken_store_costs_the_record_but_not_the_fix(run, buggy, data_folder):
    data_folder.mkdir(exist_ok=True)
    (data_folder / "preferences.db").mkdir()
    result = run("fix", buggy, "--yes", "--model", "none")

    assert result.returncode == 0
    assert "not recorded" in result.stderr


def test_a_typo_is_mended_before_what_it_makes_look_unused(run, tmp_path):
    path = tmp_path / "tally.py"
    path.write_text("import collections\n\nprint(colections.Counter())\n")
    result = run("fix", path, "--yes", "--model", "none")

    assert result.returncode == 0, result.stdout
    assert path.read_text() == "import collections\n\nprint(collections.Counter())\n"


def test_nothing_that_looks_unused_is_deleted_while_a_name_is_undefined(run, tmp_path):
    path = tmp_path / "tally.py"
    text = "import collections\n\nprint(qqqzzz(1))\n"
    path.write_text(text)

    assert run("fix", path, "--yes", "--model", "none").returncode == 1
    assert path.read_text() == text


def test_what_a_package_re_exports_is_not_unused(run, tmp_path):
    path = tmp_path / "__init__.py"
    path.write_text("from .core import Engine\n")

    assert run("fix", path, "--yes").returncode == 0
    assert path.read_text() == "from .core import Engine\n"


def test_a_traceback_of_a_line_that_is_not_there_changes_nothing(run, tmp_path):
    path = tmp_path / "short.py"
    path.write_text("x = 1\n")
    trace = f'  File "{path}", line 999999, in f\nValueError: bad\n'
    result = run("fix", path, "--traceback", "-", "--yes", stdin=trace)

    assert result.returncode == 1
    assert path.read_text() == "x = 1\n"


def test_one_enormous_line_does_not_end_the_run(run, tmp_path):
    path = tmp_path / "data.py"
    path.write_text(f"DATA = [{', '.join(map(str, range(9000)))}, undefd]\n\nprint(DTAA)\n")
    result = run("fix", path, "--yes")

    assert result.returncode == 1
    assert "print(DATA)" in path.read_text()


def test_a_notebook_is_refused(run, tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_text("{}")
    result = run("fix", path)

    assert result.returncode == 2
    assert "notebook" in result.stderr


def test_a_traceback_in_another_encoding_is_read(run, tmp_path, buggy):
    trace = tmp_path / "trace.txt"
    trace.write_bytes(b"\xff\xfe nonsense")
    result = run("fix", buggy, "--yes", "--model", "none", "--traceback", trace)

    assert "Traceback" not in result.stderr

"""Edits: minimal, exact, and at home in every line ending."""

from __future__ import annotations

import difflib
import random
import time
from pathlib import Path

import pytest

from whetstone.edit import apply, edits_between, edits_for, import_line, unified_diff
from whetstone.problem import Document, Region, Replacement, Span, split_lines


def replaced(text: str, start: int, stop: int, *lines: str) -> str:
    document = Document(text=text)
    replacement = Replacement(kind="replace", lines=lines)
    return apply(text, edits_for(document, Region(start=start, stop=stop), replacement))


def imported(text: str, *lines: str) -> str:
    document = Document(text=text)
    replacement = Replacement(kind="import", lines=lines)
    return apply(text, edits_for(document, Region(start=0, stop=1), replacement))


def test_an_edit_touches_only_what_differs():
    document = Document(text="a = 1\nfor x in lenght:\n")
    (edit,) = edits_for(
        document,
        Region(start=1, stop=2),
        Replacement(kind="replace", lines=("for x in length:",)),
    )

    assert edit.span == Span(start_line=1, start_column=13, end_line=1, end_column=15)
    assert edit.new_text == "th"


def test_no_change_is_no_edit():
    assert replaced("a\nb\n", 0, 1, "a") == "a\nb\n"
    document = Document(text="a\n")
    same = Replacement(kind="replace", lines=("a",))
    assert edits_for(document, Region(start=0, stop=1), same) == ()


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_endings_are_kept(newline):
    text = newline.join(["a", "b", "c", ""])

    assert replaced(text, 1, 2, "x", "y") == newline.join(["a", "x", "y", "c", ""])
    assert replaced(text, 1, 2) == newline.join(["a", "c", ""])


def test_a_last_line_without_an_ending_gets_none():
    assert replaced("a\nb", 1, 2, "c") == "a\nc"


def test_random_replacements_equal_the_list_operation():
    draw = random.Random(7)
    alphabet = ["", "x", "xy", "é😀", "    pass", "\tx"]
    for _ in range(400):
        newline = draw.choice(["\n", "\r\n"])
        lines = [draw.choice(alphabet) for _ in range(draw.randint(1, 6))]
        start = draw.randrange(len(lines))
        stop = draw.randint(start + 1, len(lines))
        new = [draw.choice(alphabet) for _ in range(draw.randint(1, 3))]
        text = newline.join(lines) + newline
        wanted = newline.join([*lines[:start], *new, *lines[stop:]]) + newline

        assert replaced(text, start, stop, *new) == wanted


def test_lines_split_as_editors_split_them():
    assert split_lines("a\x0cb\u2028c\r\nd\re\n") == ["a\x0cb\u2028c\r\n", "d\r", "e\n"]
    assert split_lines("") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1\n", "import os\n\nx = 1\n"),
        ("def f():\n    pass\n", "import os\n\n\ndef f():\n    pass\n"),
        ('"""Doc."""\n\nx = 1\n', '"""Doc."""\n\nimport os\n\nx = 1\n'),
        ("import re\nx = 1\n", "import re\nimport os\nx = 1\n"),
        ("from a import (\n    b,\n)\nx = 1\n", "from a import (\n    b,\n)\nimport os\nx = 1\n"),
        ("#!/usr/bin/env python3\nx = 1\n", "#!/usr/bin/env python3\n\nimport os\n\nx = 1\n"),
        ("import os\nx = 1\n", "import os\nx = 1\n"),
        (
            '#!/usr/bin/env python3\n"""Doc."""\n\nx = 1\n',
            '#!/usr/bin/env python3\n"""Doc."""\n\nimport os\n\nx = 1\n',
        ),
        (
            "# Licence\n# of\n# three lines\n\nx = 1\n",
            "# Licence\n# of\n# three lines\n\nimport os\n\nx = 1\n",
        ),
        (
            "# Licence\n# of two\n'Doc.'\nfrom __future__ import annotations\n\nx = 1\n",
            "# Licence\n# of two\n'Doc.'\nfrom __future__ import annotations\nimport os\n\nx = 1\n",
        ),
        ("from a import b  # why (\nx = 1\n", "from a import b  # why (\nimport os\nx = 1\n"),
        ("", "import os\n"),
        ("import re", "import re\nimport os\n"),
    ],
)
def test_an_import_goes_where_imports_stand(before, after):
    assert imported(before, "import os") == after


def test_a_future_import_comes_first():
    text = '"""Doc."""\nimport re\n'

    assert imported(text, "from __future__ import annotations").splitlines()[1:] == [
        "from __future__ import annotations",
        "import re",
    ]


def test_imports_are_found_in_a_file_that_does_not_parse():
    assert import_line(["import os\n", "import re\n", "def f(:\n"]) == 2


def test_a_diff_says_when_the_last_newline_is_missing():
    diff = unified_diff(Document(text="a"), "b")

    assert diff.count("\\ No newline at end of file") == 2


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_edits_between_two_texts_touch_what_differs(newline):
    old = newline.join(["import os", "", "print(lenght)", "x = 1", "print(widht)", ""])
    new = newline.join(["import math", "import os", "", "print(length)", "x = 1", "print(width)"])
    edits = edits_between(old, new)
    assert apply(old, edits) == new
    assert [edit.span.start_line for edit in edits] == [0, 2, 4]


def test_edits_between_random_texts():
    random_ = random.Random(3)
    for _ in range(200):
        texts = [
            "".join(
                random_.choice(["a", "b", "\n", "\r\n", " "]) for _ in range(random_.randint(0, 30))
            )
            for _ in range(2)
        ]
        assert apply(texts[0], edits_between(*texts)) == texts[1]


@pytest.mark.parametrize("lines", [1, 3, 40, 150])
def test_a_diff_is_the_one_that_comparing_the_whole_files_gives(lines: int) -> None:
    rng = random.Random(lines)
    for _ in range(60):
        old = [f"line {rng.randrange(1_000_000)}\n" for _ in range(lines)]
        start = rng.randrange(lines)
        stop = min(lines, start + rng.randrange(3))
        new = [f"new {rng.randrange(1_000_000)}\n" for _ in range(rng.randrange(3))]
        after = [*old[:start], *new, *old[stop:]]
        whole = "".join(difflib.unified_diff(old, after, "a/x.py", "b/x.py", n=2))
        document = Document(text="".join(old), path=Path("x.py"))
        assert unified_diff(document, "".join(after)) == whole


def test_a_diff_of_a_long_file_takes_no_time() -> None:
    lines = [f"value_{number % 50} = {number}\n" for number in range(200_000)]
    document = Document(text="".join(lines), path=Path("x.py"))
    changed = "".join([*lines[:150_000], "new = 1\n", *lines[150_001:]])
    begin = time.process_time()
    diff = unified_diff(document, changed)
    assert time.process_time() - begin < 20  # comparing it all takes minutes
    assert diff.splitlines()[2] == "@@ -149999,5 +149999,5 @@"

"""Which files `ignore_globs` matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from whetstone.ignored import is_ignored
from whetstone.settings import IGNORE_GLOBS


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("/w/.env", True),
        ("/w/.ENV", True),
        ("/w/.env.local", True),
        ("/w/conf/server.pem", True),
        ("/home/me/.ssh/id_rsa", True),
        ("/w/secrets/a.py", True),
        ("/w/conf/local/deep.ini", False),
        ("/w/conf/x.ini", True),
        ("/w/environment.py", False),
        ("/w/src/app.py", False),
        ("/w/keys.py", False),
    ],
)
def test_ignore_globs(path: str, ignored: bool) -> None:
    globs = (*IGNORE_GLOBS, "secrets/**", "conf/*.ini")
    assert is_ignored(Path(path), globs) is ignored


def test_a_document_without_a_path_is_not_ignored() -> None:
    assert not is_ignored(None, IGNORE_GLOBS)

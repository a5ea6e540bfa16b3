"""Files keep their encoding, line endings and mode; a failed write leaves them as they were."""

from __future__ import annotations

import stat

import pytest

from whetstone import source_file
from whetstone.errors import UsageError


@pytest.mark.parametrize(
    "data",
    [
        "x = 'é'\n".encode(),
        b"\xef\xbb\xbfx = 1\r\ny = 2\r\n",
        "# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"),
        b"x = 1\r",
        b"",
    ],
)
def test_bytes_come_back_as_they_were(tmp_path, data):
    path = tmp_path / "a.py"
    path.write_bytes(data)
    path.chmod(0o755)
    file = source_file.read(path)
    file = source_file.write(file, file.document.text + "z = 3\n")

    assert path.read_bytes() == data + b"z = 3\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_a_link_stays_a_link(tmp_path):
    real, link = tmp_path / "real.py", tmp_path / "link.py"
    real.write_text("x = 1\n")
    link.symlink_to(real)
    source_file.write(source_file.read(link), "x = 2\n")

    assert link.is_symlink()
    assert real.read_text() == "x = 2\n"


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    file = source_file.read(path)
    path.write_text("x = 5\n")

    with pytest.raises(UsageError, match="changed on disk"):
        source_file.write(file, "x = 2\n")
    assert path.read_text() == "x = 5\n"


def test_text_outside_the_encoding_is_refused(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: latin-1\n")
    file = source_file.read(path)

    with pytest.raises(UsageError, match="does not exist in iso-8859-1"):
        source_file.write(file, "x = '€'\n")
    assert path.read_bytes() == b"# coding: latin-1\n"


@pytest.mark.parametrize(
    "data", [b"x = '\xff'\n", b"# coding: no-such\n", "x = 1\n".encode("utf-16")]
)
def test_what_is_not_text_is_refused_with_a_reason(tmp_path, data):
    path = tmp_path / "a.py"
    path.write_bytes(data)

    with pytest.raises(UsageError, match=r"not text in its declared encoding"):
        source_file.read(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"nope\.py"):
        source_file.read(tmp_path / "nope.py")
    with pytest.raises(UsageError, match="is a folder"):
        source_file.read(tmp_path)


def test_a_full_disk_leaves_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    file = source_file.read(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("whetstone.paths.os.fsync", full)
    with pytest.raises(UsageError, match="No space left"):
        source_file.write(file, "x = 2\n")
    assert path.read_text() == "x = 1\n"
    assert [p.name for p in tmp_path.glob(".*")] == []

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from whetstone.cli import main
from whetstone.settings import Settings
from whetstone.testing.consent import Consents, may_run


def test_consent_is_for_one_workspace_and_lies_outside_of_it(tmp_path: Path, data_folder: Path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    Consents().give(one)
    assert may_run(Settings(), one) and not may_run(Settings(), other)
    assert may_run(Settings(), one / ".." / "one")
    assert list(one.iterdir()) == []
    assert (data_folder / "consent.json").stat().st_mode & 0o077 == 0
    Consents().withdraw(one)
    assert not may_run(Settings(), one)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"tests": []}', '{"tests": "/"}', "{}"])
def test_a_damaged_file_gives_no_consent(tmp_path: Path, data_folder: Path, text: str):
    Consents().give(tmp_path)
    (data_folder / "consent.json").write_text(text)
    assert not Consents().given(tmp_path)
    Consents().give(tmp_path)
    assert Consents().given(tmp_path)


def test_nobody_takes_back_what_another_gave(tmp_path: Path):
    folders = [tmp_path / str(number) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda folder: Consents().give(folder), folders))
    assert all(map(Consents().given, folders))


def test_the_command_lists_and_takes_back(tmp_path: Path):
    Consents().give(tmp_path)
    listed = CliRunner().invoke(main, ["consent"])
    assert listed.output.startswith(f"{tmp_path.resolve()}  since 20")
    taken = CliRunner().invoke(main, ["consent", "--withdraw", str(tmp_path)])
    assert "you will be asked" in taken.output
    again = CliRunner().invoke(main, ["consent", "--withdraw", str(tmp_path)])
    assert (again.exit_code, "no consent was given" in again.output) == (2, True)
    assert CliRunner().invoke(main, ["consent"]).output == ""

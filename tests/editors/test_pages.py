"""The pages of editors that are not driven here: their settings are at least well-formed, and start
the program that this repository installs."""

from __future__ import annotations

import json
import tomllib

import pages

PROGRAM = tomllib.loads((pages.PAGES.parents[1] / "pyproject.toml").read_text())["project"]


def test_sublime_starts_the_server_for_python():
    [block] = pages.blocks("sublime.md", "json")
    client = json.loads(block)["clients"]["whetstone"]
    assert client["command"][0] in PROGRAM["scripts"]
    assert (client["enabled"], client["selector"]) == (True, "source.python")


def test_kate_starts_the_server_for_python():
    [block] = pages.blocks("kate.md", "json")
    server = json.loads(block)["servers"]["python"]
    assert server["command"][0] in PROGRAM["scripts"]
    assert server["highlightingModeRegex"] == "^Python$"


def test_zed_names_one_server_in_every_file():
    manifest, crate = (tomllib.loads(block) for block in pages.blocks("zed.md", "toml"))
    [rust] = pages.blocks("zed.md", "rust")
    [settings] = pages.blocks("zed.md", "json")
    [server] = manifest["language_servers"]
    assert json.loads(settings)["languages"]["Python"]["language_servers"][0] == server
    assert crate["lib"]["crate-type"] == ["cdylib"]
    assert any(f'.which("{program}")' in rust for program in PROGRAM["scripts"])


def test_every_page_says_whether_it_was_run():
    for page in pages.PAGES.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        said = [word in text for word in ("Driven by `make", "Tried by hand", "Not run here")]
        assert said.count(True) == 1, page.name

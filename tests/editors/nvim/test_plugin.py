"""How the plugin is installed and what it says: packages, help, health, messages, completion."""

from __future__ import annotations

import re

import pytest
import story
from neovim import PLUGIN


def test_it_works_as_a_built_in_package(start, world):
    site = world.home / ".local/share/nvim/site/pack/whetstone/start"
    site.mkdir(parents=True)
    (site / "whetstone").symlink_to(PLUGIN)
    nvim = start(before=[f"set packpath^={world.home}/.local/share/nvim/site"])
    nvim.open(world.file)
    nvim.until("diagnostics", lambda: len(nvim.diagnostics()) == 4)


def test_loaded_late_it_serves_what_is_open_already(start, world):
    """As `:packadd` does, and plugin managers that load on demand."""
    site = world.home / ".local/share/nvim/site/pack/whetstone/opt"
    site.mkdir(parents=True)
    (site / "whetstone").symlink_to(PLUGIN)
    nvim = start(before=[f"set packpath^={world.home}/.local/share/nvim/site"])
    nvim.open(world.file)
    assert nvim.lua("return #vim.lsp.get_clients()") == 0
    nvim.command("packadd whetstone")
    nvim.until("diagnostics", lambda: len(nvim.diagnostics()) == 4)


def test_of_several_fixes_on_a_line_the_one_that_makes_a_test_pass_is_taken(start, world):
    nvim = start()
    nvim.open(world.file)
    nvim.until("the model", lambda: "fixes ready" in nvim.lua(STATUSLINE))
    key = nvim.lua(
        "local place = { line = 7, character = 0 }\n"
        "local at = { start = place, ['end'] = place }\n"
        "local function fix(key, proved)\n"
        "  return { key = key, range = at, state = 'ready', proved = proved }\n"
        "end\n"
        "local fixes = { fix('plain', 'parses'), fix('wanted', 'parses, test passes') }\n"
        "local payload = { uri = vim.uri_from_bufnr(0), fixes = fixes }\n"
        "payload.version = vim.lsp.util.buf_versions[vim.api.nvim_get_current_buf()]\n"
        "local found = require('whetstone.fixes')\n"
        "found.update(vim.lsp.get_clients()[1].id, payload)\n"
        "return found.ready_at(vim.api.nvim_get_current_buf(), 7).key"
    )
    assert key == "wanted"


def test_options_reach_the_server(start, world):
    nvim = start(
        before=[
            f"set runtimepath^={PLUGIN}",
            "let g:whetstone = #{settings: #{ignore_codes: ['F821'], diagnostics: 'off'}}",
        ]
    )
    nvim.open(world.file)
    nvim.until("the client", lambda: nvim.lua("return #vim.lsp.get_clients() == 1"))
    nvim.until("the model", lambda: "whetstone: " in nvim.lua(STATUSLINE))
    assert nvim.diagnostics() == []


def test_disabled_it_starts_nothing(start, world):
    nvim = start(before=[f"set runtimepath^={PLUGIN}", "let g:whetstone = #{enabled: v:false}"])
    nvim.open(world.file)
    nvim.command("Whetstone status")
    nvim.until("a message", lambda: "no server for this buffer" in nvim.messages())
    assert nvim.lua("return #vim.lsp.get_clients()") == 0


def test_a_missing_server_is_named_once(start, world):
    nvim = start(before=[f"set runtimepath^={PLUGIN}", "let g:whetstone = #{cmd: ['no-such']}"])
    nvim.open(world.file)
    nvim.command("edit other.py")
    nvim.until("the message", lambda: "no-such was not found" in nvim.messages())
    assert nvim.messages().count("no-such was not found") == 1
    health = checkhealth(nvim)
    assert "ERROR no-such was not found" in health
    assert "make setup" in health


STATUSLINE = "return require('whetstone').statusline()"


def checkhealth(nvim):
    nvim.command("checkhealth whetstone")
    return nvim.until("the report", lambda: "\n".join(nvim.lines()))


def test_health_names_the_server_the_folder_and_the_model(start, world):
    nvim = start()
    nvim.open(world.file)
    nvim.until("a status", lambda: "fixes ready" in nvim.lua(STATUSLINE))
    health = checkhealth(nvim)
    assert re.search(r"OK \S*/whetstone-lsp: whetstone-lsp \d", health)
    assert f"{world.file.parent}, 1 buffers" in health
    assert "model: starter" in health
    assert "ERROR" not in health
    assert "WARNING" not in health


def test_health_names_unknown_options(start, world):
    nvim = start(before=[f"set runtimepath^={PLUGIN}", "let g:whetstone = #{vitrual_text: 1}"])
    assert "no such option: vitrual_text" in checkhealth(nvim)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("Whetstone pre", ["prefs", "preview", "previous"]),
        ("Whetstone toggle ", ["code", "file", "workspace"]),
        ("Whetstone test l", ["last"]),
        ("Whetstone log ", []),
        ("'<,'>Whetstone tr", ["traceback"]),
    ],
)
def test_completion(start, typed, found):
    nvim = start()
    assert nvim.lua("return vim.fn.getcompletion(..., 'cmdline')", typed) == found


def test_what_is_no_command_is_answered_with_what_is(start):
    nvim = start()
    nvim.lua("vim.notify = function(text) vim.g.said = text end")
    nvim.command("Whetstone previw")
    assert nvim.lua("return vim.g.said").startswith(
        "Whetstone: previw is not a command; there are accept, log, next, prefs, preview"
    )
    nvim.command("Whetstone toggle everything")
    assert nvim.lua("return vim.g.said") == "Whetstone: toggle takes file, workspace, code"
    nvim.command("Whetstone preview now")
    assert nvim.lua("return vim.g.said") == "Whetstone: preview takes no argument"


def test_help_has_a_tag_for_each_command_and_every_link_leads_somewhere(start, tmp_path):
    doc = tmp_path / "doc"
    doc.mkdir()
    text = (PLUGIN / "doc/whetstone.txt").read_text(encoding="utf-8")
    (doc / "whetstone.txt").write_text(text, encoding="utf-8")
    nvim = start(before=[f"set runtimepath^={PLUGIN},{tmp_path}"])
    nvim.command(f"helptags {doc}")
    commands = nvim.lua("return require('whetstone.commands').complete('', 'Whetstone ')")
    tags = {line.split("\t")[0] for line in (doc / "tags").read_text().splitlines()}
    assert {f":Whetstone-{name}" for name in commands} <= tags
    for link in set(re.findall(r"\|([^|\s]+)\|", text)):
        nvim.command(f"help {link}")
    defaults = nvim.lua("return vim.tbl_keys(require('whetstone.config').defaults)")
    assert all(f"      {name} = " in text for name in defaults)


def test_plug_mappings_exist_and_nothing_else_is_mapped(start, world):
    nvim = start()
    nvim.open(world.file)
    mapped = nvim.lua(
        "return vim.tbl_map(function(m) return m.lhs end, vim.tbl_filter(function(m)\n"
        "  return (m.rhs or m.desc or ''):find('[Ww]hetstone') ~= nil\n"
        "end, vim.list_extend(vim.api.nvim_get_keymap('n'), vim.api.nvim_get_keymap('x'))))"
    )
    assert "<Plug>(whetstone-preview)" in mapped
    assert all(each.startswith("<Plug>(whetstone-") for each in mapped)
    text = (PLUGIN / "doc/whetstone.txt").read_text(encoding="utf-8")
    assert all(each in text for each in mapped)


def test_toggle_silences_the_file_and_back(start, world):
    nvim = start()
    nvim.open(world.file)
    nvim.until("diagnostics", lambda: len(nvim.diagnostics()) == 4)
    nvim.command("Whetstone toggle")
    nvim.until("silence", lambda: nvim.diagnostics() == [])
    assert "off for this file" in nvim.messages()
    nvim.command("Whetstone toggle file")
    nvim.until("diagnostics again", lambda: len(nvim.diagnostics()) == 4)
    assert "on again for this file" in nvim.messages()


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ("workspace", []),
        ("code", [(story.REJECT.line, "E711"), (story.UNDO.line, "F541")]),  # of F821
        ("code E711", [(step.line, step.code) for step in story.STEPS if step.code != "E711"]),
    ],
)
def test_toggle_silences_a_workspace_or_a_rule_and_back(start, world, scope, left):
    nvim = start()
    nvim.open(world.file)
    nvim.until("diagnostics", lambda: len(nvim.diagnostics()) == 4)
    nvim.cursor(story.ACCEPT.line)
    nvim.command(f"Whetstone toggle {scope}")
    nvim.until("silence", lambda: nvim.diagnostics() == sorted(left))
    nvim.command(f"Whetstone toggle {scope if ' ' in scope or not left else 'code F821'}")
    nvim.until("diagnostics again", lambda: len(nvim.diagnostics()) == 4)


def test_status_says_what_is_ready(start, world):
    nvim = start()
    nvim.open(world.file)
    nvim.until("a status", lambda: "4 fixes ready" in nvim.lua(STATUSLINE))
    nvim.lua("vim.notify = function(text) vim.g.said = text end")
    nvim.command("Whetstone status")
    seen = nvim.until(
        "the status", lambda: nvim.lua("return vim.g.said") or "\n".join(floats(nvim))
    )
    assert "4 fixes ready" in seen
    assert "starter" in seen


def floats(nvim):
    """The text of every floating window."""
    return nvim.lua(
        "local found = {}\n"
        "for _, window in ipairs(vim.api.nvim_list_wins()) do\n"
        "  if vim.api.nvim_win_get_config(window).relative ~= '' then\n"
        "    local buffer = vim.api.nvim_win_get_buf(window)\n"
        "    vim.list_extend(found, vim.api.nvim_buf_get_lines(buffer, 0, -1, false))\n"
        "  end\n"
        "end\n"
        "return found"
    )


def test_log_opens_the_log_of_language_servers(start, world):
    nvim = start()
    nvim.command("Whetstone log")
    assert nvim.lua("return vim.api.nvim_buf_get_name(0)").endswith("lsp.log")

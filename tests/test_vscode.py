"""The extension of VS Code and the documents have the settings that the server takes.

`npm test` in cnncalc/lsp/vscode tests the extension itself.
"""

from __future__ import annotations

import json
import re
from typing import Any

from cnncalc.lsp.settings import Settings, settings_from

from .command import ROOT

FOLDER = ROOT / "cnncalc" / "lsp" / "vscode"
OTHERS = ("command", "statusBar")  # which the server does not know


def properties() -> dict[str, Any]:
    """Return the settings of the extension, by their names without `cnncalc`."""
    package = json.loads((FOLDER / "package.json").read_text("utf-8"))
    found = package["contributes"]["configuration"]["properties"]
    return {name.removeprefix("cnncalc."): own for name, own in found.items()}


def sent(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings as the extension sends them."""
    nested: dict[str, Any] = {}
    for name, value in values.items():
        *owners, last = name.split(".")
        inner = nested
        for owner in owners:
            inner = inner.setdefault(owner, {})
        inner[last] = value
    return {"cnncalc": nested}


def test_the_defaults_are_those_of_the_server() -> None:
    own = {name: one["default"] for name, one in properties().items() if name not in OTHERS}
    other = Settings(*(not v if isinstance(v, bool) else v + 1 for v in Settings()))
    assert settings_from(sent(own), other) == Settings()
    assert len(own) == len(Settings())


def test_the_documents_list_every_setting() -> None:
    page = (ROOT / "docs" / "how-to" / "editor.md").read_text("utf-8")
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    listed = set(re.findall(r"`((?:hints|codeLens)\.\w+|checkAfter)`", table))
    assert listed == {name for name in properties() if name not in OTHERS}


def test_wrong_settings_are_passed_over() -> None:
    for wrong in (None, 3, "x", [], {"cnncalc": 3}, {"hints": {"shape": "yes"}, "checkAfter": -1}):
        assert settings_from(wrong) == Settings(), wrong


def test_no_lock_names_a_registry() -> None:
    assert not (FOLDER / "package-lock.json").exists()
    assert "package-lock=false" in (FOLDER / ".npmrc").read_text("utf-8")

"""The command that adds an extra suits the place that cnncalc was installed from.

It never names a package index."""

from __future__ import annotations

import json
import re
import subprocess
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest

from cnncalc import extras

from .command import ROOT

REQUIRES = ["rich>=13", 'torch>=2.11; extra == "torch"', "numpy>=1.26 ; extra == 'sweep'"]


class Installed(Distribution):
    """An installed cnncalc, with a record of where it came from."""

    def __init__(self, record: dict[str, Any] | None) -> None:
        self._record = record

    def read_text(self, filename: str) -> str | None:
        return json.dumps(self._record) if self._record and "direct_url" in filename else None

    def locate_file(self, path: Any) -> Any:
        return Path(path)

    @property
    def metadata(self) -> Any:
        return Message()

    @property
    def requires(self) -> list[str]:
        return REQUIRES


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy that is not in a checkout."""
    monkeypatch.setattr(extras, "_CHECKOUT", tmp_path)
    return tmp_path


def test_a_checkout_is_installed_from_its_folder() -> None:
    assert extras.install_command("torch") == f"pip install '{ROOT}[torch]'"


def test_an_installed_copy_is_installed_by_its_record(
    away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = {"vcs": "git", "commit_id": "1234abc"}
    packages = "pip install 'torch>=2.11'"
    for record, wanted in (
        (None, packages),
        ({"url": (away / "gone").as_uri(), "dir_info": {}}, packages),
        ({"url": away.as_uri(), "dir_info": {}}, f"pip install '{away}[torch]'"),
        (
            {"url": "https://a.example/c.git", "vcs_info": commit},
            "pip install 'cnncalc[torch] @ git+https://a.example/c.git@1234abc'",
        ),
        (
            {"url": "https://a.example/c.whl", "archive_info": {}},
            "pip install 'cnncalc[torch] @ https://a.example/c.whl'",
        ),
    ):
        monkeypatch.setattr(extras, "distribution", lambda name, r=record: Installed(r))
        assert extras.install_command("torch") == wanted


def test_nothing_claims_to_be_on_an_index() -> None:
    """No command looks for the name on an index, and no page on one is linked."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    said = re.compile(r"(pip|uvx?|pipx)( tool)? (install|run|add) ['\"]?cnncalc\b|pypi\.org", re.I)
    for name in listed.stdout.split():
        if Path(name).suffix in (".py", ".md", ".yml", ".yaml", ".toml") and name != (
            "tests/test_extras.py"
        ):
            assert not said.search((ROOT / name).read_text("utf-8", "replace")), name

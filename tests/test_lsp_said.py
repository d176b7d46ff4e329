"""The language server says what it cannot do, and does nothing about wrong arguments."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .raw_client import over_streams, started

pytest.importorskip("pygls")
from cnncalc.lsp.saved_specs import MOST_FILES, SavedSpecs

SPEC = """\
cnncalc: 1
name: Net
input: [3, 16, 16]
blocks:
  unit:
    params: {out: }
    layers:
      - conv: {out: out, kernel: 3}
layers:
  - unit: 4
  - unit: 5
  - unit: 6
"""
FAULTY = SPEC + "  - maxpool: 99\n"


class Project:
    """A folder with a spec that an editor has open."""

    def __init__(self, folder: Path, server: subprocess.Popen[bytes]):
        self.folder, self.file, self.version = folder, folder / "net.cnn.yaml", 1
        self.uri = self.file.as_uri()
        self.client = over_streams(server).initialize()

    def configure(self, text: str) -> None:
        """Save a configuration."""
        (self.folder / "pyproject.toml").write_text(text, "utf-8")
        change = {"uri": (self.folder / "pyproject.toml").as_uri(), "type": 2}
        self.client.tell("workspace/didChangeWatchedFiles", {"changes": [change]})

    def type(self, text: str) -> None:
        """Open the document, or change all of it."""
        if self.version == 1:
            self.client.open(self.uri, text)
        else:
            self.client.change(self.uri, self.version, text)
        self.version += 1

    def said(self) -> list[str]:
        """Return what the server showed since it was last asked, now that it knows the text."""
        self.client.hints(self.uri)
        found = [params["message"] for params in self.client.messages("window/showMessage")]
        self.client.told.clear()
        return found

    def codes(self) -> set[str]:
        """Return the codes of the findings in the newest text."""
        self.client.hints(self.uri)
        found = self.client.messages("textDocument/publishDiagnostics")[-1]["diagnostics"]
        return {one["code"] for one in found}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    server = started(tmp_path)
    yield Project(tmp_path, server)
    server.kill()
    server.wait()


@pytest.mark.parametrize(
    "wrong, word",
    [("[tool.cnncalc\n", "pyproject.toml"), ("[tool.cnncalc]\nignor = []\n", "ignor")],
)
def test_a_wrong_configuration_is_said_once(project: Project, wrong: str, word: str) -> None:
    project.configure(wrong)
    project.type(SPEC)
    (said,) = project.said()
    assert word in said and "no configuration counts" in said
    project.type(f"{SPEC}\n")
    project.configure(wrong)
    assert project.said() == []
    project.configure("[tool.cnncalc]\n")
    assert project.said() == []
    project.configure(wrong)
    assert project.said() == [said]
    project.configure("[tool.cnncalc]\nselect = 7\n")
    (other,) = project.said()
    assert "select" in other


def test_a_wrong_baseline_is_said_once(project: Project) -> None:
    project.configure('[tool.cnncalc]\nbaseline = "known.json"\n')
    project.type(SPEC)
    (said,) = project.said()
    assert "known.json" in said and "no baseline counts" in said
    project.type(f"{SPEC}\n")
    assert project.said() == []


def test_halves_of_surrogate_pairs_are_reported(project: Project) -> None:
    text = SPEC.replace("Net", "\ud800")
    project.type(text)
    assert project.codes() == {"CNN001"}
    options = {"tabSize": 2, "insertSpaces": True}
    document = {"textDocument": {"uri": project.uri}}
    for method, params in (
        ("formatting", {"options": options}),
        ("documentSymbol", {}),
        ("codeLens", {}),
        ("foldingRange", {}),
        ("semanticTokens/full", {}),
        ("hover", {"position": {"line": 1, "character": 7}}),
        ("completion", {"position": {"line": 1, "character": 7}}),
        ("documentHighlight", {"position": {"line": 1, "character": 7}}),
    ):
        project.client.ask(f"textDocument/{method}", {**document, **params})
    project.type(SPEC)
    assert project.codes() == set()


@pytest.mark.parametrize(
    "command, arguments",
    [
        ("showUse", ("unit", -1)),
        ("showUse", ("unit", 3)),
        ("showUse", ("other", 0)),
        ("showVariant", ("large",)),
    ],
)
def test_commands_with_wrong_arguments_do_nothing(
    project: Project, command: str, arguments: tuple[Any, ...]
) -> None:
    def lenses() -> list[str]:
        document = {"textDocument": {"uri": project.uri}}
        found = project.client.ask("textDocument/codeLens", document)
        return [lens["command"]["title"] for lens in found]

    project.type(SPEC)
    hints = project.client.hints(project.uri)
    project.client.command("showUse", project.uri, "unit", 2)
    shown = project.client.hints(project.uri), lenses()
    assert shown[0] != hints and "use 3 of 3: unit3" in " ".join(shown[1])
    project.client.command(command, project.uri, *arguments)
    project.client.command(command, "file:///nowhere.yaml", *arguments)
    assert (project.client.hints(project.uri), lenses()) == shown
    project.type(SPEC.replace("  - unit: 6\n", ""))  # the chosen use is gone
    assert project.client.hints(project.uri) == hints[:-1]
    assert any("use 1 of 2" in title for title in lenses())


def test_only_a_saved_file_is_compared(project: Project) -> None:
    project.type(SPEC)
    assert project.client.command("compareWithSaved", project.uri) is None
    (said,) = project.said()
    assert "no saved file" in said and "did you mean" not in said
    project.file.write_text(SPEC, "utf-8")
    assert project.client.command("compareWithSaved", project.uri) == ""


def test_names_are_found_in_every_saved_spec(tmp_path: Path) -> None:
    number = 300
    for n in range(number):
        text = f"name: net{n}\ninput: [3, 8, 8]\nlayers: [relu]\n"
        (tmp_path / f"{n}.cnn.yaml").write_text(text, "utf-8")
    known = SavedSpecs()

    def names() -> set[str]:
        return {symbol.name for symbol in known.names([str(tmp_path)], [])}

    assert names() == {f"net{n}" for n in range(number)}
    first = tmp_path / "0.cnn.yaml"
    first.write_text(first.read_text("utf-8").replace("net0", "changed"), "utf-8")
    os.remove(tmp_path / "1.cnn.yaml")
    assert names() == {"changed", *(f"net{n}" for n in range(2, number))}
    assert [*known.remarks()] == []


def test_names_that_are_not_searched_are_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnncalc.lsp.saved_specs.MOST_FILES", 1)
    assert MOST_FILES > 1
    for n in range(2):
        (tmp_path / f"{n}.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n", "utf-8")
    known = SavedSpecs()
    for expected in (1, 0):
        assert len([*known.names([str(tmp_path)], [])]) == 1
        assert len([*known.remarks()]) == expected

"""What the action writes for a pull request: what changed in each spec, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .command import ROOT, python_path

pytestmark = pytest.mark.skipif(
    not (shutil.which("bash") and shutil.which("git")), reason="bash or git is not installed"
)
SPEC = "cnncalc: 1\ninput: [3, 32, 32]\nlayers: [{{conv: {{out: {out}, kernel: 3}}}}, relu]\n"


def git(folder: Path, *words: str) -> None:
    author = ["-c", "user.email=a@example.org", "-c", "user.name=a"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


def compared(folder: Path, **variables: str) -> str:
    summary = folder.parent / "summary.md"
    environment = {
        **os.environ,
        "PYTHONPATH": python_path(),
        "CNNCALC": f"{sys.executable} -m cnncalc",
        "BASE": "HEAD~1",
        "PATHS": ".",
        "SUMMARY": str(summary),
        "PAGES": "",
        **variables,
    }
    script = ["bash", str(ROOT / "action" / "compare.sh")]
    done = subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return summary.read_text("utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", ".")
    (folder / "net.yaml").write_text(SPEC.format(out=8))
    (folder / "same.yaml").write_text(SPEC.format(out=8))
    (folder / "other.yaml").write_text("a: 1\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    return folder


def test_changed_and_new_specs_are_compared(repository: Path) -> None:
    (repository / "net.yaml").write_text(SPEC.format(out=16))
    (repository / "other.yaml").write_text("a: 2\n")
    (repository / "new one.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    (repository / "broken.cnn.yaml").write_text("input: [3, 8]\nlayers: [conv: 1]\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "two")
    text = compared(repository)
    assert "| params | 224 | 448 | +224 (+100.0%) | ████████ |" in text
    assert "### new one" in text and "relu1" in text
    assert "`broken.cnn.yaml` has errors" in text
    assert "other" not in text.replace("HEAD", "") and "same" not in text
    assert compared(repository, PATHS="same.yaml\n") == "No spec changed.\n"


def test_a_long_comparison_fits_into_a_comment(repository: Path) -> None:
    rows = "\n".join(f"  - conv: {{out: {n % 50 + 1}, kernel: 1}}" for n in range(900))
    (repository / "net.yaml").write_text(f"cnncalc: 1\ninput: [3, 32, 32]\nlayers:\n{rows}\n")
    git(repository, "commit", "-qam", "two")
    text = compared(repository)
    assert len(text) <= 60_100 and text.startswith("### net")


def test_the_action_is_a_valid_action() -> None:
    action: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    assert action["runs"]["using"] == "composite"
    names = {f"inputs.{name}" for name in action["inputs"]}
    used = (ROOT / "action.yml").read_text("utf-8")
    for name in names:
        assert name in used
    for step in action["runs"]["steps"]:
        assert "uses" in step or step["shell"] == "bash"
        assert "${{ inputs" not in step.get("run", "")  # values of inputs are never code
        assert "${{ github" not in step.get("run", "")

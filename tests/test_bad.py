"""Specs with mistakes: code, line, column and exit status as their first line says by hand, text as the file beside them.

CNNCALC_UPDATE=1 writes the texts; the first lines are written by people.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cnncalc.diagnostic import CATALOGUE

FOLDER = Path(__file__).parent / "bad"
FILES = sorted(FOLDER.glob("*.yaml"))
ELSEWHERE = {"CNN002", "CNN111", "CNN305", "CNN901"}  # of the command line, not of a file: test_cli.py
TORCH = {"CNN401", "CNN402", "CNN403", "CNN404", "CNN405", "CNN406", "CNN407"}  # of torch: test_verify.py, test_contract.py, test_profile.py
HEAD = re.compile(r"# (CNN\d{3}) (\d+):(\d+) exit (\d)\n")


def run(path: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(FOLDER.parent.parent)}
    return subprocess.run([sys.executable, "-m", "cnncalc", "analyze", path.name], cwd=FOLDER, capture_output=True, text=True, timeout=10, check=False, env=environment)


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_mistake(path: Path) -> None:
    head = HEAD.match(path.read_text("utf-8"))
    assert head, "the first line states code, line:column and exit status"
    code, line, column, status = head.groups()
    assert path.name.startswith(code)
    done = run(path)
    assert f"[{code}]" in done.stderr, done.stderr
    assert f"--> {path.name}:{line}:{column}" in done.stderr.split(f"[{code}]")[1].split("\n")[1], done.stderr
    assert done.returncode == int(status)
    assert "Traceback" not in done.stderr
    beside = path.with_suffix(".txt")
    if os.environ.get("CNNCALC_UPDATE"):
        beside.write_text(done.stderr, "utf-8")
    assert done.stderr == beside.read_text("utf-8")


def test_every_code_has_a_file() -> None:
    shown = {path.name[:6] for path in FILES}
    assert shown == set(CATALOGUE) - ELSEWHERE - TORCH

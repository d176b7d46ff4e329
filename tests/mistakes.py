"""Lists the invalid specs in `tests/bad`, and reads what their first lines say about them."""

from __future__ import annotations

import re
from pathlib import Path

from .command import ROOT

FOLDER = ROOT / "tests" / "bad"
FILES = sorted(FOLDER.glob("*.yaml"))
CASES = ROOT / "tests" / "real"  # broken specs that people wrote or that random search found
_HEAD = re.compile(r"# (CNN\d{3}) (\d+):(\d+) exit (\d)\n")
_ALSO = re.compile(r"# and (CNN\d{3}) (\d+):(\d+)\n")


def stated(path: Path) -> tuple[set[tuple[str, int, int]], int]:
    """Return the findings of a file as (code, line, column), and the exit status."""
    text = path.read_text("utf-8")
    head = _HEAD.match(text)
    assert head, "the first line states code, line:column and exit status"
    assert path.name.startswith(head[1])
    found = [head.groups()[:3], *(match.groups() for match in _ALSO.finditer(text))]
    return {(code, int(line), int(column)) for code, line, column in found}, int(head[4])

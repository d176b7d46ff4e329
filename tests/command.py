"""The command line, as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def python_path(*first: Path) -> str:
    """Where a child process finds packages: some folders, the checkout, then where this one finds them."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join(map(str, [*first, ROOT, *([inherited] if inherited else [])]))


def run(
    folder: Path, *arguments: str, input: str | None = None, timeout: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`cnncalc` with these arguments in a folder, on a screen of 100 columns without colours."""
    variables = {
        **os.environ,
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "PYTHONPATH": python_path(),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-m", "cnncalc", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=variables,
        timeout=timeout,
        input=input,
    )

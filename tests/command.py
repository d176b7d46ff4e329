"""The command line, as a user calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(folder: Path, *arguments: str, input: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`cnncalc` with these arguments in a folder, on a screen of 100 columns without colours."""
    variables = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, "-m", "cnncalc", *arguments], cwd=folder, capture_output=True, text=True, check=False, env=variables, timeout=60, input=input)

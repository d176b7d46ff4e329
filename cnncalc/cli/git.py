"""Files as they are in a revision of git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..diagnostic import Diagnostic, Mistake


def text_in_revision(revision: str, path: str) -> str:
    """Return the text of a file in a revision.

    The path is looked up from the current folder, then from the root of the repository.
    """
    from ..language.load import read_bytes

    name = f"{revision}:{path}"
    why = ""
    for place in [path] if Path(path).is_absolute() else [f"./{path}", path]:
        command = ["git", "show", "--end-of-options", f"{revision}:{place}"]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except OSError:
            raise _unreadable(name, "git is not installed") from None
        if done.returncode == 0:
            return read_bytes(name, done.stdout)
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1]
        why = why or last.removeprefix("fatal: ")
    raise _unreadable(name, why)


def _unreadable(name: str, why: str) -> Mistake:
    return Mistake(Diagnostic("CNN002", f"cannot read {name}: {why}"))

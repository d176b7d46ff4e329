"""Reads files from a revision in git."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ..diagnostic import Diagnostic, Mistake

_MOST_OF_ERRORS = 10_000  # bytes


def text_in_revision(revision: str, path: str) -> str:
    """Return the text of a file in a revision.

    The path is tried from the current folder, then from the root of the repository.
    """
    from ..language.load import read_bytes
    from ..language.yaml_tree import MAX_BYTES

    name = f"{revision}:{path}"
    why = ""
    for place in [path] if Path(path).is_absolute() else [f"./{path}", path]:
        command = ["git", "show", "--end-of-options", f"{revision}:{place}"]
        data, errors = _output(command, MAX_BYTES + 1, name)
        if not errors:
            return read_bytes(name, data)
        why = why or errors.splitlines()[-1].removeprefix("fatal: ")
    raise _unreadable(name, why)


def _output(command: list[str], most: int, name: str) -> tuple[bytes, str]:
    """Return the first bytes that a command prints, and its error message if it fails."""
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    except OSError:
        raise _unreadable(name, "git is not installed") from None
    with process:
        assert process.stdout is not None and process.stderr is not None
        data = process.stdout.read(most)
        if len(data) == most:
            process.kill()  # the rest is not needed
            return data, ""
        errors = process.stderr.read(_MOST_OF_ERRORS).decode("utf-8", "replace").strip()
    return data, (errors or "git failed") if process.returncode else ""


def _unreadable(name: str, why: str) -> Mistake:
    return Mistake(Diagnostic("CNN002", f"cannot read {name}: {why}"))

"""The README's commands print what it shows. CNNCALC_UPDATE=1 writes what they print into it."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from cnncalc.conventions import CONVENTIONS
from cnncalc.ops import OPS
from cnncalc.ops.base import Op

from .command import python_path
from .measured.record import markdown

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
UPDATE = bool(os.environ.get("CNNCALC_UPDATE"))
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.S)


def printed(command: str, folder: Path) -> str:
    """What a command prints, in a terminal of 100 columns without colours."""
    arguments = shlex.split(command)
    assert arguments[0] == "cnncalc"
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": python_path()},
    )
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    text = re.sub(
        r"(?m)^(time +)[\d.]+ s$", r"\g<1>1.0 s", "\n".join(lines)
    )  # what differs from run to run and from torch to torch
    return re.sub(r"torch \d+\.\d+\.\d+\S*", "torch 2.13.0", text)


def shown(block: str, folder: Path) -> str:
    """A console block with every command followed by what it prints."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    return "".join(f"{line}\n{printed(line[2:], folder)}\n" for line in commands)


def operators() -> str:
    """The table of operators, from their classes."""
    lines = ["| operator | takes | |", "|---|---|---|"]
    for op in OPS:
        fields = ", ".join(
            taken(op, name)
            for name in sorted(op.fields(), key=lambda name: not op.fields()[name].is_required())
        )
        text = (op.__doc__ or "").split("\n\n")[0].replace("\n", " ").replace("|", "\\|").strip()
        lines.append(
            f"| `{op.key}` | {fields or ('branches or names' if op.inputs[1] is None else '')} | {' '.join(text.split())} |"
        )
    return "\n".join(lines)


def conventions() -> str:
    """The conventions, and what their users should know."""
    lines = ["| convention | whose | |", "|---|---|---|"]
    lines += [
        f"| `{convention.name}` | {convention.who} | {' '.join(note.text for note in convention.notes)} |"
        for convention in CONVENTIONS.values()
    ]
    return "\n".join(lines)


def taken(op: type[Op], name: str) -> str:
    """A field: bold where a bare value sets it, with its default unless it must be given."""
    field = op.fields()[name]
    shown = f"**{name}**" if name == op.main else name
    default = (
        {True: "true", False: "false"}.get(field.default, field.default)
        if isinstance(field.default, bool)
        else field.default
    )
    return (
        f"{shown} (required)"
        if field.is_required()
        else shown
        if field.default is None
        else f"{shown}: {default}"
    )


def test_readme(tmp_path: Path) -> None:
    text = README.read_text("utf-8")
    for kind, block in BLOCK.findall(text):
        if kind in ("yaml", "python") and block.startswith("# "):
            (tmp_path / block.partition("\n")[0][2:].strip()).write_text(block, "utf-8")
    wanted = BLOCK.sub(
        lambda m: f"```console\n{shown(m[2], tmp_path)}```" if m[1] == "console" else m[0], text
    )
    wanted = re.sub(
        r"(<!-- operators -->\n).*?(<!-- /operators -->)",
        lambda m: (
            f"{m[1]}{operators()}\n\nFields with their defaults; a bare value sets the **bold** one.\n{m[2]}"
        ),
        wanted,
        flags=re.S,
    )
    wanted = re.sub(
        r"(<!-- conventions -->\n).*?(<!-- /conventions -->)",
        lambda m: f"{m[1]}{conventions()}\n{m[2]}",
        wanted,
        flags=re.S,
    )
    wanted = re.sub(
        r"(<!-- measured -->\n).*?(<!-- /measured -->)",
        lambda m: f"{m[1]}{markdown()}\n{m[2]}",
        wanted,
        flags=re.S,
    )
    if UPDATE:
        README.write_text(wanted, "utf-8")
    assert text == wanted or UPDATE, (
        "CNNCALC_UPDATE=1 pytest tests/test_readme.py writes what the commands print now"
    )


def test_library_examples() -> None:
    failures, tried = doctest.testfile(
        str(README), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS
    )
    assert tried > 8
    assert failures == 0


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    text = README.read_text("utf-8")
    command = next(
        block.strip() for kind, block in BLOCK.findall(text) if kind == "sh" and "pytest" in block
    )
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")
